import type { Random } from "../../random.ts";
import { backoffMs } from "./backoff.ts";
import type { RetryBudget } from "./retry-budget.ts";
import { isRetriable } from "./retry-on.ts";
import type { RetryCandidate, ResolvedRetry } from "./retry-policy.ts";

/** Everything that decides whether a failed attempt is followed by another. */
export interface RetryQuestion extends RetryCandidate {
  /** The retry policy of the call; `false` where there are no retries. */
  readonly retry: ResolvedRetry | false;
  /** Whether sending the request twice does no harm; see {@link isIdempotent}. */
  readonly idempotent: boolean;
  /** Whether the body can be sent again from its beginning. */
  readonly replayable: boolean;
  /** What was waited before this attempt. */
  readonly previousDelayMs: number;
  /** How long an attempt takes as a rule; 0 where that is not known. */
  readonly typicalMs: number;
  /** The request is itself a retry of our caller. */
  readonly isRetried: boolean;
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
  | "condition"
  | "chain"
  | "retry_after"
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
  const { attempt, budget, now, random, remainingMs, retry, retryAfterMs, typicalMs } = question;
  if (retry === false) return no("disabled");
  const refused = forbidden(question, retry);
  if (refused !== undefined) return no(refused);

  const untouched = isUntouched(question);
  const backoff = untouched ? 0 : backoffMs(attempt, retry, question.previousDelayMs, random);
  const delayMs = untouched ? 0 : Math.max(backoff, retryAfterMs ?? 0);
  if (!untouched && (retryAfterMs ?? 0) > retry.maxRetryAfterMs) return no("retry_after");
  // A retry that cannot be answered in time is work for nobody.
  if (delayMs + typicalMs >= remainingMs) return no("deadline");

  const free = untouched && !question.freeRetryUsed;
  if (!free && !budget.tryWithdraw(now)) return no("budget");
  return { retry: true, delayMs, free };
}

/** The service has seen nothing of the request, or says that it has not looked at it. */
function isUntouched({ phase, refused }: RetryQuestion): boolean {
  return phase === "connect" || refused;
}

function isWanted(question: RetryQuestion, retry: ResolvedRetry): boolean {
  return retry.classify?.(question) ?? isRetriable(question, retry.on, retry.statuses, retry.headers);
}

function forbidden(question: RetryQuestion, retry: ResolvedRetry): NoRetryReason | undefined {
  if (question.aborted === true) return "aborted";
  if (question.committed) return "committed";
  if (question.localShed) return "local_shed";
  if (question.attempt >= retry.maxAttempts) return "max_attempts";
  if (question.isRetried && retry.chainStop) return "chain";
  if (!isWanted(question, retry)) return "condition";
  // Nobody has looked at it; but what was read of its body on the way there must still be here.
  if (isUntouched(question)) {
    return question.phase === "connect" || question.replayable ? undefined : "not_replayable";
  }
  if (!question.idempotent) return "not_idempotent";
  if (!question.replayable) return "not_replayable";
  return undefined;
}

function no(why: NoRetryReason): RetryDecision {
  return { retry: false, why };
}
