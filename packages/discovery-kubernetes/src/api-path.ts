/** The versions of `discovery.k8s.io` that serve EndpointSlices: v1 since Kubernetes 1.21, v1beta1 from 1.17 to 1.24. */
export type ApiVersion = "v1" | "v1beta1";

/** Whose slices are followed: of one service, or of all in a namespace. */
export interface Scope {
  readonly namespace: string;
  /** `undefined`: all services. */
  readonly service: string | undefined;
  readonly managedBy: readonly string[];
}

/** The path of a list or a watch of slices; parameters without a value are left out. */
export function slicesPath(
  version: ApiVersion,
  scope: Scope,
  parameters: Readonly<Record<string, string | number | boolean | undefined>>,
): string {
  const query = new URLSearchParams({ labelSelector: selector(scope) });
  for (const [key, value] of Object.entries(parameters)) {
    if (value !== undefined && value !== "") query.set(key, String(value));
  }
  return `/apis/discovery.k8s.io/${version}/namespaces/${scope.namespace}/endpointslices?${query.toString()}`;
}

function selector({ service, managedBy }: Scope): string {
  const label = "kubernetes.io/service-name";
  const ofService = service === undefined ? label : `${label}=${service}`;
  if (managedBy.length === 0) return ofService;
  return `${ofService},endpointslice.kubernetes.io/managed-by in (${managedBy.join(",")})`;
}
