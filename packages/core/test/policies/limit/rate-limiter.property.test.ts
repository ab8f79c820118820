import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { RateLimiter } from "../../../src/policies/limit/rate-limiter.ts";
import type { RateWaiter } from "../../../src/policies/limit/rate-limiter.ts";
import { StepClock } from "./step-clock.ts";

interface Waiting {
  readonly id: number;
  readonly key: string;
}

/** A token bucket as it is told: in whole milliseconds, a token every `gapMs` of them, one bucket per key. */
class Model {
  readonly #gapMs: number;
  readonly #burst: number;
  readonly #maxWaitMs: number;
  /** The milliseconds' worth of tokens in each bucket. */
  readonly #worth = new Map<string, number>();
  line: Waiting[] = [];
  readonly log: string[] = [];

  constructor(gapMs: number, burst: number, maxWaitMs: number) {
    this.#gapMs = gapMs;
    this.#burst = burst;
    this.#maxWaitMs = maxWaitMs;
  }

  ask(id: number, key: string, waitMs: number): string {
    const worth = this.#worth.get(key) ?? this.#burst * this.#gapMs;
    const before = this.line.filter((waiting) => waiting.key === key).length;
    if (before === 0 && worth >= this.#gapMs) {
      this.#worth.set(key, worth - this.#gapMs);
      return "in";
    }
    this.#worth.set(key, worth);
    const due = (before + 1) * this.#gapMs - worth;
    if (due > Math.min(this.#maxWaitMs, waitMs)) return `refused for ${due}`;
    this.line.push({ id, key });
    return "waits";
  }

  /** A millisecond goes by. */
  tick(): void {
    for (const [key, worth] of this.#worth) {
      this.#worth.set(key, Math.min(worth + 1, this.#burst * this.#gapMs));
      this.#serve(key);
    }
  }

  cancel(id: number): boolean {
    const before = this.line.length;
    this.line = this.line.filter((waiting) => waiting.id !== id);
    return this.line.length < before;
  }

  #serve(key: string): void {
    const first = this.line.find((waiting) => waiting.key === key);
    const worth = this.#worth.get(key) ?? 0;
    if (first === undefined || worth < this.#gapMs) return;
    this.#worth.set(key, worth - this.#gapMs);
    this.line = this.line.filter((waiting) => waiting !== first);
    this.log.push(`${first.id} in`);
  }
}

const steps = fc.array(
  fc.oneof(
    {
      weight: 8,
      arbitrary: fc.record({
        do: fc.constant("ask" as const),
        key: fc.constantFrom("a", "b"),
        waitMs: fc.constantFrom(0, 13, Infinity),
      }),
    },
    {
      weight: 4,
      arbitrary: fc.record({ do: fc.constant("wait" as const), ms: fc.constantFrom(1, 3, 10, 200) }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("cancel" as const), which: fc.nat(20) }) },
  ),
  { maxLength: 50 },
);

describe("a rate limiter, in ten thousand schedules", () => {
  it("does what its plain model does, to the millisecond, and leaves no timer behind", () => {
    const property = fc.property(
      fc.constantFrom(1, 4, 10),
      fc.integer({ min: 1, max: 4 }),
      fc.constantFrom(0, 10, 40),
      fc.boolean(),
      steps,
      (gapMs, burst, maxWaitMs, perKey, schedule) => {
        const clock = new StepClock();
        const log: string[] = [];
        const model = new Model(gapMs, burst, maxWaitMs);
        const limiter = new RateLimiter<number>(
          { tokensPerSecond: 1_000 / gapMs, burst, perKey, maxKeys: 2, maxWaitMs },
          clock,
          { admitted: (id) => log.push(`${id} in`), refused: (id, why) => log.push(`${id} ${why}`) },
        );
        const places: { readonly id: number; readonly place: RateWaiter<number> }[] = [];
        for (const [id, step] of schedule.entries()) {
          const now = clock.now();
          if (step.do === "ask") {
            const said = model.ask(id, perKey ? step.key : "", step.waitMs);
            model.log.push(`${id} ${said}`);
            const answer = limiter.take(step.key, now) || limiter.wait(id, step.key, now, step.waitMs);
            if (answer === true) log.push(`${id} in`);
            else if ("waiter" in answer) {
              places.push({ id, place: answer });
              log.push(`${id} waits`);
            } else log.push(`${id} refused for ${Math.round(answer.retryAfterMs ?? 0)}`);
          } else if (step.do === "wait") {
            for (let i = 0; i < step.ms; i++) {
              clock.pass(1);
              model.tick();
            }
          } else if (step.do === "cancel" && places.length > 0) {
            const { id: whom, place } = places[step.which % places.length]!;
            log.push(`${whom} left ${limiter.cancel(place)}`);
            model.log.push(`${whom} left ${model.cancel(whom)}`);
          }
          expect(log.toSorted()).toStrictEqual(model.log.toSorted());
          expect(limiter.inspect(clock.now()).queued).toBe(model.line.length);
        }
        clock.pass(1_000);
        expect(limiter.inspect(clock.now()).queued).toBe(0);
        expect(clock.pending).toBe(0);
      },
    );
    expect(() => {
      fc.assert(property, { seed: 11, numRuns: 10_000 });
    }).not.toThrow();
  }, 60_000);

  it("gives in any stretch of time no more than its burst and what came since", () => {
    const property = fc.property(
      fc.double({ min: 0.1, max: 100_000, noNaN: true }),
      fc.integer({ min: 1, max: 50 }),
      fc.array(fc.double({ min: 0, max: 300, noNaN: true }), { minLength: 1, maxLength: 300 }),
      (tokensPerSecond, burst, gaps) => {
        const clock = new StepClock();
        const limiter = new RateLimiter<number>(
          { tokensPerSecond, burst, perKey: false, maxKeys: 1, maxWaitMs: 0 },
          clock,
          { admitted: () => undefined, refused: () => undefined },
        );
        let given = 0;
        for (const gap of gaps) {
          clock.pass(gap);
          while (limiter.take(undefined, clock.now())) given++;
          expect(given).toBeLessThanOrEqual(burst + (clock.now() * tokensPerSecond) / 1_000 + 1e-2);
        }
      },
    );
    expect(() => {
      fc.assert(property, { seed: 12, numRuns: 300 });
    }).not.toThrow();
  });
});
