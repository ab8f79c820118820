import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { seededRandom } from "../../src/random.ts";
import {
  adaptiveConcurrency,
  adaptiveThrottling,
  bulkhead,
  circuit,
  compose,
  fallback,
  faultInjection,
  hedge,
  rateLimit,
  retry,
  retryBudget,
  timeout,
} from "../../src/standalone/index.ts";
import type { Policy } from "../../src/standalone/index.ts";
import { policyOf } from "../../src/standalone/pipeline.ts";
import type { Stage } from "../../src/standalone/stage.ts";
import { ManualClock } from "../../src/testing/manual-clock.ts";
import { Down } from "./kit.ts";

const kinds = [
  "circuit",
  "retry",
  "timeout",
  "hedge",
  "bulkhead",
  "rateLimit",
  "adaptiveConcurrency",
  "adaptiveThrottling",
  "fallback",
  "faultInjection",
  "off",
] as const;
type Kind = (typeof kinds)[number];

/** A policy of each kind, with chance of its own; timeouts become shorter from the outside in. */
function makeAll(wanted: readonly Kind[], clock: ManualClock): Policy<unknown>[] {
  const budget = retryBudget({}, { clock });
  return wanted.map((kind, at): Policy<unknown> => {
    const s = { clock, random: seededRandom(at + 1), name: `${kind} ${at}` };
    switch (kind) {
      case "circuit":
        return circuit({ minCalls: 3, openMs: 50 }, s);
      case "retry":
        return retry({ baseDelayMs: 5, maxAttempts: 2 }, { ...s, budget });
      case "timeout":
        return timeout({ totalMs: 100 - at }, s);
      case "hedge":
        return hedge({ delayMs: 10 }, { ...s, budget });
      case "bulkhead":
        return bulkhead({ maxConcurrent: 2, maxQueue: 2, queueTimeoutMs: 20 }, s);
      case "rateLimit":
        return rateLimit({ tokensPerSecond: 200, burst: 3, maxWaitMs: 10 }, s);
      case "adaptiveConcurrency":
        return adaptiveConcurrency({ initialLimit: 3 }, s);
      case "adaptiveThrottling":
        return adaptiveThrottling({ minRequests: 2 }, s);
      case "fallback":
        return fallback(({ error }) => `instead of ${String(error)}`, {
          ...s,
          handle: (error) => error instanceof Down,
        });
      case "faultInjection":
        return faultInjection({ percent: 30, delay: { fixedMs: 3 } }, s);
      case "off":
        return retry(false, s);
      default:
        return kind satisfies never;
    }
  });
}

/** Puts policies in brackets, as `cuts` has it. */
function bracket(policies: readonly Policy<unknown>[], cuts: () => number): Policy<unknown> {
  if (policies.length <= 1) return compose(...policies);
  const at = 1 + Math.floor(cuts() * (policies.length - 1));
  return compose(bracket(policies.slice(0, at), cuts), bracket(policies.slice(at), cuts));
}

const step = fc.record({
  afterMs: fc.integer({ min: 0, max: 15 }),
  tookMs: fc.integer({ min: 0, max: 120 }),
  how: fc.constantFrom("result", "reject", "throw", "throw something else"),
  givesUpAfterMs: fc.option(fc.integer({ min: 0, max: 60 })),
});
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** The user's function, as a step has it. */
function act({ how, tookMs }: Step, clock: ManualClock): unknown {
  if (how === "throw") throw new Down("thrown");
  return new Promise((resolve, reject) => {
    const end = (): void => {
      if (how === "result") resolve("fine");
      else reject(how === "reject" ? new Down("rejected") : new Error("something else"));
    };
    clock.setTimer(end, tookMs, undefined);
  });
}

/** All that can be seen of a policy while calls go through it. */
async function watch(policy: Policy<unknown>, steps: readonly Step[], clock: ManualClock): Promise<string[]> {
  const seen: string[] = [];
  for (const [index, one] of steps.entries()) {
    await clock.advance(one.afterMs);
    const caller = new AbortController();
    if (one.givesUpAfterMs !== null) {
      clock.setTimer(
        () => {
          caller.abort("gives up");
        },
        one.givesUpAfterMs,
        undefined,
      );
    }
    const fn = ({ attempt }: { attempt: number }): unknown => {
      seen.push(`${clock.now()}: call ${index} begins attempt ${attempt}`);
      return act(one, clock);
    };
    policy.execute(fn, { signal: caller.signal }).then(
      (result) => seen.push(`${clock.now()}: call ${index} has ${String(result)}`),
      (error: unknown) => seen.push(`${clock.now()}: call ${index} ends with ${String(error)}`),
    );
  }
  await clock.advance(2_000);
  seen.push(`timers: ${clock.pendingTimers}`, JSON.stringify(policy.inspect()));
  return seen;
}

const seed = 20_260_101;

describe("the composition of policies", () => {
  it("is associative: brackets change nothing that can be seen", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom(...kinds), { minLength: 1, maxLength: 7 }),
        fc.array(step, { minLength: 1, maxLength: 8 }),
        fc.integer(),
        async (wanted, steps, cut) => {
          const runs = [(): number => 0, seededRandom(cut), (): number => 0.999].map((cuts) => {
            const clock = new ManualClock();
            return watch(bracket(makeAll(wanted, clock), cuts), steps, clock);
          });
          const [left, middle, right] = await Promise.all(runs);
          expect(middle).toEqual(left);
          expect(right).toEqual(left);
          expect(left!.at(-2)).toBe("timers: 0");
        },
      ),
      { numRuns: 150, seed },
    );
  });

  it("is entered from the outside in and left from the inside out, whatever is thrown where", async () => {
    const nested = kinds.filter((kind) => kind !== "timeout" && kind !== "hedge");
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom(...nested), { minLength: 1, maxLength: 6 }),
        fc.array(fc.record({ ...stepParts(), throwsAt: fc.integer({ min: -1, max: 12 }) }), {
          minLength: 1,
          maxLength: 8,
        }),
        async (wanted, steps) => {
          const clock = new ManualClock();
          const doors = new Map<object, string[]>();
          const real = makeAll(wanted, clock);
          let throwsAt = -1;
          const watched = real.flatMap((policy, at) => [door(at, clock, doors, () => throwsAt), policy]);
          const policy = compose(...watched);
          const calls: Promise<unknown>[] = [];
          for (const one of steps) {
            await clock.advance(one.afterMs);
            ({ throwsAt } = one);
            calls.push(policy.execute(() => act({ ...one, givesUpAfterMs: null }, clock)).catch(String));
          }
          await clock.advance(2_000);
          expect(await Promise.all(calls)).toHaveLength(steps.length);
          for (const log of doors.values()) expect(unmatched(log)).toEqual([]);
          expect(JSON.stringify(policy.inspect())).not.toMatch(/"(inFlight|queued)":[1-9]/);
          expect(clock.pendingTimers).toBe(0);
        },
      ),
      { numRuns: 300, seed },
    );
  });
});

function stepParts(): {
  readonly afterMs: fc.Arbitrary<number>;
  readonly tookMs: fc.Arbitrary<number>;
  readonly how: fc.Arbitrary<"result" | "reject" | "throw" | "throw something else">;
} {
  return {
    afterMs: fc.integer({ min: 0, max: 15 }),
    tookMs: fc.integer({ min: 0, max: 30 }),
    how: fc.constantFrom("result", "reject", "throw", "throw something else"),
  };
}

/** Writes down who goes in and out, and throws now and then. */
function door(at: number, clock: ManualClock, doors: Map<object, string[]>, throwsAt: () => number): Policy {
  const stage: Stage = {
    clock,
    inspect: () => ({ kind: "fallback", name: `door ${at}` }),
    async run(execution, next) {
      const log = doors.get(execution.call) ?? [];
      doors.set(execution.call, log);
      log.push(`+${at}`);
      try {
        if (throwsAt() === at) throw new Down("on the way in");
        await Promise.resolve();
        return await next(execution);
      } finally {
        log.push(`-${at}`);
        // oxlint-disable-next-line no-unsafe-finally -- that is what is tried
        if (throwsAt() === at + 6) throw new Down("on the way out");
      }
    },
  };
  return policyOf([stage], { inspect: () => [] });
}

/** What is left when each door that was left is struck out with the last one entered. */
function unmatched(log: readonly string[]): readonly string[] {
  const open: string[] = [];
  for (const entry of log) {
    if (entry.startsWith("-") && open.at(-1) === `+${entry.slice(1)}`) open.pop();
    else open.push(entry);
  }
  return open;
}
