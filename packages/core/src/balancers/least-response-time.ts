import { PENDING, expectedLatency } from "../endpoints/load-table.ts";
import type { Cost } from "./cost.ts";
import type { BalancerKind } from "./kind.ts";
import { p2c } from "./p2c.ts";

/**
 * The cheaper of two by average latency of successes, requests in flight and weight. It does not see failures: an endpoint that
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
  of(table, offset, now) {
    const pending = table.data[offset + PENDING]!;
    const latency = expectedLatency(table, offset, now);
    const penalty = latency === undefined && pending > 0 ? UNMEASURED_PENALTY : 1;
    return ((latency ?? table.reference) * (pending + 1) * penalty) / table.weight(offset);
  },
};

export const leastResponseTime: BalancerKind = {
  name: "least-response-time",
  keys: [],
  create: () => p2c(cost),
};
