import type { Phase } from "../errors.ts";
import type { Random } from "../random.ts";
import { backoffMs } from "./backoff.ts";
import type { ResolvedRetry } from "./policy.ts";
import type { RetryBudget } from "./retry-budget.ts";

/** Everything that decides whether a failed attempt is followed by another. */
export interface RetryQuestion {
  /** The retry policy of the call; `false` where there are no retries. */
  readonly retry: ResolvedRetry | false;
  /** The number of the attempt that just failed; 1 for the first. */
  readonly attempt: number;
  /** Whether sending the request twice does no harm; see {@link isIdempotent}. */
  readonly idempotent: boolean;
  /** Whether the body can be sent again from its beginning. */
  readonly replayable: boolean;
  /** How far the attempt got. `connect` promises that the service has seen nothing of the request. */
  readonly phase: Phase;
  /** The status of a whole answer that failed by its status alone; absent when there was no answer or it broke off. */
  readonly status?: number | undefined;
  /** What the answer asked to wait. */
  readonly retryAfterMs?: number | undefined;
  /** Time left until the call's deadline. */
  readonly remainingMs: number;
  /** A byte of the response reached the user. */
  readonly committed: boolean;
  /** The attempt was refused in this process, to save load. */
  readonly localShed: boolean;
  /** The caller gave up. */
  readonly aborted?: boolean | undefined;
  /** The call already had its one retry that the budget does not pay. */
  readonly freeRetryUsed: boolean;
  readonly budget: RetryBudget;
  /** Monotonic milliseconds. */
  readonly now: number;
  readonly random: Random;
}

/** Why an attempt was the last one. */
type NoRetryReason =
  | "disabled"
  | "aborted"
  | "committed"
  | "local_shed"
  | "max_attempts"
  | "status"
  | "not_idempotent"
  | "not_replayable"
  | "deadline"
  | "budget";

/** Whether to try again. */
export type RetryDecision =
  | {
      readonly retry: true;
      /** How long to wait first. */
      readonly delayMs: number;
      /** The budget was not charged; set `freeRetryUsed` from now on. */
      readonly free: boolean;
    }
  | { readonly retry: false; readonly why: NoRetryReason };

const idempotentMethods: ReadonlySet<string> = new Set([
  "GET",
  "HEAD",
  "OPTIONS",
  "TRACE",
  "PUT",
  "DELETE",
  "QUERY",
]);

/** Whether a request of this method (upper case) may be sent twice by itself (RFC 9110, section 9.2.2, and QUERY). */
export function isIdempotent(method: string): boolean {
  return idempotentMethods.has(method);
}

/**
 * Decides about a retry. Where the service has seen nothing of the request, any call may be tried again at once;
 * where it may have, only one that does no harm twice, after a back-off. `Retry-After` is a minimum for the wait,
 * and a wait that does not end before the deadline is not begun. The budget is asked last, so that nothing is
 * withdrawn for a retry that does not happen.
 */
export function decideRetry(question: RetryQuestion): RetryDecision {
  const { attempt, budget, now, phase, random, remainingMs, retry, retryAfterMs } = question;
  if (retry === false) return no("disabled");
  const refused = forbidden(question, retry);
  if (refused !== undefined) return no(refused);

  const untouched = phase === "connect";
  const backoff = untouched ? 0 : backoffMs(attempt, retry.baseDelayMs, retry.maxDelayMs, random);
  const delayMs = untouched ? 0 : Math.max(backoff, retryAfterMs ?? 0);
  if (delayMs >= remainingMs) return no("deadline");

  const free = untouched && !question.freeRetryUsed;
  if (!free && !budget.tryWithdraw(now)) return no("budget");
  return { retry: true, delayMs, free };
}

function forbidden(question: RetryQuestion, retry: ResolvedRetry): NoRetryReason | undefined {
  const { phase, status } = question;
  if (question.aborted === true) return "aborted";
  if (question.committed) return "committed";
  if (question.localShed) return "local_shed";
  if (question.attempt >= retry.maxAttempts) return "max_attempts";
  if (phase === "connect") return undefined;
  if (status !== undefined && !retry.statuses.includes(status)) return "status";
  if (!question.idempotent) return "not_idempotent";
  if (!question.replayable) return "not_replayable";
  return undefined;
}

function no(why: NoRetryReason): RetryDecision {
  return { retry: false, why };
}
