import {
  FRESH_UNTIL,
  PENDING,
  PRICE,
  expectedLatency,
  healedSuccess,
  priceOf,
} from "../endpoints/load-table.ts";
import type { LoadTable } from "../endpoints/load-table.ts";

/** How expensive the next call to an endpoint is expected to be; lower is better. */
export interface Cost {
  readonly name: string;
  /** It goes by what was measured in the past, which may be over: neglected endpoints are measured again now and then. */
  readonly remembers: boolean;
  /** `offset` is the endpoint's row in `table`. */
  of(table: LoadTable, offset: number, now: number): number;
}

/** An endpoint that was never measured gets one call; until that one is back, others look this much cheaper. */
const UNMEASURED_PENALTY = 100;

/**
 * `EWMA × (pending + 1) / success² / weight`. The success ratio keeps an endpoint that fails fast from attracting
 * traffic (what plain latency or least-request costs do), and heals in seconds. An endpoint that was left alone looks
 * faster and faster until it is measured again; one with calls in flight does not, or a hung one would attract traffic.
 *
 * While an endpoint is fresh all of that but `pending` was worked out with its last result: a pick reads three numbers.
 */
export const successAwareEwma: Cost = {
  name: "success-aware-ewma",
  remembers: true,
  of(table, offset, now) {
    const { data } = table;
    if (now < data[offset + FRESH_UNTIL]!) return data[offset + PRICE]! * (data[offset + PENDING]! + 1);
    return faded(table, offset, now);
  },
};

function faded(table: LoadTable, offset: number, now: number): number {
  const pending = table.data[offset + PENDING]!;
  const latency = expectedLatency(table, offset, now);
  const price = priceOf(table, offset, latency ?? table.reference, healedSuccess(table, offset, now));
  return price * (pending + 1) * (latency === undefined && pending > 0 ? UNMEASURED_PENALTY : 1);
}
