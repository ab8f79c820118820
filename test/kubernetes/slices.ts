/** A pod, as the endpoint slice controller writes one into a slice. */
export interface PodInput {
  /** The pod's name; its uid is made of it. */
  readonly name: string;
  readonly ip: string;
  readonly ready?: boolean;
  readonly serving?: boolean;
  readonly terminating?: boolean;
  readonly zone?: string;
  readonly node?: string;
  readonly forZones?: readonly string[];
}

/** What a slice is made with. */
export interface SliceInput {
  readonly name: string;
  readonly service: string;
  readonly pods: readonly PodInput[];
  /** Default: one port without a name, 8080. */
  readonly ports?: readonly object[];
  readonly addressType?: string;
  readonly managedBy?: string;
}

/** An EndpointSlice as JSON, without its version, namespace and revision. */
export interface SliceJson {
  readonly metadata: {
    readonly name: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly [field: string]: unknown;
}

/** An EndpointSlice as the controller writes it. */
export function sliceJson(input: SliceInput): SliceJson {
  return {
    metadata: {
      name: input.name,
      labels: {
        "kubernetes.io/service-name": input.service,
        "endpointslice.kubernetes.io/managed-by": input.managedBy ?? "endpointslice-controller.k8s.io",
      },
    },
    addressType: input.addressType ?? "IPv4",
    ports: input.ports ?? [{ name: "", port: 8080, protocol: "TCP" }],
    endpoints: input.pods.map(endpointJson),
  };
}

/** One endpoint of a slice. */
function endpointJson(pod: PodInput): object {
  const ready = pod.ready ?? true;
  return {
    addresses: [pod.ip],
    conditions: { ready, serving: pod.serving ?? ready, terminating: pod.terminating ?? false },
    targetRef: { kind: "Pod", name: pod.name, namespace: "default", uid: `uid-${pod.name}` },
    ...(pod.node === undefined ? {} : { nodeName: pod.node }),
    ...(pod.zone === undefined ? {} : { zone: pod.zone }),
    ...(pod.forZones === undefined ? {} : { hints: { forZones: pod.forZones.map((name) => ({ name })) } }),
  };
}

/** `count` pods with addresses of their own, the first numbered `from`. */
export function pods(count: number, from = 1): readonly PodInput[] {
  return Array.from({ length: count }, (_, i) => {
    const n = from + i;
    return { name: `pod-${n}`, ip: `10.${1 + (n >> 16)}.${(n >> 8) & 255}.${n & 255}` };
  });
}
