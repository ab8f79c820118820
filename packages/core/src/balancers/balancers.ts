import { configError } from "../errors.ts";
import { successAwareEwma } from "./cost.ts";
import { p2c } from "./p2c.ts";
import type { Balancer } from "./picker.ts";
import { random } from "./random.ts";
import { roundRobin } from "./round-robin.ts";

/** The balancers that can be named in a service's options. */
export type BalancerName = "p2c" | "round-robin" | "random";

const balancers: Readonly<Record<BalancerName, Balancer>> = {
  p2c: p2c(successAwareEwma),
  "round-robin": roundRobin,
  random,
};

export function balancerFor(name: BalancerName): Balancer {
  return balancers[name];
}

/**
 * Checks the name of a balancer; `p2c` when there is none.
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG` for a name it does not know
 */
export function balancerName(name: BalancerName | undefined, field: string): BalancerName {
  const given = name ?? "p2c";
  if (Object.hasOwn(balancers, given)) return given;
  throw configError(field, `one of ${Object.keys(balancers).join(", ")}`, name);
}
