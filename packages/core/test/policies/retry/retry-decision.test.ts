import { describe, expect, it } from "vitest";

import type { Phase } from "../../../src/errors.ts";
import { retryDefaults } from "../../../src/policies/retry/resolve-retry.ts";
import { RetryBudget } from "../../../src/policies/retry/retry-budget.ts";
import { decideRetry, isIdempotent } from "../../../src/policies/retry/retry-decision.ts";
import type { RetryDecision, RetryQuestion } from "../../../src/policies/retry/retry-decision.ts";
import type { RetryCondition } from "../../../src/policies/retry/retry-on.ts";
import type { ResolvedRetry } from "../../../src/policies/retry/retry-policy.ts";

const retry: ResolvedRetry = { ...retryDefaults, statuses: [429, 503] };

function decide(question: Partial<RetryQuestion>): RetryDecision {
  return decideRetry({
    retry,
    status: undefined,
    headers: {},
    refused: false,
    error: undefined,
    previousDelayMs: 0,
    typicalMs: 0,
    isRetried: false,
    attempt: 1,
    idempotent: true,
    replayable: true,
    phase: "sent",
    remainingMs: 1_000,
    committed: false,
    localShed: false,
    freeRetryUsed: false,
    budget: new RetryBudget({ ratio: 0, minPerSecond: 1 }, 0),
    now: 0,
    random: () => 0.5,
    ...question,
  });
}

const afterSending: readonly Phase[] = ["sent", "headers", "body"];

describe("nothing was sent", () => {
  it("retries anything, at once, and the first time for free", () => {
    const budget = new RetryBudget({ ratio: 0, minPerSecond: 1 }, 0);
    const post = { phase: "connect", idempotent: false, replayable: false, budget } as const;
    expect(decide(post)).toEqual({ retry: true, delayMs: 0, free: true });
    expect(budget.balance(0)).toBe(2);
    expect(decide({ ...post, attempt: 2, freeRetryUsed: true })).toEqual({
      retry: true,
      delayMs: 0,
      free: false,
    });
    expect(budget.balance(0)).toBe(1);
  });

  it("is free even when the budget is empty, but only once in a call", () => {
    const budget = new RetryBudget({ ratio: 0, minPerSecond: 0 }, 0);
    expect(decide({ phase: "connect", budget })).toMatchObject({ retry: true });
    expect(decide({ phase: "connect", budget, freeRetryUsed: true })).toEqual({
      retry: false,
      why: "budget",
    });
  });

  it("does not start another attempt when no time is left", () => {
    expect(decide({ phase: "connect", remainingMs: 0 })).toEqual({ retry: false, why: "deadline" });
  });
});

describe.each(afterSending)("the attempt ended without a whole answer in phase %s", (phase) => {
  it("retries what is idempotent and replayable, after a back-off that the budget pays", () => {
    const budget = new RetryBudget({ ratio: 0, minPerSecond: 1 }, 0);
    expect(decide({ phase, budget })).toEqual({ retry: true, delayMs: 12.5, free: false });
    expect(decide({ phase, budget, attempt: 2 })).toEqual({ retry: true, delayMs: 25, free: false });
    expect(budget.balance(0)).toBe(0);
  });

  it("does not retry what is not idempotent, or cannot be sent again", () => {
    expect(decide({ phase, idempotent: false })).toEqual({ retry: false, why: "not_idempotent" });
    expect(decide({ phase, replayable: false })).toEqual({ retry: false, why: "not_replayable" });
  });
});

describe("an answer whose status is a failure", () => {
  it("is retried on the policy's statuses only", () => {
    expect(decide({ phase: "headers", status: 503 })).toMatchObject({ retry: true });
    expect(decide({ phase: "body", status: 429 })).toMatchObject({ retry: true });
    expect(decide({ phase: "headers", status: 500 })).toEqual({ retry: false, why: "condition" });
  });

  it("is not retried when that could do harm", () => {
    expect(decide({ phase: "headers", status: 503, idempotent: false })).toEqual({
      retry: false,
      why: "not_idempotent",
    });
    expect(decide({ phase: "headers", status: 503, replayable: false })).toEqual({
      retry: false,
      why: "not_replayable",
    });
  });

  it("waits at least as long as it asks", () => {
    const answer = { phase: "headers", status: 503 } as const;
    expect(decide({ ...answer, retryAfterMs: 600 })).toMatchObject({ delayMs: 600 });
    expect(decide({ ...answer, retryAfterMs: 1 })).toMatchObject({ delayMs: 12.5 });
  });
});

describe("what is retried", () => {
  const lost = { status: undefined, phase: "sent" } as const;
  const answered = (status: number, headers = {}): Partial<RetryQuestion> => ({
    status,
    phase: "headers",
    headers,
  });

  it.each<[RetryCondition, Partial<RetryQuestion>, Partial<RetryQuestion>]>([
    ["5xx", answered(500), answered(404)],
    ["5xx", lost, answered(200)],
    ["gateway-error", answered(502), answered(500)],
    ["reset", lost, answered(503)],
    ["reset-before-request", { phase: "connect" }, lost],
    ["connect-failure", { phase: "connect" }, lost],
    ["refused-stream", { ...lost, refused: true }, lost],
    ["retriable-4xx", answered(409), answered(404)],
    ["retriable-status-codes", answered(429), answered(500)],
    ["retriable-headers", answered(200, { "x-again": "yes" }), answered(503)],
  ])("%s covers what it names, and nothing else", (condition, covered, other) => {
    const only = { ...retry, on: [condition], headers: [{ name: "x-again", value: undefined }] };
    expect(decide({ ...covered, retry: only })).toMatchObject({ retry: true });
    expect(decide({ ...other, retry: only })).toEqual({ retry: false, why: "condition" });
  });

  it("asks a header for its value where one is given", () => {
    const only = {
      ...retry,
      on: ["retriable-headers" as const],
      headers: [{ name: "x-again", value: "yes" }],
    };
    expect(decide({ ...answered(503, { "x-again": ["no", "yes"] }), retry: only })).toMatchObject({
      retry: true,
    });
    expect(decide({ ...answered(503, { "x-again": "no" }), retry: only })).toMatchObject({ retry: false });
  });

  it("is first what a classifier says, then what the conditions say", () => {
    const classified = (verdict: boolean | undefined): Partial<RetryQuestion> => ({
      retry: { ...retry, classify: () => verdict },
    });
    expect(decide({ ...answered(500), ...classified(true) })).toMatchObject({ retry: true });
    expect(decide({ ...answered(503), ...classified(false) })).toEqual({ retry: false, why: "condition" });
    expect(decide({ ...answered(503), ...classified(undefined) })).toMatchObject({ retry: true });
  });

  it("may be refused at once, and is then sent again at once, whatever it does", () => {
    const refused = { ...lost, refused: true, idempotent: false };
    expect(decide(refused)).toMatchObject({ retry: true, delayMs: 0 });
    expect(decide({ ...refused, replayable: false })).toEqual({ retry: false, why: "not_replayable" });
  });

  it("is not what our caller has sent again already, unless that is wanted", () => {
    expect(decide({ ...answered(503), isRetried: true })).toEqual({ retry: false, why: "chain" });
    expect(
      decide({ ...answered(503), isRetried: true, retry: { ...retry, chainStop: false } }),
    ).toMatchObject({
      retry: true,
    });
  });

  it("is not what could not be answered in time", () => {
    expect(decide({ ...lost, remainingMs: 100, typicalMs: 80 })).toMatchObject({ retry: true });
    expect(decide({ ...lost, remainingMs: 100, typicalMs: 90 })).toEqual({ retry: false, why: "deadline" });
  });

  it("is not what asks for more patience than there is", () => {
    const patient = { ...answered(503), remainingMs: 1e9 };
    expect(decide({ ...patient, retryAfterMs: 300_000 })).toMatchObject({ delayMs: 300_000 });
    expect(decide({ ...patient, retryAfterMs: 300_001 })).toEqual({ retry: false, why: "retry_after" });
  });
});

describe("what always ends a call", () => {
  it.each(["connect", ...afterSending] as const)("holds in phase %s", (phase) => {
    expect(decide({ phase, committed: true })).toEqual({ retry: false, why: "committed" });
    expect(decide({ phase, localShed: true })).toEqual({ retry: false, why: "local_shed" });
    expect(decide({ phase, aborted: true })).toEqual({ retry: false, why: "aborted" });
    expect(decide({ phase, attempt: 3 })).toEqual({ retry: false, why: "max_attempts" });
    expect(decide({ phase, retry: false })).toEqual({ retry: false, why: "disabled" });
  });
});

describe("the budget", () => {
  it("is not charged for a retry that does not fit into the time left", () => {
    const budget = new RetryBudget({ ratio: 0, minPerSecond: 1 }, 0);
    const late = { phase: "headers", status: 503, retryAfterMs: 2_000, budget } as const;
    expect(decide(late)).toEqual({ retry: false, why: "deadline" });
    expect(decide({ ...late, retryAfterMs: undefined, remainingMs: 12.5 })).toEqual({
      retry: false,
      why: "deadline",
    });
    expect(budget.balance(0)).toBe(2);
  });

  it("ends the call when it is empty", () => {
    const budget = new RetryBudget({ ratio: 0, minPerSecond: 0 }, 0);
    expect(decide({ budget })).toEqual({ retry: false, why: "budget" });
  });
});

describe("idempotent methods", () => {
  it("are those that HTTP says may be sent twice", () => {
    for (const method of ["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE", "QUERY"]) {
      expect(isIdempotent(method)).toBe(true);
    }
    for (const method of ["POST", "PATCH", "CONNECT", "get", "LOCK", ""])
      expect(isIdempotent(method)).toBe(false);
  });
});
