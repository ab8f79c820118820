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
  /**
   * Costs that differ by no more than this factor are alike where there are weights; 1 and above. They always differ a little, by
   * chance or because the one was measured longer ago, and that would favour whichever endpoint has fewer requests, the lighter one.
   */
  readonly noise: number;
  /** `offset` is the endpoint's row in `table`. */
  of(table: LoadTable, offset: number, now: number): number;
  /**
   * The same but for the requests in flight. A weight says how much an endpoint can take, not how fast it is: where there are
   * weights they concern the requests in flight alone, and this is to be told from them.
   */
  idle(table: LoadTable, offset: number, now: number): number;
}

/** An endpoint that was never measured gets one call; until that one is back, others look this much cheaper. */
const UNMEASURED_PENALTY = 100;

/**
 * `EWMA × (pending + 1) / success²`. The success ratio keeps an endpoint that fails fast from attracting
 * traffic (what plain latency or least-request costs do), and heals in seconds. An endpoint that was left alone looks
 * faster and faster until it is measured again; one with calls in flight does not, or a hung one would attract traffic.
 *
 * While an endpoint is fresh all of that but `pending` was worked out with its last result: a pick reads three numbers.
 */
export const successAwareEwma: Cost = {
  name: "success-aware-ewma",
  remembers: true,
  noise: 1.5,
  of(table, offset, now) {
    const { data } = table;
    if (now < data[offset + FRESH_UNTIL]!) return data[offset + PRICE]! * (data[offset + PENDING]! + 1);
    return faded(table, offset, now) * (data[offset + PENDING]! + 1);
  },
  idle(table, offset, now) {
    const { data } = table;
    return now < data[offset + FRESH_UNTIL]! ? data[offset + PRICE]! : faded(table, offset, now);
  },
};

function faded(table: LoadTable, offset: number, now: number): number {
  const latency = expectedLatency(table, offset, now);
  const price = priceOf(latency ?? table.reference, healedSuccess(table, offset, now));
  const isUnknown = latency === undefined && table.data[offset + PENDING]! > 0;
  return isUnknown ? price * UNMEASURED_PENALTY : price;
}
