import { describe, expect, it } from "vitest";

import { ProxylessError } from "../../src/errors.ts";
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
import type { ExecuteContext } from "../../src/standalone/index.ts";
import { Down, codeOf, deferred, down, failureOf, settled, still } from "./kit.ts";

describe("a circuit around functions", () => {
  it("opens on failures, says when to come back, and closes after a probe", async () => {
    const s = still();
    const opened: string[] = [];
    const policy = circuit(
      { minCalls: 4, openMs: 1_000, openJitter: 0 },
      { ...s, name: "orders-db", onOpen: ({ cause }) => opened.push(cause) },
    );
    for (let i = 0; i < 4; i++) await failureOf(policy.execute(down));
    let calls = 0;
    const error = await failureOf(policy.execute(() => ++calls));
    expect(error).toMatchObject({
      code: "ERR_PROXYLESS_CIRCUIT_OPEN",
      message: "circuit open for orders-db, retry in 1000 ms",
      retryAfterMs: 1_000,
      flag: "UO",
    });
    expect([calls, opened]).toEqual([0, ["failures"]]);
    await s.clock.advance(1_000);
    expect(await policy.execute(() => ++calls)).toBe(1);
    expect(policy.inspect()).toMatchObject({ kind: "circuit", name: "orders-db", state: "closed" });
  });

  it("counts what handle and isFailure say, and nothing of callers that give up", async () => {
    const s = still();
    const policy = circuit(
      { minCalls: 2, failureRatio: 1 },
      {
        ...s,
        handle: (error) => error instanceof Down,
        isFailure: (result: { readonly ok: boolean }) => !result.ok,
      },
    );
    await failureOf(policy.execute(() => Promise.reject(new Error("no such row"))));
    const caller = new AbortController();
    const wait = deferred();
    const call = policy.execute(() => wait.promise, { signal: caller.signal });
    caller.abort();
    wait.reject(new Down("given up"));
    await failureOf(call);
    expect(policy.inspect()).toMatchObject({ calls: 1, failures: 0 });
    await policy.execute(() => ({ ok: false }));
    await failureOf(policy.execute(down));
    expect(policy.inspect()).toMatchObject({ calls: 3, failures: 2 });
  });

  it("counts a timeout further out, but not a wait inside that was in vain", async () => {
    const s = still();
    const inner = bulkhead({ maxConcurrent: 1, maxQueue: 1 }, s);
    const breaker = circuit({}, s);
    const policy = compose(timeout({ totalMs: 100 }, s), breaker, inner);
    const never = deferred();
    const first = failureOf(
      policy.execute(({ signal }) => {
        signal.addEventListener("abort", () => never.reject(new Error("obeyed")));
        return never.promise;
      }),
    );
    const second = failureOf(policy.execute(() => 1));
    await s.clock.advance(100);
    expect(await first).toMatchObject({ timeout: "total" });
    expect(await second).toMatchObject({ code: "ERR_PROXYLESS_TIMEOUT" });
    await settled();
    expect(breaker.inspect()).toMatchObject({ calls: 1, failures: 1 });
    expect(inner.inspect()).toMatchObject({ inFlight: 0, queued: 0 });
  });

  it("can be switched, reset, changed, exported and imported", async () => {
    const s = still();
    const policy = circuit({ minCalls: 2 }, s);
    policy.setMode("forced-open");
    expect(await codeOf(policy.execute(() => 1))).toBe("ERR_PROXYLESS_CIRCUIT_OPEN");
    policy.setMode("metrics-only");
    for (let i = 0; i < 3; i++) await failureOf(policy.execute(down));
    expect(policy.inspect().state).toBe("open");
    const copy = circuit({ minCalls: 2 }, { ...s, import: { snapshot: policy.exportState() } });
    expect(copy.inspect().state).toBe("open");
    policy.reset();
    policy.update({ minCalls: 100 });
    expect(policy.inspect()).toMatchObject({ state: "closed", calls: 0 });
  });
});

describe("retries around functions", () => {
  it("call again after a back-off, with the next number, and give up with the last error", async () => {
    const s = still();
    const waits: number[] = [];
    const policy = retry(
      { maxAttempts: 3, jitter: "none", baseDelayMs: 100 },
      { ...s, onRetry: ({ delayMs }) => waits.push(delayMs) },
    );
    const attempts: number[] = [];
    const call = failureOf(
      policy.execute(({ attempt }) => {
        attempts.push(attempt);
        return Promise.reject(new Down(`attempt ${attempt}`));
      }),
    );
    await s.clock.advance(99);
    expect(attempts).toEqual([1]);
    await s.clock.advance(201);
    expect(await call).toMatchObject({ message: "attempt 3" });
    expect([attempts, waits]).toEqual([
      [1, 2, 3],
      [100, 200],
    ]);
    expect(policy.inspect()).toMatchObject({ retries: 2, unaffordable: 0, balance: 0 });
  });

  it("leave a failing result as it is, and what is no failure alone", async () => {
    const s = still();
    const policy = retry({ baseDelayMs: 0 }, { ...s, isFailure: (n: number) => n < 2, handle: () => false });
    let calls = 0;
    expect(await policy.execute(() => ++calls)).toBe(2);
    calls = -5;
    // Three attempts, and the last result is what there is.
    expect(await policy.execute(() => ++calls)).toBe(-2);
    expect(await failureOf(policy.execute(down))).toBeInstanceOf(Down);
    expect(policy.inspect().retries).toBe(3);
  });

  it("wait as long as an error asks, and not beyond the deadline", async () => {
    const s = still();
    const policy = retry({ baseDelayMs: 0, maxDelayMs: 0 }, s);
    let calls = 0;
    const busy = (): number => {
      if (++calls % 2 === 0) return calls;
      throw Object.assign(new Error("busy"), { retryAfterMs: 500 });
    };
    const call = policy.execute(busy);
    await s.clock.advance(499);
    expect(calls).toBe(1);
    await s.clock.advance(1);
    expect(await call).toBe(2);
    expect(await failureOf(policy.execute(busy, { deadlineMs: 500 }))).toMatchObject({ message: "busy" });
    expect([calls, s.clock.pendingTimers]).toEqual([3, 0]);
  });

  it("end at once when the caller gives up in a back-off", async () => {
    const s = still();
    const caller = new AbortController();
    const policy = retry({ jitter: "none", baseDelayMs: 250 }, s);
    const call = failureOf(policy.execute(down, { signal: caller.signal }));
    await s.clock.advance(100);
    expect(s.clock.pendingTimers).toBe(1);
    caller.abort("enough");
    expect(await call).toBe("enough");
    expect(s.clock.pendingTimers).toBe(0);
  });

  it("never try again what was refused in this process", async () => {
    const s = still();
    const inner = circuit({ mode: "forced-open" }, s);
    const policy = retry({}, s);
    expect(await codeOf(compose(policy, inner).execute(() => 1))).toBe("ERR_PROXYLESS_CIRCUIT_OPEN");
    let calls = 0;
    const shed = new ProxylessError("ERR_PROXYLESS_SHED", "full", { flag: "UO" });
    const refused = (): Promise<never> => {
      calls++;
      return Promise.reject(shed);
    };
    expect(await failureOf(policy.execute(refused))).toBe(shed);
    expect([calls, policy.inspect().retries]).toEqual([1, 0]);
  });

  it("spend no more than the budget, whoever shares it", async () => {
    const s = still();
    const budget = retryBudget({ ratio: 0.2, minPerSecond: 0 }, { clock: s.clock });
    const [reads, writes] = [1, 2].map(() => retry({ baseDelayMs: 0 }, { ...s, budget }));
    for (let i = 0; i < 10; i++) await reads!.execute(() => 1);
    expect(budget.inspect().balance).toBe(2);
    await failureOf(writes!.execute(down));
    await failureOf(reads!.execute(down));
    expect([writes!.inspect().retries, reads!.inspect().retries, reads!.inspect().unaffordable]).toEqual([
      2, 0, 1,
    ]);
  });

  it("count a call that succeeded once, though hedges count as well", async () => {
    const s = still();
    const budget = retryBudget({ ratio: 1, minPerSecond: 0 }, { clock: s.clock });
    const policy = compose(retry({}, { ...s, budget }), hedge({ delayMs: 10 }, { ...s, budget }));
    for (let i = 0; i < 5; i++) await policy.execute(() => 1);
    expect(budget.inspect().balance).toBe(5);
  });
});

describe("a timeout around functions", () => {
  it("ends the wait for a function that does not listen, and tells one that does", async () => {
    const s = still();
    const policy = timeout({ totalMs: 50 }, { ...s, name: "report" });
    let reason: unknown;
    const call = failureOf(
      policy.execute(({ signal }) => {
        signal.addEventListener("abort", () => {
          reason = signal.reason;
        });
        return deferred().promise;
      }),
    );
    await s.clock.advance(50);
    const error = await call;
    expect(error).toMatchObject({
      code: "ERR_PROXYLESS_TIMEOUT",
      message: "report: no result within 50 ms (total timeout)",
      timeout: "total",
      flag: "DT",
    });
    expect(reason).toBe(error);
    expect(policy.inspect()).toEqual({ kind: "timeout", name: "report", totalMs: 50, timedOut: 1 });
  });

  it("of an attempt is retried, and each attempt has a signal of its own", async () => {
    const s = still();
    const attemptLimit = timeout({ totalMs: 100 }, s);
    const policy = compose(timeout({ totalMs: 1_000 }, s), retry({ baseDelayMs: 0 }, s), attemptLimit);
    const signals: AbortSignal[] = [];
    const call = policy.execute(({ attempt, signal }) => {
      signals.push(signal);
      return attempt === 1 ? deferred<string>().promise : "done";
    });
    await s.clock.advance(100);
    expect(await call).toBe("done");
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, false]);
    expect(signals[0]!.reason).toMatchObject({ timeout: "attempt", flag: "UT" });
    expect(s.clock.pendingTimers).toBe(0);
  });

  it("further out ends everything further in", async () => {
    const s = still();
    const policy = compose(
      timeout({ totalMs: 100 }, s),
      retry({}, s),
      bulkhead({ maxConcurrent: 1 }, s),
      timeout({ totalMs: 100 }, s),
    );
    const aborted = deferred<unknown>();
    const call = failureOf(
      policy.execute(({ signal }) => {
        signal.addEventListener("abort", () => {
          aborted.resolve(signal.reason);
        });
        return deferred().promise;
      }),
    );
    await s.clock.advance(100);
    expect(await call).toBe(await aborted.promise);
    expect(s.clock.pendingTimers).toBe(0);
  });
});

describe("hedges around functions", () => {
  it("send a second attempt after the delay, take the quicker and end the slower", async () => {
    const s = still();
    const budget = retryBudget({ ratio: 1 }, { clock: s.clock });
    const policy = hedge({ delayMs: 20 }, { ...s, budget });
    for (let i = 0; i < 4; i++) await policy.execute(() => 1);
    const slow = deferred<string>();
    let first: AbortSignal | undefined;
    const call = policy.execute(async ({ attempt, signal }) => {
      if (attempt === 2) return "second";
      first = signal;
      return slow.promise;
    });
    await s.clock.advance(20);
    expect(await call).toBe("second");
    expect(first?.aborted).toBe(true);
    slow.resolve("first");
    await settled();
    expect(policy.inspect()).toMatchObject({ sent: 1, hedges: 1, late: 0 });
    expect(s.clock.pendingTimers).toBe(0);
  });

  it("wait for the other attempt when one fails, and fail when both do", async () => {
    const s = still();
    const policy = hedge({ delayMs: 20 }, s);
    for (let i = 0; i < 20; i++) await policy.execute(() => 1);
    const slow = [deferred<string>(), deferred<string>()];
    const calls = slow.map(({ promise }) =>
      policy.execute(({ attempt }) => (attempt === 1 ? promise : down())),
    );
    await s.clock.advance(20);
    slow[0]!.resolve("first");
    slow[1]!.reject(new Error("first failed too"));
    expect(await calls[0]).toBe("first");
    expect(await failureOf(calls[1]!)).toMatchObject({ message: "first failed too" });
  });

  it("leave a circuit inside as it is when they end the slower attempt", async () => {
    const s = still();
    const breaker = circuit({}, s);
    const policy = compose(hedge({ delayMs: 20 }, s), breaker);
    for (let i = 0; i < 20; i++) await policy.execute(() => 1);
    const call = policy.execute(({ attempt, signal }) =>
      attempt === 2
        ? "second"
        : new Promise<string>((_, reject) => {
            signal.addEventListener("abort", () => {
              reject(new Error("obeyed"));
            });
          }),
    );
    await s.clock.advance(20);
    expect(await call).toBe("second");
    await settled();
    expect(breaker.inspect()).toMatchObject({ calls: 21, failures: 0 });
  });

  it("are not sent when the budget is spent", async () => {
    const s = still();
    const policy = hedge({ delayMs: 20 }, s);
    const slow = deferred();
    const call = policy.execute(() => slow.promise);
    await s.clock.advance(1_000);
    slow.resolve();
    await call;
    expect(policy.inspect().sent).toBe(0);
  });
});

describe("limits around functions", () => {
  it("a bulkhead lets so many run, has some wait and refuses the rest", async () => {
    const s = still();
    const policy = bulkhead({ maxConcurrent: 2, maxQueue: 1, queueTimeoutMs: 100 }, { ...s, name: "db" });
    const running = [deferred<number>(), deferred<number>()];
    const calls = running.map(({ promise }) => policy.execute(() => promise));
    const waiting = policy.execute(() => "waited");
    const refused = await failureOf(policy.execute(() => 0));
    expect(refused).toMatchObject({ code: "ERR_PROXYLESS_SHED", shed: "queue_full", service: "db" });
    expect(policy.inspect()).toMatchObject({ inFlight: 2, queued: 1 });
    running[0]!.resolve(1);
    expect(await waiting).toBe("waited");
    const third = deferred<number>();
    const last = policy.execute(() => third.promise);
    const tooLate = failureOf(policy.execute(() => 0, { deadlineMs: 50 }));
    await s.clock.advance(50);
    expect(await tooLate).toMatchObject({ shed: "queue_timeout" });
    running[1]!.resolve(2);
    third.resolve(3);
    expect(await Promise.all([...calls, last])).toEqual([1, 2, 3]);
    expect([policy.inspect().inFlight, s.clock.pendingTimers]).toEqual([0, 0]);
  });

  it("lets somebody who gives up leave the line at once", async () => {
    const s = still();
    const policy = bulkhead({ maxConcurrent: 1, maxQueue: 1 }, s);
    const caller = new AbortController();
    const running = deferred();
    const first = policy.execute(() => running.promise);
    const second = failureOf(policy.execute(() => 1, { signal: caller.signal }));
    caller.abort("enough");
    expect(await second).toBe("enough");
    expect(policy.inspect().queued).toBe(0);
    running.resolve();
    await first;
    expect(policy.inspect().inFlight).toBe(0);
  });

  it.each(Array.from({ length: 12 }, (_, ticks) => ticks))(
    "begins nothing for somebody who gave up, be it %d ticks after a place was free",
    async (ticks) => {
      const policy = bulkhead({ maxConcurrent: 1, maxQueue: 1 }, still());
      const caller = new AbortController();
      const running = deferred();
      const first = policy.execute(() => running.promise);
      const begunFor: boolean[] = [];
      const fn = ({ signal }: ExecuteContext): unknown => begunFor.push(signal.aborted);
      const second = failureOf(policy.execute(fn, { signal: caller.signal }));
      running.resolve();
      for (let i = 0; i < ticks; i++) await Promise.resolve();
      caller.abort("enough");
      expect(await second).toBe(begunFor.length === 0 ? "enough" : undefined);
      await first;
      expect(begunFor).not.toContain(true);
      expect(policy.inspect()).toMatchObject({ inFlight: 0, queued: 0 });
    },
  );

  it("a rate limit counts by key", async () => {
    const s = still();
    const policy = rateLimit({ tokensPerSecond: 1, burst: 2, perKey: true }, s);
    const call = (key: string): Promise<unknown> => failureOf(policy.execute(() => 1, { key }));
    expect([await call("a"), await call("a"), await call("b")]).toEqual([undefined, undefined, undefined]);
    expect(await call("a")).toMatchObject({ shed: "rate_limit", flag: "RL", retryAfterMs: 1_000 });
    policy.update({ tokensPerSecond: 1_000, burst: 2, perKey: true });
    await s.clock.advance(10);
    expect(await call("a")).toBe(undefined);
  });

  it("a rate limit makes calls wait where it may", async () => {
    const s = still();
    const policy = rateLimit({ tokensPerSecond: 10, burst: 1, maxWaitMs: 500 }, s);
    await policy.execute(() => 1);
    const at = policy.execute(() => s.clock.now());
    await s.clock.advance(100);
    expect(await at).toBe(100);
    expect(s.clock.pendingTimers).toBe(0);
  });

  it("adaptive throttling holds calls back when too many fail", async () => {
    const s = still();
    const policy = adaptiveThrottling({}, { ...s, handle: (error) => error instanceof Down });
    let calls = 0;
    for (let i = 0; i < 500; i++) {
      await failureOf(
        policy.execute(() => {
          calls++;
          return i % 4 === 0 ? down() : Promise.reject(new Error("no such row"));
        }),
      );
    }
    expect(calls).toBe(500);
    for (let i = 0; i < 2_000; i++) {
      await failureOf(
        policy.execute(() => {
          calls++;
          return down();
        }),
      );
    }
    expect(calls).toBeLessThan(1_800);
    expect(policy.inspect().levels["critical"]?.rejection).toBeGreaterThan(0.5);
  });

  it("adaptive throttling counts only what isOverload says, where it says", async () => {
    const s = still();
    const policy = adaptiveThrottling({}, { ...s, isOverload: () => false });
    for (let i = 0; i < 100; i++) await failureOf(policy.execute(down));
    expect(policy.inspect().levels["critical"]).toMatchObject({ requests: 100, accepts: 100 });
  });

  it("adaptive concurrency lowers its limit when calls are refused for overload", async () => {
    const s = still();
    const policy = adaptiveConcurrency({ algorithm: "aimd" }, { ...s, isOverload: () => true });
    for (let i = 0; i < 50; i++) {
      await failureOf(policy.execute(down));
      await s.clock.advance(10);
    }
    expect(policy.inspect().limit).toBeLessThan(20);
    expect(policy.inspect().inFlight).toBe(0);
  });
});

describe("a fallback around functions", () => {
  it("comes instead of failures and refusals, and is told which", async () => {
    const s = still();
    const policy = compose(
      fallback(({ error }) => String(error), s),
      circuit({ minCalls: 1, failureRatio: 1 }, s),
    );
    expect(await policy.execute(down)).toBe("Error: it is down");
    expect(await policy.execute(() => 1)).toContain("circuit open");
  });

  it("comes instead of failing results, and leaves what is no failure", async () => {
    const s = still();
    const policy = fallback<string>(
      { value: "instead" },
      { ...s, isFailure: (result) => result === "bad", handle: (error) => error instanceof Down },
    );
    expect(await policy.execute(() => "bad")).toBe("instead");
    expect(await policy.execute(() => "good")).toBe("good");
    expect(await failureOf(policy.execute(() => Promise.reject(new RangeError())))).toBeInstanceOf(
      RangeError,
    );
    expect(policy.inspect().fellBack).toBe(1);
  });

  it("gives nothing to callers that gave up, and nothing for calls that are wrong", async () => {
    const s = still();
    const policy = fallback(() => "instead", s);
    const caller = new AbortController();
    const wait = deferred();
    const call = failureOf(policy.execute(() => wait.promise, { signal: caller.signal }));
    caller.abort("enough");
    wait.reject(new Error("obeyed"));
    expect(await call).toMatchObject({ message: "obeyed" });
    const wrong = new ProxylessError("ERR_PROXYLESS_REQUEST", "no such method");
    expect(await failureOf(policy.execute(() => Promise.reject(wrong)))).toBe(wrong);
  });

  it("has a time of its own, even after the deadline", async () => {
    const s = still();
    const policy = compose(
      fallback({ run: () => deferred<string>().promise, timeoutMs: 30 }, s),
      timeout({ totalMs: 100 }, s),
    );
    const call = failureOf(policy.execute(() => deferred().promise, { deadlineMs: 50 }));
    await s.clock.advance(79);
    expect(s.clock.pendingTimers).toBe(1);
    await s.clock.advance(1);
    expect(await call).toMatchObject({ message: expect.stringContaining("30 ms") });
  });

  it("may throw another error", async () => {
    const policy = fallback(({ error }) => {
      throw new Error("the store is closed", { cause: error });
    }, still());
    expect(await failureOf(policy.execute(down))).toMatchObject({ message: "the store is closed" });
  });
});

describe("faults around functions", () => {
  it("stand for what is called: circuits count them, retries try again", async () => {
    const s = still();
    const faults = faultInjection({ percent: 100, abort: { kind: "reset" } }, s);
    const breaker = circuit({}, s);
    const policy = compose(retry({ baseDelayMs: 0 }, s), breaker, faults);
    let calls = 0;
    expect(await failureOf(policy.execute(() => ++calls))).toMatchObject({
      code: "ERR_PROXYLESS_RESET",
      flag: "FI",
    });
    expect([calls, breaker.inspect().failures, faults.inspect().injected]).toEqual([0, 3, 3]);
    faults.update(false);
    expect(await policy.execute(() => ++calls)).toBe(1);
  });

  it("delay, behave and make up errors", async () => {
    const s = still();
    const seen: unknown[] = [];
    const policy = faultInjection(
      {
        percent: 100,
        delay: { fixedMs: 200 },
        behaviour: (subject) => void seen.push(subject),
        outcome: ({ attempt }) => (attempt === 1 ? new Down("made up") : undefined),
      },
      s,
    );
    const call = failureOf(policy.execute(() => 1, { key: "k" }));
    await s.clock.advance(200);
    expect(await call).toMatchObject({ message: "made up" });
    expect(seen).toEqual([{ key: "k", attempt: 1 }]);
  });

  it("that never end are ended by the deadline or a timeout", async () => {
    const s = still();
    const faults = faultInjection({ percent: 100, abort: { kind: "timeout" } }, s);
    const [first, second] = [
      failureOf(faults.execute(() => 1, { deadlineMs: 100 })),
      failureOf(compose(timeout({ totalMs: 100 }, s), faults).execute(() => 1)),
    ];
    await s.clock.advance(100);
    expect([await first, await second]).toMatchObject([{ timeout: "total" }, { timeout: "total" }]);
    expect(s.clock.pendingTimers).toBe(0);
  });
});
