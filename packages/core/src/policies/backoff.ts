import type { Random } from "../random.ts";

/** Doubling is pointless past this and would end in `0 × Infinity`. */
const maxDoublings = 31;

/**
 * The wait before a retry, in milliseconds: a uniformly random part of `min(maxDelayMs, baseDelayMs × 2^(n−1))`.
 *
 * This is the "full jitter" of Marc Brooker, "Exponential Backoff And Jitter" (AWS Architecture Blog, 2015): of the
 * variants compared there it spreads competing clients best. Envoy backs off the same way, with the same 25 and 250 ms.
 * @param retry 1 for the first retry
 */
export function backoffMs(retry: number, baseDelayMs: number, maxDelayMs: number, random: Random): number {
  return random() * Math.min(maxDelayMs, baseDelayMs * 2 ** Math.min(retry - 1, maxDoublings));
}
