import { LATENCY, PENDING, WEIGHT, expectedLatency, healedSuccess } from "../endpoints/load-table.ts";

/** How expensive the next call to an endpoint is expected to be; lower is better. */
export interface Cost {
  readonly name: string;
  /** `offset` is the endpoint's row in `data`; `reference` the average latency over all endpoints. */
  of(data: Float64Array, offset: number, now: number, reference: number): number;
}

/** A latency below this is taken as this: differences under it are noise. */
const MIN_LATENCY_MS = 0.05;
/** A success ratio below this is taken as this, so that the cost stays finite. */
const MIN_SUCCESS = 0.05;
/** An endpoint that was never measured gets one call; until that one is back, others look this much cheaper. */
const UNMEASURED_PENALTY = 100;

/**
 * `EWMA × (pending + 1) / success² / weight`. The success ratio keeps an endpoint that fails fast from attracting
 * traffic (what plain latency or least-request costs do), and heals in seconds.
 */
export const successAwareEwma: Cost = {
  name: "success-aware-ewma",
  of(data, offset, now, reference) {
    const pending = data[offset + PENDING]!;
    let cost = Math.max(expectedLatency(data, offset, now, reference), MIN_LATENCY_MS) * (pending + 1);
    if (pending !== 0 && data[offset + LATENCY] === 0) cost *= UNMEASURED_PENALTY;
    const success = Math.max(healedSuccess(data, offset, now), MIN_SUCCESS);
    return cost / (success * success * data[offset + WEIGHT]!);
  },
};
