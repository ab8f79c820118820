/** A Kubernetes service. */
export interface ServiceName {
  readonly name: string;
  readonly namespace: string;
}

const label = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

/** Whether a text is a name that Kubernetes gives to a service or a namespace. */
export function isLabel(value: string): boolean {
  return label.test(value);
}

/**
 * Reads the name that a user calls: `orders`, `orders.shop`, `orders.shop.svc`, `orders.shop.svc.cluster.local` (or any
 * other cluster domain). `undefined` for anything else.
 * @param namespace the namespace of a name that says none
 */
export function readServiceName(service: string, namespace: string): ServiceName | undefined {
  const [name = "", space = namespace, svc, ...domain] = service.replace(/\.$/, "").split(".");
  if (!isLabel(name) || !isLabel(space)) return undefined;
  if (svc !== undefined && svc !== "svc") return undefined;
  return domain.every(isLabel) ? { name, namespace: space } : undefined;
}
