import { afterEach, describe, expect, it, vi } from "vitest";

import { retryLoop } from "../../../src/policies/retry/retry-loop.ts";
import { ManualClock } from "../../../src/testing/manual-clock.ts";

const at0 = (): number => 0;

afterEach(() => {
  vi.useRealTimers();
});

describe("the retry loop", () => {
  it("goes on from attempt 2 and gives back the first success", async () => {
    const attempts: number[] = [];
    const asked: [unknown, number][] = [];
    const result = await retryLoop(
      "first",
      (number) => {
        attempts.push(number);
        return number === 4 ? Promise.resolve("done") : Promise.reject(new Error(`no ${number}`));
      },
      (failure, number) => {
        asked.push([failure instanceof Error ? failure.message : failure, number]);
        return 0;
      },
      { maxAttempts: 5, clock: new ManualClock() },
    );
    expect(result).toBe("done");
    expect(attempts).toEqual([2, 3, 4]);
    expect(asked).toEqual([
      ["first", 1],
      ["no 2", 2],
      ["no 3", 3],
    ]);
  });

  it("waits on the given clock, for exactly as long as it is told, and on no other", async () => {
    vi.useFakeTimers({ toNotFake: ["setImmediate", "queueMicrotask", "nextTick"] });
    const clock = new ManualClock();
    const startedAt: number[] = [];
    const done = retryLoop(
      new Error("first"),
      (number) => {
        startedAt.push(clock.now());
        return number === 3 ? Promise.resolve(number) : Promise.reject(new Error("no"));
      },
      (_, number) => number * 1_000,
      { maxAttempts: 3, clock },
    );
    await clock.advance(999);
    expect(startedAt).toEqual([]);
    expect(clock.pendingTimers).toBe(1);
    expect(vi.getTimerCount()).toBe(0);
    await clock.advance(10_000);
    expect(startedAt).toEqual([1_000, 3_000]);
    await expect(done).resolves.toBe(3);
    expect(clock.pendingTimers).toBe(0);
    expect(vi.getTimerCount()).toBe(0);
  });

  it.each([
    new Error("plain"),
    new TypeError("a bug"),
    new DOMException("aborted", "AbortError"),
    Object.assign(new Error("looks final"), { name: "AbortError" }),
    "a string",
    undefined,
    null,
    42,
    { toString: null },
  ])("retries and then rethrows as it is: %o", async (failure) => {
    let attempts = 0;
    const ended = retryLoop(
      failure,
      () => {
        attempts++;
        // eslint-disable-next-line typescript/prefer-promise-reject-errors -- what does not belong there is the point
        return Promise.reject(failure);
      },
      at0,
      { maxAttempts: 3, clock: new ManualClock() },
    );
    const rethrown: unknown = await ended.catch((error: unknown) => error);
    expect(rethrown).toBe(failure);
    expect(attempts).toBe(2);
  });

  it("rethrows the last failure, not the first", async () => {
    const ended = retryLoop("first", (number) => Promise.reject(new Error(`no ${number}`)), at0, {
      maxAttempts: 3,
      clock: new ManualClock(),
    });
    await expect(ended).rejects.toThrow("no 3");
  });

  it("stops when told to, before another attempt", async () => {
    const attempts: number[] = [];
    const ended = retryLoop(
      new Error("first"),
      (number) => {
        attempts.push(number);
        return Promise.reject(new Error(`no ${number}`));
      },
      (_, number) => (number === 2 ? undefined : 0),
      { maxAttempts: 10, clock: new ManualClock() },
    );
    await expect(ended).rejects.toThrow("no 2");
    expect(attempts).toEqual([2]);
  });

  it("makes no attempt and asks nothing when only one was allowed", async () => {
    const next = vi.fn<() => number>(at0);
    const attempt = vi.fn<() => Promise<number>>(() => Promise.resolve(1));
    const first = new Error("first");
    await expect(retryLoop(first, attempt, next, { maxAttempts: 1, clock: new ManualClock() })).rejects.toBe(
      first,
    );
    expect(next).not.toHaveBeenCalled();
    expect(attempt).not.toHaveBeenCalled();
  });

  it("passes on what the decision itself throws", async () => {
    const ended = retryLoop(
      new Error("first"),
      () => Promise.resolve(1),
      () => {
        throw new TypeError("a bug in the decision");
      },
      { maxAttempts: 3, clock: new ManualClock() },
    );
    await expect(ended).rejects.toThrow("a bug in the decision");
  });

  it("copes with an attempt that throws before it returns a promise", async () => {
    const ended = retryLoop(
      "first",
      () => {
        throw new RangeError("at once");
      },
      at0,
      { maxAttempts: 2, clock: new ManualClock() },
    );
    await expect(ended).rejects.toThrow("at once");
  });
});

describe("an abort", () => {
  it("ends a wait at once with the signal's reason and leaves no timer", async () => {
    const clock = new ManualClock();
    const controller = new AbortController();
    const attempt = vi.fn<() => Promise<number>>(() => Promise.resolve(1));
    const ended = retryLoop(new Error("first"), attempt, () => 60_000, {
      maxAttempts: 3,
      clock,
      signal: controller.signal,
    });
    await clock.advance(1_000);
    const reason = new Error("enough");
    controller.abort(reason);
    await expect(ended).rejects.toBe(reason);
    expect(attempt).not.toHaveBeenCalled();
    expect(clock.pendingTimers).toBe(0);
  });

  it("that came before the loop ends it even when there is nothing to wait for", async () => {
    const attempt = vi.fn<() => Promise<number>>(() => Promise.resolve(1));
    const reason = new Error("too late");
    const ended = retryLoop(new Error("first"), attempt, at0, {
      maxAttempts: 3,
      clock: new ManualClock(),
      signal: AbortSignal.abort(reason),
    });
    await expect(ended).rejects.toBe(reason);
    expect(attempt).not.toHaveBeenCalled();
  });

  it("does not take away the result of an attempt that succeeded all the same", async () => {
    const controller = new AbortController();
    const ended = retryLoop(
      new Error("first"),
      () => {
        controller.abort();
        return Promise.resolve("made it");
      },
      at0,
      { maxAttempts: 2, clock: new ManualClock(), signal: controller.signal },
    );
    await expect(ended).resolves.toBe("made it");
  });
});
