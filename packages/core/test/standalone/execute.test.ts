import { getEventListeners } from "node:events";

import { describe, expect, it } from "vitest";

import { runWithContext } from "../../src/context/call-context.ts";
import {
  adaptiveThrottling,
  bulkhead,
  circuit,
  compose,
  fallback,
  faultInjection,
  hedge,
  retry,
  retryBudget,
  timeout,
} from "../../src/standalone/index.ts";
import type { ExecuteContext, Policy } from "../../src/standalone/index.ts";
import { codeOf, deferred, down, failureOf, refusalOf, settled, still } from "./kit.ts";

const everyKind = (): readonly (readonly [string, (s: ReturnType<typeof still>) => Policy<unknown>])[] => [
  ["a circuit", (s) => circuit({}, s)],
  ["retries", (s) => retry({}, s)],
  ["a timeout", (s) => timeout({ totalMs: 1_000 }, s)],
  ["hedges", (s) => hedge({ delayMs: 100 }, s)],
  ["a bulkhead", (s) => bulkhead({ maxConcurrent: 1, maxQueue: 5 }, s)],
  ["a fallback", (s) => fallback(() => "instead", s)],
  ["faults that are off", (s) => faultInjection(false, s)],
  ["nothing", () => compose()],
];

describe.each(everyKind())("a call through %s", (_, make) => {
  it("has the function's own result, be it a promise or not", async () => {
    const policy = make(still());
    expect(await policy.execute(() => 42)).toBe(42);
    expect(await policy.execute(async () => "later")).toBe("later");
  });

  it("never throws where it is called", async () => {
    const policy = make(still());
    const call = policy.execute(() => 1, { deadlineMs: -1 });
    expect(await codeOf(call)).toBe("ERR_PROXYLESS_CONFIG");
    // @ts-expect-error -- not a function
    expect(await codeOf(policy.execute("x"))).toBe("ERR_PROXYLESS_CONFIG");
  });

  it("is not begun for a caller that has gone or a deadline that has passed", async () => {
    const s = still();
    const policy = make(s);
    let calls = 0;
    const fn = (): number => ++calls;
    const reason = new Error("gone");
    expect(await failureOf(policy.execute(fn, { signal: AbortSignal.abort(reason) }))).toBe(reason);
    expect(await codeOf(policy.execute(fn, { deadlineMs: 0 }))).toBe("ERR_PROXYLESS_TIMEOUT");
    expect(calls).toBe(0);
    expect(await policy.execute(fn)).toBe(1);
  });

  it("hears of a caller that gives up, and leaves no listener and no timer behind", async () => {
    const s = still();
    const policy = make(s);
    const caller = new AbortController();
    const reason = new Error("gone");
    const call = policy.execute(
      ({ signal }) =>
        new Promise((_resolve, reject) => {
          const obey = (): void => {
            reject(signal.reason);
          };
          signal.addEventListener("abort", obey, { once: true });
        }),
      { signal: caller.signal },
    );
    await settled();
    expect(getEventListeners(caller.signal, "abort")).toHaveLength(1);
    caller.abort(reason);
    expect(await failureOf(call)).toBe(reason);
    await s.clock.advance(5_000);
    expect(getEventListeners(caller.signal, "abort")).toHaveLength(0);
    expect(s.clock.pendingTimers).toBe(0);
  });

  it("tells the function which attempt it is, and how much it matters", async () => {
    const options = { criticality: "sheddable" } as const;
    const seen = make(still()).execute(({ attempt, criticality }) => [attempt, criticality], options);
    expect(await seen).toEqual([1, "sheddable"]);
  });
});

describe("a call in a context", () => {
  it("ends by the deadline of the work that it is made in", async () => {
    const { clock } = still();
    const policy = timeout({ totalMs: 1_000 }, { clock });
    const call = runWithContext({ deadline: 300, criticality: "sheddable_plus" }, () =>
      policy.execute(async (ctx) => {
        expect([ctx.deadline, ctx.criticality]).toEqual([300, "sheddable_plus"]);
        await deferred().promise;
      }),
    );
    const code = codeOf(call);
    await clock.advance(299);
    expect(policy.inspect().timedOut).toBe(0);
    await clock.advance(1);
    expect(await code).toBe("ERR_PROXYLESS_TIMEOUT");
  });

  it("is ended by its signal, and by its own", async () => {
    for (const who of ["context", "caller"] as const) {
      const [context, caller] = [new AbortController(), new AbortController()];
      let seen: AbortSignal | undefined;
      const call = runWithContext({ signal: context.signal }, () =>
        timeout({ totalMs: 1_000 }, still()).execute(
          (ctx) => {
            seen = ctx.signal;
            return deferred().promise;
          },
          { signal: caller.signal },
        ),
      );
      const error = failureOf(call);
      (who === "context" ? context : caller).abort(who);
      expect(await error).toBe(who);
      expect(seen?.reason).toBe(who);
      for (const { signal } of [context, caller]) expect(getEventListeners(signal, "abort")).toHaveLength(0);
    }
  });

  it("hands itself on as a context", async () => {
    const s = still();
    const policy = timeout({ totalMs: 200 }, s);
    const inner = timeout({ totalMs: 10_000 }, s);
    let ended: unknown;
    const call = policy.execute(async (ctx) => {
      ended = await failureOf(runWithContext(ctx, () => inner.execute(() => deferred().promise)));
    });
    const code = codeOf(call);
    await s.clock.advance(200);
    expect(await code).toBe("ERR_PROXYLESS_TIMEOUT");
    await settled();
    expect(ended).toMatchObject({ code: "ERR_PROXYLESS_TIMEOUT" });
    expect(s.clock.pendingTimers).toBe(0);
  });

  it("is neither retried nor hedged where somebody above retries already", async () => {
    const { clock, random } = still();
    const budget = retryBudget({}, { clock });
    const policy = compose(
      retry({}, { clock, random, budget }),
      hedge({ delayMs: 1 }, { clock, random, budget }),
    );
    let calls = 0;
    await runWithContext({ chainStop: true }, () =>
      failureOf(
        policy.execute(() => {
          calls++;
          return down();
        }),
      ),
    );
    expect([calls, clock.pendingTimers]).toEqual([1, 0]);
  });
});

describe("the context of a call", () => {
  it("makes no signal unless somebody asks, and then always the same one", async () => {
    const policy = compose(timeout({ totalMs: 1_000 }, still()));
    const same = await policy.execute((ctx) => ctx.signal === ctx.signal && !ctx.signal.aborted);
    expect(same).toBe(true);
  });

  it("gives a function that reads its signal late one that has aborted", async () => {
    const s = still();
    let late: ExecuteContext | undefined;
    const call = timeout({ totalMs: 100 }, s).execute(async (ctx) => {
      late = ctx;
      await deferred().promise;
    });
    const error = failureOf(call);
    await s.clock.advance(100);
    expect(late?.signal.aborted).toBe(true);
    expect(late?.signal.reason).toBe(await error);
  });
});

describe("options", () => {
  it("that nobody knows are refused with their name", () => {
    // @ts-expect-error -- not an option
    expect(refusalOf(() => circuit({}, { clok: 1 }))).toContain("options.clok must be left out");
    // @ts-expect-error -- not a function
    expect(refusalOf(() => retry({}, { handle: true }))).toBe("options.handle must be a function, got true");
    expect(refusalOf(() => timeout({ totalMs: 0 }))).toBe(
      "timeout.totalMs must be a number from 1 to 2147483647, got 0",
    );
    // @ts-expect-error -- HTTP's business
    expect(refusalOf(() => retry({ statuses: [503] }))).toContain("retry.statuses must be left out");
    // @ts-expect-error -- neither value nor run
    expect(refusalOf(() => fallback({ val: 1 }))).toContain("fallback.val must be left out");
    expect(refusalOf(() => fallback({}))).toContain("fallback must be given a value or run");
    expect(refusalOf(() => circuit({}, { name: "" }))).toBe('options.name must be a name, got ""');
  });

  it("of a call are checked", async () => {
    const policy = circuit();
    // @ts-expect-error -- not a level
    expect(await codeOf(policy.execute(() => 1, { criticality: "high" }))).toBe("ERR_PROXYLESS_CONFIG");
    // @ts-expect-error -- not a string
    expect(await codeOf(policy.execute(() => 1, { key: 7 }))).toBe("ERR_PROXYLESS_CONFIG");
    // @ts-expect-error -- not a signal
    expect(await codeOf(policy.execute(() => 1, { signal: {} }))).toBe("ERR_PROXYLESS_CONFIG");
  });
});

describe("a judgement that throws", () => {
  it("ends the call with what it throws, and takes nothing with it", async () => {
    const s = { ...still(), handle: () => raise(), isFailure: () => raise() };
    const full = bulkhead({ maxConcurrent: 1 }, { clock: s.clock });
    const policies = [
      circuit({}, s),
      retry({}, s),
      hedge({ delayMs: 5 }, s),
      fallback(() => 1, s),
      adaptiveThrottling({}, s),
    ];
    for (const policy of policies) {
      const both = compose(full, policy);
      expect(await failureOf(both.execute(down))).toMatchObject({ message: "the judgement failed" });
      expect(await failureOf(both.execute(() => 1))).toMatchObject({ message: "the judgement failed" });
      expect([full.inspect().inFlight, s.clock.pendingTimers]).toEqual([0, 0]);
    }
  });
});

function raise(): never {
  throw new Error("the judgement failed");
}

describe("a policy that is off", () => {
  it("is not there", () => {
    const off = [
      circuit(false),
      retry(false),
      timeout(false),
      hedge(false),
      bulkhead(false),
      fallback(false),
    ];
    expect(compose(...off).inspect()).toEqual([]);
    expect(compose(circuit(), ...off).inspect()).toHaveLength(1);
  });
});
