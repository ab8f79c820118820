import fc from "fast-check";
import { describe, expect, it } from "vitest";

import type { Phase } from "../../../src/errors.ts";
import { jitters } from "../../../src/policies/retry/backoff.ts";
import { retryDefaults } from "../../../src/policies/retry/resolve-retry.ts";
import { RetryBudget } from "../../../src/policies/retry/retry-budget.ts";
import { decideRetry } from "../../../src/policies/retry/retry-decision.ts";
import type { RetryDecision, RetryQuestion } from "../../../src/policies/retry/retry-decision.ts";
import type { ResolvedRetry } from "../../../src/policies/retry/retry-policy.ts";
import { seededRandom } from "../../../src/random.ts";

/** How an attempt ended, and what is known when the question comes up. */
interface Ended {
  readonly phase: Phase;
  readonly status: number | undefined;
  readonly refused: boolean;
  readonly committed: boolean;
  readonly localShed: boolean;
  readonly aborted: boolean;
  readonly retryAfterMs: number | undefined;
  readonly tookMs: number;
  readonly typicalMs: number;
}

const conditions = ["connect-failure", "refused-stream", "reset", "retriable-status-codes"] as const;

const policies = fc.record({
  on: fc.subarray([...conditions]),
  statuses: fc.subarray([429, 502, 503]),
  maxAttempts: fc.integer({ min: 1, max: 6 }),
  chainStop: fc.boolean(),
  jitter: fc.constantFrom(...jitters),
  baseDelayMs: fc.integer({ min: 0, max: 50 }),
  maxDelayMs: fc.integer({ min: 50, max: 200 }),
  maxRetryAfterMs: fc.constantFrom(0, 100, 1_000),
});

const oftenNot = fc.integer({ min: 0, max: 9 }).map((n) => n === 0);
const anyEndings: fc.Arbitrary<Ended> = fc.record({
  phase: fc.constantFrom("connect", "sent", "headers", "body"),
  status: fc.constantFrom(undefined, 200, 429, 500, 503),
  refused: oftenNot,
  committed: oftenNot,
  localShed: oftenNot,
  aborted: oftenNot,
  retryAfterMs: fc.constantFrom(undefined, undefined, 0, 60, 400, 5_000),
  tookMs: fc.integer({ min: 0, max: 120 }),
  typicalMs: fc.constantFrom(0, 0, 20, 200),
});

/** Without a head there is no status; what was refused got no further than being sent. */
const endings = anyEndings.map((ended): Ended => {
  const refused = ended.refused && ended.phase === "sent";
  const isAnswered = ended.phase === "headers" || ended.phase === "body";
  return Object.assign(ended, { refused, status: isAnswered ? ended.status : undefined });
});

const calls = fc.record({
  policy: policies,
  endings: fc.array(endings, { minLength: 1, maxLength: 8 }),
  idempotent: fc.boolean(),
  replayable: fc.boolean(),
  isRetried: fc.boolean(),
  totalMs: fc.constantFrom(100, 500, 2_000),
  minPerSecond: fc.constantFrom(0, 1, 10),
  seed: fc.integer(),
});

/** The whole specification, in words of its own: the first reason against a retry, in their order. */
function reasonAgainst(question: RetryQuestion, policy: ResolvedRetry): string | undefined {
  const { attempt, phase, refused, status } = question;
  const unseen = phase === "connect" || refused;
  const wants: Record<(typeof conditions)[number], boolean> = {
    "connect-failure": phase === "connect",
    "refused-stream": refused,
    // As in Envoy: no answer came, whatever the reason.
    reset: status === undefined,
    "retriable-status-codes": status !== undefined && policy.statuses.includes(status),
  };
  const reasons: readonly (readonly [string, boolean])[] = [
    ["aborted", question.aborted === true],
    ["committed", question.committed],
    ["local_shed", question.localShed],
    ["max_attempts", attempt >= policy.maxAttempts],
    ["chain", question.isRetried && policy.chainStop],
    ["condition", !conditions.some((name) => policy.on.includes(name) && wants[name])],
    ["not_idempotent", !unseen && !question.idempotent],
    ["not_replayable", phase !== "connect" && !question.replayable],
    ["retry_after", !unseen && (question.retryAfterMs ?? 0) > policy.maxRetryAfterMs],
  ];
  return reasons.find(([, holds]) => holds)?.[0];
}

/** Between what a back-off lies, for the retry after attempt `n`. */
function backoffRange(policy: ResolvedRetry, n: number, previousMs: number): readonly [number, number] {
  const { baseDelayMs: base, jitter, maxDelayMs: max } = policy;
  const limit = Math.min(max, base * 2 ** (n - 1));
  if (jitter === "full") return [0, limit];
  if (jitter === "equal") return [limit / 2, limit];
  if (jitter === "none") return [limit, limit];
  return [Math.min(max, base), Math.min(max, Math.max(base, previousMs * 3))];
}

/** What is wrong with a decision, in words; `twin` is a budget that was asked for the same so far. */
function faultOf(
  question: RetryQuestion,
  policy: ResolvedRetry,
  decision: RetryDecision,
  twin: RetryBudget,
): string | undefined {
  const against = reasonAgainst(question, policy);
  const { attempt, freeRetryUsed, now, previousDelayMs, remainingMs, retryAfterMs = 0, typicalMs } = question;
  const outcome = decision.retry ? "retry" : decision.why;
  if (against !== undefined) return outcome === against ? undefined : `${outcome} instead of ${against}`;
  const unseen = question.phase === "connect" || question.refused;
  const range = backoffRange(policy, attempt, previousDelayMs);
  const [least, most] = unseen ? [0, 0] : range.map((ms) => Math.max(ms, retryAfterMs));
  const isFree = unseen && !freeRetryUsed;
  if (least === undefined || most === undefined) return "no range";
  if (!decision.retry) {
    // What is left: it would come too late, or nobody pays.
    if (outcome === "deadline") return most + typicalMs >= remainingMs ? undefined : "there was time";
    if (outcome !== "budget" || isFree) return `${outcome} without a reason`;
    return twin.tryWithdraw(now) ? "the budget could have paid" : undefined;
  }
  if (decision.delayMs < least || decision.delayMs > most) return `a wait of ${decision.delayMs}`;
  if (decision.delayMs + typicalMs >= remainingMs) return "too late";
  if (decision.free !== isFree) return "paid for, or not, against the rule";
  return isFree || twin.tryWithdraw(now) ? undefined : "the budget could not pay";
}

describe("the retries of a call", () => {
  it("are those of the specification, each for its reason, after its wait, and paid for: ten thousand schedules", () => {
    const whys = new Map<string, number>();
    fc.assert(
      fc.property(calls, ({ policy: given, endings: course, seed, totalMs, minPerSecond, ...facts }) => {
        const policy: ResolvedRetry = { ...retryDefaults, ...given };
        const budget = new RetryBudget({ ratio: 0, minPerSecond }, 0);
        const twin = new RetryBudget({ ratio: 0, minPerSecond }, 0);
        const random = seededRandom(seed);
        let now = 0;
        let previousDelayMs = 0;
        let freeRetryUsed = false;
        for (const [index, { tookMs, ...ended }] of course.entries()) {
          now += tookMs;
          const attempt = index + 1;
          const remainingMs = totalMs - now;
          const question: RetryQuestion = {
            ...facts,
            ...ended,
            attempt,
            retry: policy,
            headers: {},
            error: undefined,
            previousDelayMs,
            remainingMs,
            freeRetryUsed,
            budget,
            now,
            random,
          };
          const decision = decideRetry(question);
          const outcome = decision.retry ? "retry" : decision.why;
          whys.set(outcome, (whys.get(outcome) ?? 0) + 1);
          expect(faultOf(question, policy, decision, twin)).toBeUndefined();
          if (!decision.retry) return;
          freeRetryUsed ||= decision.free;
          previousDelayMs = decision.delayMs;
          now += decision.delayMs;
        }
      }),
      { seed: 11, numRuns: 10_000 },
    );
    // Every way a decision can go was gone.
    const all = [
      "aborted",
      "budget",
      "chain",
      "committed",
      "condition",
      "deadline",
      "local_shed",
      "max_attempts",
    ];
    const rest = ["not_idempotent", "not_replayable", "retry", "retry_after"];
    expect([...whys.keys()].toSorted()).toEqual([...all, ...rest]);
    expect(Math.min(...whys.values())).toBeGreaterThan(20);
  });
});
