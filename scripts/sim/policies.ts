import type { ServiceOptions } from "../../packages/core/src/index.ts";

/**
 * What can be compared, by name: options of a service, nothing else. Retries and circuits are off, so that it is the balancer
 * and the ejection that act; scenarios about failures that reach users lay their own over them.
 */
export const policies: Readonly<Record<string, ServiceOptions>> = {
  "round-robin": { balancer: "round-robin", retry: false, circuit: false },
  random: { balancer: "random", retry: false, circuit: false },
  default: { retry: false, circuit: false },
};
