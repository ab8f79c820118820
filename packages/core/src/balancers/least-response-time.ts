import { PENDING, expectedLatency } from "../endpoints/load-table.ts";
import type { Cost } from "./cost.ts";
import type { BalancerKind } from "./kind.ts";
import { p2c } from "./p2c.ts";

/**
 * The cheaper of two by average latency of successes and requests in flight, in proportion to weights. It does not see failures: an endpoint that
 * fails at once keeps the latency it had, and the calls it had.
 */
export interface LeastResponseTimePolicy {
  readonly type: "least-response-time";
}

/** An endpoint that was never measured is taken to be like the others, and gets one call at a time. */
const UNMEASURED_PENALTY = 100;

const cost: Cost = {
  name: "least-response-time",
  remembers: true,
  noise: 1.5,
  of: (table, offset, now) => cost.idle(table, offset, now) * (table.data[offset + PENDING]! + 1),
  idle(table, offset, now) {
    const latency = expectedLatency(table, offset, now);
    const isUnknown = latency === undefined && table.data[offset + PENDING]! > 0;
    return (latency ?? table.reference) * (isUnknown ? UNMEASURED_PENALTY : 1);
  },
};

export const leastResponseTime: BalancerKind = {
  name: "least-response-time",
  keys: [],
  create: () => p2c(cost),
};
