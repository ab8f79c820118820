export { kubernetes } from "./source.ts";
export type { AddressFamily, KubernetesOptions } from "./options.ts";
