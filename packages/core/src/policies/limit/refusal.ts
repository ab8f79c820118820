import type { ShedReason } from "../../errors.ts";

export type RefusalReason = ShedReason;

/** A call was not let through. It was not sent, and trying again here only adds to the load. */
export interface Refusal {
  readonly kind: "refusal";
  readonly why: RefusalReason;
  /** Milliseconds after which asking again may help, where that is known. */
  readonly retryAfterMs?: number;
}

const plain: Readonly<Record<RefusalReason, Refusal>> = {
  rate_limit: Object.freeze({ kind: "refusal", why: "rate_limit" }),
  throttled: Object.freeze({ kind: "refusal", why: "throttled" }),
  concurrency: Object.freeze({ kind: "refusal", why: "concurrency" }),
  queue_full: Object.freeze({ kind: "refusal", why: "queue_full" }),
  queue_timeout: Object.freeze({ kind: "refusal", why: "queue_timeout" }),
};

/** @param retryAfterMs left out where it is 0 */
export function refusal(why: RefusalReason, retryAfterMs = 0): Refusal {
  return retryAfterMs > 0 ? { kind: "refusal", why, retryAfterMs } : plain[why];
}
