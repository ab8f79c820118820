import { configError } from "@proxyless/core";
import {
  knownKeys,
  oneOf,
  optionalText,
  record,
  resolveTls,
  resolveToken,
  resolveUrls,
  text,
  wholeNumber,
} from "@proxyless/core/discovery";
import type { RegistryTls } from "@proxyless/core/discovery";

import { readTls } from "./cluster.ts";
import type { Cluster, Pem } from "./cluster.ts";
import { inCluster } from "./in-cluster.ts";
import { defaultKubeconfigs, readKubeconfig } from "./kubeconfig.ts";
import { isLabel } from "./service-name.ts";

/** Which addresses of a dual-stack service are used. `prefer-…`: the other family only for pods that have no other. */
export type AddressFamily = "prefer-ipv4" | "prefer-ipv6" | "ipv4" | "ipv6";

/** How to look services up in Kubernetes. */
export interface KubernetesOptions {
  /** Address of the API server, or several; `kubectl proxy` too. Default: found by `kubeconfig`, or from the pod. */
  readonly url?: string | readonly string[];
  /** A bearer token; only with `url`, not together with `tokenFile`. */
  readonly token?: string;
  /** A file with a bearer token, read again every minute; only with `url`. */
  readonly tokenFile?: string;
  /** Only with `url`. */
  readonly tls?: RegistryTls;
  /**
   * In a pod, the folder with its `token`, `ca.crt` and `namespace`, all of them read again every minute. Default:
   * `/var/run/secrets/kubernetes.io/serviceaccount`.
   */
  readonly serviceAccountFolder?: string;
  /** A kubeconfig file, or several that are merged. Default: in a pod the pod's own access, else `KUBECONFIG`, else `~/.kube/config`. */
  readonly kubeconfig?: string | readonly string[];
  /** A context of the kubeconfig. Default: its `current-context`. */
  readonly context?: string;
  /** The namespace of service names that say none. Default: the context's or the pod's own, else `default`. */
  readonly namespace?: string;
  /**
   * Which port to call: the name or the number that the slices have (the pod's port, not the service's), for all
   * services or by service name. Default: the only one, else the one called `http`, else `https`.
   */
  readonly port?: string | number | Readonly<Record<string, string | number>>;
  /** Default: `prefer-ipv4`. */
  readonly family?: AddressFamily;
  /** Only slices that one of these manages (`endpointslice-controller.k8s.io`). Default: all, as kube-proxy does. */
  readonly managedBy?: string | readonly string[];
  /** The zone this process runs in, for topology hints. Default: the environment's `PROXYLESS_ZONE`; without one hints are ignored. */
  readonly zone?: string;
  /** The node this process runs on, for topology hints. Default: the environment's `NODE_NAME`. */
  readonly nodeName?: string;
  /** `false` ignores topology hints. Default: true. */
  readonly hints?: boolean;
  /**
   * When more services of a namespace are watched than this, one watch follows the whole namespace instead; 0 to
   * 10,000, 0 for always. Default: 20.
   */
  readonly maxServiceWatches?: number;
  /** `auto` streams the first list where the server does that (Kubernetes 1.32 and later), else lists. `never` lists. Default: `auto`. */
  readonly watchList?: "auto" | "never";
  /** The most slices in one page of a list, 1 to 10,000. Default: 500. */
  readonly pageSize?: number;
  /** How long one watch lasts before it is renewed, in milliseconds, spread by a fifth, 10,000 to 3,600,000. Default: 290,000. */
  readonly watchMs?: number;
  /**
   * A watch that says nothing for so long may be dead and is begun again with a list, in milliseconds, 1,000 to
   * 3,600,000. Bookmarks come every minute, while anything changes. Default: 120,000.
   */
  readonly silenceMs?: number;
  /** How long an answer may take that has no reason to wait, in milliseconds, 100 to 600,000. Default: 10,000. */
  readonly requestTimeoutMs?: number;
  /** The largest page or event that is read, in bytes, 1,024 to 1 GiB. Default: 32 MiB. */
  readonly maxBodyBytes?: number;
  /** How long an empty answer is held back, in milliseconds, 0 to a day: short, because other pods get the addresses. Default: 15,000. */
  readonly emptyHoldMs?: number;
}

const keys = [
  "url",
  "token",
  "tokenFile",
  "tls",
  "serviceAccountFolder",
  "kubeconfig",
  "context",
  "namespace",
  "port",
  "family",
  "managedBy",
  "zone",
  "nodeName",
  "hints",
  "maxServiceWatches",
  "watchList",
  "pageSize",
  "watchMs",
  "silenceMs",
  "requestTimeoutMs",
  "maxBodyBytes",
  "emptyHoldMs",
];

/** The port that is wanted: of every service, or by service name. */
type WantedPorts = string | number | ReadonlyMap<string, string | number> | undefined;

/** {@link KubernetesOptions}, checked and complete. */
export interface Settings {
  readonly cluster: Cluster;
  /** What the TLS files held at the start. */
  readonly tls: RegistryTls | undefined;
  readonly port: WantedPorts;
  readonly family: AddressFamily;
  readonly managedBy: readonly string[];
  readonly zone: string | undefined;
  readonly nodeName: string | undefined;
  readonly hints: boolean;
  readonly maxServiceWatches: number;
  readonly watchList: "auto" | "never";
  readonly pageSize: number;
  readonly watchMs: number;
  readonly silenceMs: number;
  readonly requestTimeoutMs: number;
  readonly maxBodyBytes: number;
  readonly emptyHoldMs: number;
}

/** Checks the options of a source; throws `ERR_PROXYLESS_CONFIG`. */
export function resolveOptions(options: KubernetesOptions, env: NodeJS.ProcessEnv): Settings {
  knownKeys("", record("options", options), keys);
  const cluster = resolveCluster(options, env);
  const hints: unknown = options.hints ?? true;
  if (typeof hints !== "boolean") throw configError("hints", "true or false", hints);
  return Object.freeze({
    cluster,
    tls: cluster.tls === undefined ? undefined : readTls(cluster.tls, "tls"),
    port: ports(options.port),
    family: oneOf("family", options.family, ["prefer-ipv4", "prefer-ipv6", "ipv4", "ipv6"], "prefer-ipv4"),
    managedBy: managers(options.managedBy),
    zone: optionalText("zone", options.zone ?? present(env["PROXYLESS_ZONE"])),
    nodeName: optionalText("nodeName", options.nodeName ?? present(env["NODE_NAME"])),
    hints,
    maxServiceWatches: wholeNumber("maxServiceWatches", options.maxServiceWatches, 20, 0, 10_000),
    watchList: oneOf("watchList", options.watchList, ["auto", "never"], "auto"),
    pageSize: wholeNumber("pageSize", options.pageSize, 500, 1, 10_000),
    watchMs: wholeNumber("watchMs", options.watchMs, 290_000, 10_000, 3_600_000),
    silenceMs: wholeNumber("silenceMs", options.silenceMs, 120_000, 1000, 3_600_000),
    requestTimeoutMs: wholeNumber("requestTimeoutMs", options.requestTimeoutMs, 10_000, 100, 600_000),
    maxBodyBytes: wholeNumber("maxBodyBytes", options.maxBodyBytes, 32 * 1024 * 1024, 1024, 1024 ** 3),
    emptyHoldMs: wholeNumber("emptyHoldMs", options.emptyHoldMs, 15_000, 0, 86_400_000),
  });
}

function resolveCluster(options: KubernetesOptions, env: NodeJS.ProcessEnv): Cluster {
  const own = options.namespace === undefined ? undefined : namespace(options.namespace);
  const cluster = options.url === undefined ? found(options, env) : direct(options);
  return own === undefined ? cluster : { ...cluster, namespace: own };
}

function direct(options: KubernetesOptions): Cluster {
  for (const name of ["serviceAccountFolder", "kubeconfig", "context"] as const) {
    if (options[name] !== undefined) throw configError(name, "absent when url is given", options[name]);
  }
  const { ca, cert, key, ...rest } = resolveTls(options.tls) ?? {};
  const urls = resolveUrls(options.url, options.tls !== undefined);
  return {
    urls,
    token: resolveToken(options),
    tls:
      urls[0].protocol === "https:"
        ? { ...rest, ca: inline(ca), cert: inline(cert), key: inline(key) }
        : undefined,
    namespace: "default",
  };
}

function inline(data: string | Buffer | undefined): Pem | undefined {
  return data === undefined ? undefined : { data };
}

function found(options: KubernetesOptions, env: NodeJS.ProcessEnv): Cluster {
  for (const name of ["token", "tokenFile", "tls"] as const) {
    if (options[name] !== undefined) throw configError(name, "absent without url", "one");
  }
  const context = optionalText("context", options.context);
  if (options.kubeconfig === undefined && context === undefined) {
    const pod = inCluster(env, optionalText("serviceAccountFolder", options.serviceAccountFolder));
    if (pod !== undefined) return pod;
  }
  const files: readonly unknown[] = Array.isArray(options.kubeconfig)
    ? options.kubeconfig
    : [options.kubeconfig];
  const named =
    options.kubeconfig === undefined
      ? defaultKubeconfigs(env)
      : files.map((file) => text("kubeconfig", file));
  return readKubeconfig(named, context);
}

function namespace(value: unknown): string {
  if (typeof value === "string" && isLabel(value)) return value;
  throw configError("namespace", "the name of a namespace", value);
}

function ports(value: unknown): WantedPorts {
  if (value === undefined) return undefined;
  if (typeof value !== "object") return portOf("port", value);
  const given = record("port", value);
  return new Map(Object.entries(given).map(([service, one]) => [service, portOf(`port.${service}`, one)]));
}

function portOf(field: string, value: unknown): string | number {
  const isNumber = typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= 65_535;
  // Kubernetes wants a letter in the name of a port, so that it cannot be a number in disguise.
  const isName = typeof value === "string" && /^(?=.*[a-z])[a-z0-9-]{1,63}$/.test(value);
  if (isNumber || isName) return value;
  throw configError(field, "the name of a port or a whole number from 1 to 65535", value);
}

function managers(value: unknown): readonly string[] {
  const list: readonly unknown[] = value === undefined ? [] : Array.isArray(value) ? value : [value];
  return list.map((manager) => {
    if (typeof manager === "string" && /^[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$/.test(manager))
      return manager;
    throw configError("managedBy", "the value of a label, or an array of them", manager);
  });
}

function present(value: string | undefined): string | undefined {
  return value === "" ? undefined : value;
}
