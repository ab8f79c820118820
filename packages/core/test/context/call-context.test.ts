import { setImmediate as nextTurn } from "node:timers/promises";

import fc from "fast-check";
import { describe, expect, it } from "vitest";

import {
  currentContext,
  remainingMs,
  runWithContext,
  startContext,
  withDeadline,
  withoutContext,
} from "../../src/context/call-context.ts";
import type { CallContext } from "../../src/context/call-context.ts";
import { criticalities } from "../../src/context/criticality.ts";
import { ManualClock } from "../../src/testing/manual-clock.ts";

// Before anything else of this file runs: the flag is the module's.
const before = currentContext();

describe("the context of the running code", () => {
  it("is nothing until one is entered, and nothing again afterwards", () => {
    expect(before).toBeUndefined();
    runWithContext({ attempt: 2 }, () => {
      expect(currentContext()?.attempt).toBe(2);
    });
    expect(currentContext()).toBeUndefined();
  });

  it("is that of the code that started the work, however late and however deep", async () => {
    const late = async (): Promise<number | undefined> => {
      await nextTurn();
      return new Promise((resolve) => {
        process.nextTick(() => {
          resolve(currentContext()?.attempt);
        });
      });
    };
    const found = await Promise.all([1, 2, 3].map((attempt) => runWithContext({ attempt }, late)));
    expect(found).toEqual([1, 2, 3]);
  });

  it("hands on what the work returns, and what it throws", () => {
    expect(runWithContext({}, () => 7)).toBe(7);
    expect(startContext({}, (a: number, b: number) => a - b, 9, 4)).toBe(5);
    expect(() =>
      runWithContext({}, () => {
        throw new RangeError("mine");
      }),
    ).toThrow(RangeError);
    expect(currentContext()).toBeUndefined();
  });

  it("refuses a deadline that is no time, which would never end, and an unknown criticality", () => {
    expect(() => runWithContext({ deadline: NaN }, () => 1)).toThrow(
      "context.deadline must be a time of the clock in milliseconds, got NaN",
    );
    const wrong: CallContext = JSON.parse('{"criticality":"urgent"}');
    expect(() => runWithContext(wrong, () => 1)).toThrow(
      'context.criticality must be one of critical_plus, critical, sheddable_plus, sheddable, got "urgent"',
    );
  });
});

describe("a context inside another", () => {
  it("ends with whichever signal aborts first, and says why", () => {
    for (const which of [0, 1]) {
      const ends = [new AbortController(), new AbortController()];
      const signal = runWithContext({ signal: ends[0]!.signal }, () =>
        runWithContext({ signal: ends[1]!.signal }, () => currentContext()?.signal),
      );
      expect(signal?.aborted).toBe(false);
      ends[which]!.abort(`by ${which}`);
      expect(signal?.reason).toBe(`by ${which}`);
    }
  });

  it("makes no further signal where there is only one", () => {
    const { signal } = new AbortController();
    const inner = runWithContext({ signal, attempt: 1 }, () => [
      runWithContext({ attempt: 2 }, () => currentContext()?.signal),
      runWithContext({ signal }, () => currentContext()?.signal),
    ]);
    expect(inner[0]).toBe(signal);
    expect(inner[1]).toBe(signal);
  });

  it("has the earliest deadline and the innermost of everything else, however deep they are nested", () => {
    const some = fc.record(
      {
        deadline: fc.constantFrom(-5, 0, 10, 20, 30.5, Infinity),
        attempt: fc.integer({ min: 1, max: 4 }),
        criticality: fc.constantFrom(...criticalities),
        chainStop: fc.boolean(),
      },
      { requiredKeys: [] },
    );
    const property = fc.property(fc.array(some, { minLength: 1, maxLength: 6 }), (contexts) => {
      const enter = (depth: number): CallContext | undefined =>
        depth === contexts.length
          ? currentContext()
          : runWithContext(contexts[depth]!, () => enter(depth + 1));
      const got = enter(0);
      const all: readonly CallContext[] = contexts;
      const last = <K extends keyof CallContext>(key: K): CallContext[K] =>
        all.findLast((one) => one[key] !== undefined)?.[key];
      const deadlines = contexts.flatMap(({ deadline }) => (deadline === undefined ? [] : [deadline]));
      expect(got?.deadline).toBe(deadlines.length === 0 ? undefined : Math.min(...deadlines));
      expect(got?.attempt).toBe(last("attempt"));
      expect(got?.criticality).toBe(last("criticality"));
      expect(got?.chainStop).toBe(last("chainStop"));
    });
    fc.assert(property, { seed: 4, numRuns: 10_000 });
  });
});

describe("withDeadline", () => {
  it("takes milliseconds from now or a date, and never extends what there is", async () => {
    const clock = new ManualClock(1_700_000_000_000);
    await clock.advance(500);
    withDeadline(
      100,
      () => {
        expect(currentContext()?.deadline).toBe(600);
        withDeadline(
          5_000,
          () => {
            expect(remainingMs(clock)).toBe(100);
          },
          clock,
        );
        withDeadline(
          new Date(1_700_000_000_530),
          () => {
            expect(remainingMs(clock)).toBe(30);
          },
          clock,
        );
      },
      clock,
    );
    expect(clock.pendingTimers).toBe(0);
  });

  it("has no time left for a date in the past, and all the time without a deadline", () => {
    const clock = new ManualClock(1_700_000_000_000);
    expect(withDeadline(new Date(0), () => remainingMs(clock), clock)).toBe(0);
    expect(remainingMs(clock)).toBe(Infinity);
  });

  it("counts on the system's clock where no other is given", () => {
    const ms = withDeadline(50_000, () => remainingMs());
    expect(ms).toBeGreaterThan(40_000);
    expect(ms).toBeLessThanOrEqual(50_000);
  });

  it("refuses what is no time", () => {
    expect(() => withDeadline(NaN, () => 1)).toThrow(
      "limit must be a number of milliseconds or a valid date",
    );
    expect(() => withDeadline(new Date("soon"), () => 1)).toThrow("limit must be");
  });
});

describe("withoutContext", () => {
  it("leaves the context for work that is to outlive it, and only for that", async () => {
    await runWithContext({ attempt: 3, deadline: 0 }, async () => {
      const outlives = withoutContext(async () => {
        await nextTurn();
        return currentContext();
      });
      expect(currentContext()?.attempt).toBe(3);
      expect(await outlives).toBeUndefined();
    });
  });
});
