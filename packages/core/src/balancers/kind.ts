import type { Balancer } from "./picker.ts";

/** A kind of balancer that options can name. */
export interface BalancerKind {
  readonly name: string;
  /** The options it takes besides `type`. */
  readonly keys: readonly string[];
  /**
   * Makes a balancer of this kind.
   * @param given what the user wrote; it has no other keys than `keys` and `type`, nothing else of it is checked
   * @param path where it stands in the options, for errors
   * @throws ProxylessError `ERR_PROXYLESS_CONFIG`
   */
  create(given: Readonly<Record<string, unknown>>, path: string): Balancer;
}
