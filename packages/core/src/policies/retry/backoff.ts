import type { Random } from "../../random.ts";

/** Doubling is pointless past this and would end in `0 × Infinity`. */
const maxDoublings = 31;

/**
 * How back-offs are spread, so that many callers do not come back at the same moment. With `limit = min(maxDelayMs,
 * baseDelayMs × 2^(n−1))`: `full` waits anything up to it, `equal` half of it and anything up to the other half, `none` all of it;
 * `decorrelated` waits anything from `baseDelayMs` to three times what it waited before.
 *
 * All four are compared in Marc Brooker, "Exponential Backoff And Jitter" (AWS Architecture Blog, 2015): `full` has the fewest calls.
 */
export const jitters = ["full", "equal", "decorrelated", "none"] as const;

export type Jitter = (typeof jitters)[number];

/**
 * The wait before a retry, in milliseconds.
 * @param retry 1 for the first retry
 * @param previousMs what was waited before the last retry; 0 before the first
 */
export function backoffMs(
  retry: number,
  { baseDelayMs, jitter, maxDelayMs }: { baseDelayMs: number; jitter: Jitter; maxDelayMs: number },
  previousMs: number,
  random: Random,
): number {
  const limit = Math.min(maxDelayMs, baseDelayMs * 2 ** Math.min(retry - 1, maxDoublings));
  switch (jitter) {
    case "full":
      return random() * limit;
    case "equal":
      return limit / 2 + (random() * limit) / 2;
    case "none":
      return limit;
    case "decorrelated":
    default: {
      const most = Math.max(baseDelayMs, previousMs * 3);
      return Math.min(maxDelayMs, baseDelayMs + random() * (most - baseDelayMs));
    }
  }
}
