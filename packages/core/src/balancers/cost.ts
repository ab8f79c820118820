import { FAULT, LATENCY_TAU, PENDING, PRICE, SAMPLED_AT, SUCCESS_TAU } from "../endpoints/load-table.ts";
import type { LoadTable } from "../endpoints/load-table.ts";

/** How expensive the next call to an endpoint is expected to be; lower is better. */
export interface Cost {
  readonly name: string;
  /** `offset` is the endpoint's row in `table`. */
  of(table: LoadTable, offset: number, now: number): number;
}

/** An endpoint nobody asked for this long starts to look faster, so that it is measured again. */
const IDLE_GRACE_MS = 1_000;
/** A multiplication is a quarter of a division. */
const PER_IDLE_TAU = 1 / LATENCY_TAU;
/** More than any idle time in units of its time constant. */
const NEVER = 1e9;
const PER_SUCCESS_TAU = 1 / SUCCESS_TAU;
/** An endpoint that was never measured gets one call; until that one is back, others look this much cheaper. */
const UNMEASURED_PENALTY = 100;

/**
 * `EWMA × (pending + 1) / success² / weight`. The success ratio keeps an endpoint that fails fast from attracting
 * traffic (what plain latency or least-request costs do), and heals in seconds. An endpoint that was left alone looks
 * faster and faster until it is measured again; one with calls in flight does not, or a hung one would attract traffic.
 *
 * Both decays are `1 / (1 + x + x²)` with x for time over time constant: near enough to the exponential (1/3 for 1/2.7,
 * 1/7 for 1/7.4) at a fifth of its price. There are no branches and calls for what differs from pick to pick, because
 * a processor can guess neither whether an endpoint is busy nor whether it was idle.
 */
export const successAwareEwma: Cost = {
  name: "success-aware-ewma",
  of(table, offset, now) {
    const { data } = table;
    const pending = data[offset + PENDING]!;
    let price = data[offset + PRICE]!;
    if (price < 0) price *= pending === 0 ? -table.reference : -table.reference * UNMEASURED_PENALTY;
    const age = Math.max(0, now - data[offset + SAMPLED_AT]!);
    const idle = Math.max(0, (age - IDLE_GRACE_MS) * PER_IDLE_TAU - pending * NEVER);
    const healing = age * PER_SUCCESS_TAU;
    const healed = 1 + healing + healing * healing;
    // The success ratio is 1 - fault / healed; multiplied out there is a single division.
    const success = healed - data[offset + FAULT]!;
    return (price * (pending + 1) * healed * healed) / (success * success * (1 + idle + idle * idle));
  },
};
