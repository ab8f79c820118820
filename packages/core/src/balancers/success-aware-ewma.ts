import { successAwareEwma as cost } from "./cost.ts";
import type { BalancerKind } from "./kind.ts";
import { p2c } from "./p2c.ts";

/** The default: the power of two choices over latency, requests in flight and success. */
export interface SuccessAwareEwmaPolicy {
  readonly type: "success-aware-ewma";
}

export const successAwareEwma: BalancerKind = {
  name: "success-aware-ewma",
  keys: [],
  create: () => p2c(cost),
};
