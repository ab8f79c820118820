import { getEventListeners } from "node:events";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

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
import { ManualClock } from "../../src/testing/manual-clock.ts";
import { Down } from "./kit.ts";

function heapAfterCollection(): number {
  setFlagsFromString("--expose-gc");
  const collect: unknown = runInNewContext("gc");
  if (typeof collect === "function") for (let i = 0; i < 3; i++) collect();
  return process.memoryUsage().heapUsed;
}

describe("a hundred thousand calls through every policy at once", () => {
  it("leave no timer, no listener, no lease and nothing that grows", async () => {
    const clock = new ManualClock();
    const random = seededRandom(4);
    const s = { clock, random };
    const budget = retryBudget({}, { clock });
    const full = bulkhead({ maxConcurrent: 40, maxQueue: 20, queueTimeoutMs: 50 }, s);
    const adaptive = adaptiveConcurrency({ initialLimit: 60, minLimit: 30 }, s);
    const rates = rateLimit({ tokensPerSecond: 50, burst: 20, perKey: true, maxKeys: 500, maxWaitMs: 20 }, s);
    const breaker = circuit({ failureRatio: 0.9, openMs: 20 }, s);
    const policy = compose(
      fallback(() => "instead", s),
      timeout({ totalMs: 200 }, s),
      rates,
      adaptiveThrottling({}, s),
      adaptive,
      retry({ baseDelayMs: 5 }, { ...s, budget }),
      breaker,
      full,
      hedge({ delayMs: 15 }, { ...s, budget }),
      timeout({ totalMs: 60 }, s),
      faultInjection({ percent: 1, delay: { fixedMs: 5 }, abort: { kind: "reset", percent: 50 } }, s),
    );
    const shared = new AbortController();
    const ends = { result: 0, instead: 0, error: 0 };
    const work = (signal: AbortSignal): Promise<string> | string => {
      const dice = random();
      if (dice < 0.2) return "at once";
      if (dice < 0.3) throw new Down("at once");
      return new Promise((resolve, reject) => {
        const ms = dice < 0.32 ? 500 : dice * 30;
        const timer = clock.setTimer(
          () => {
            signal.removeEventListener("abort", obey);
            if (dice < 0.9) resolve("later");
            else reject(new Down("later"));
          },
          ms,
          undefined,
        );
        const obey = (): void => {
          clock.clearTimer(timer);
          reject(new Error("obeyed"));
        };
        signal.addEventListener("abort", obey, { once: true });
      });
    };
    let calls = 0;
    const run = async (count: number): Promise<void> => {
      for (const end = calls + count; calls < end;) {
        for (let i = 0; i < 50; i++) {
          const options = {
            key: `user ${calls++ % 3_000}`,
            signal: random() < 0.1 ? AbortSignal.any([shared.signal]) : shared.signal,
          };
          policy
            .execute(({ signal }) => work(signal), random() < 0.9 ? options : { ...options, deadlineMs: 30 })
            .then(
              (result) => ends[result === "instead" ? "instead" : "result"]++,
              () => ends.error++,
            );
        }
        await clock.advance(20);
      }
      await clock.advance(1_000);
    };
    await run(10_000);
    const before = heapAfterCollection();
    await run(90_000);
    const grownMiB = (heapAfterCollection() - before) / 2 ** 20;

    expect(ends.result + ends.instead + ends.error).toBe(100_000);
    expect(Math.min(ends.result, ends.instead)).toBeGreaterThan(1_000);
    expect(clock.pendingTimers).toBe(0);
    expect(getEventListeners(shared.signal, "abort")).toHaveLength(0);
    expect(full.inspect()).toMatchObject({ inFlight: 0, queued: 0 });
    expect(adaptive.inspect()).toMatchObject({ inFlight: 0, queued: 0 });
    expect(rates.inspect().keys).toBeLessThanOrEqual(500);
    expect(JSON.stringify(breaker.exportState()).length).toBeLessThan(2_000);
    expect(grownMiB).toBeLessThan(4);
  }, 60_000);
});
