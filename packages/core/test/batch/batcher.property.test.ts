import { deepEqual } from "node:assert/strict";

import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { createBatcher } from "../../src/batch/batcher.ts";
import { ProxylessError } from "../../src/errors.ts";
import { StepClock } from "../engine/around/line.ts";

/** A request, as the model sees it. */
interface Asked {
  readonly key: string;
  readonly deadline: number;
  outcome: string;
}

/** A batch, as the model sees it. */
interface Together {
  asked: Asked[];
  /** Undefined while keys are still taken. */
  keys: readonly string[] | undefined;
  readonly openUntil: number;
}

/** Batching in the plainest words: every request is looked at in every millisecond. */
class Model {
  now = 0;
  readonly asked: Asked[] = [];
  readonly loads: Together[] = [];
  #open: Together | undefined;
  readonly #maxSize: number;
  readonly #maxWaitMs: number;

  constructor(maxSize: number, maxWaitMs: number) {
    this.#maxSize = maxSize;
    this.#maxWaitMs = maxWaitMs;
  }

  ask(key: string, timeoutMs: number): void {
    const one = { key, deadline: this.now + timeoutMs, outcome: "waits" };
    this.asked.push(one);
    this.#open ??= { asked: [], keys: undefined, openUntil: this.now + this.#maxWaitMs };
    this.#open.asked.push(one);
    if (new Set(this.#waitingIn(this.#open).map((other) => other.key)).size >= this.#maxSize) this.flush();
  }

  flush(): void {
    const open = this.#open;
    this.#open = undefined;
    if (open === undefined) return;
    open.asked = this.#waitingIn(open);
    open.keys = [...new Set(open.asked.map(({ key }) => key))];
    this.loads.push(open);
  }

  cancel(index: number): void {
    const one = this.asked[index];
    if (one?.outcome === "waits") this.#leave(one, `cancelled ${index}`);
  }

  answer(index: number, bad: string): void {
    for (const one of this.loads[index]?.asked ?? []) {
      if (one.outcome === "waits") one.outcome = one.key === bad ? `no ${bad}` : `${one.key} of ${index}`;
    }
  }

  fail(index: number): void {
    for (const one of this.loads[index]?.asked ?? [])
      if (one.outcome === "waits") one.outcome = `failed ${index}`;
  }

  wait(ms: number): void {
    for (let i = 0; i < ms; i++) {
      this.now++;
      for (const one of this.asked) {
        if (one.outcome === "waits" && one.deadline === this.now) this.#leave(one, "overdue");
      }
      if (this.#open?.openUntil === this.now) this.flush();
    }
  }

  /** Whether nobody waits for a load any more, and it was not answered. */
  isGivenUp(index: number): boolean {
    const { asked } = this.loads[index]!;
    return asked.every(({ outcome }) => outcome === "overdue" || outcome.startsWith("cancelled"));
  }

  #leave(one: Asked, outcome: string): void {
    one.outcome = outcome;
    if (this.#open !== undefined && this.#waitingIn(this.#open).length === 0) this.#open = undefined;
  }

  #waitingIn(batch: Together): Asked[] {
    return batch.asked.filter(({ outcome }) => outcome === "waits");
  }
}

const steps = fc.array(
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        key: fc.constantFrom("a", "b", "c", "d"),
        timeoutMs: fc.constantFrom(3, 12, 50),
      }),
    },
    { weight: 2, arbitrary: fc.record({ cancel: fc.nat(25) }) },
    { weight: 2, arbitrary: fc.record({ wait: fc.integer({ min: 1, max: 15 }) }) },
    { weight: 3, arbitrary: fc.record({ answer: fc.nat(8), bad: fc.constantFrom("a", "z") }) },
    { weight: 1, arbitrary: fc.record({ fail: fc.nat(8) }) },
    { weight: 1, arbitrary: fc.record({ flush: fc.constant(true) }) },
  ),
  { maxLength: 30 },
);

describe("batching, in ten thousand schedules", () => {
  it("does what its plain model does, and leaves nothing behind", async () => {
    const sizes = fc.record({ maxSize: fc.constantFrom(1, 2, 3, 100), maxWait: fc.constantFrom(1, 10) });
    const property = fc.asyncProperty(sizes, steps, async ({ maxSize, maxWait }, list) => {
      const clock = new StepClock();
      // Steps of 40: requests have odd deadlines, so that no two things happen in the same millisecond.
      const maxWaitMs = maxWait * 40;
      const model = new Model(maxSize, maxWaitMs);
      const loads: {
        readonly keys: readonly string[];
        readonly signal: AbortSignal;
        readonly resolve: (values: (string | Error)[]) => void;
        readonly reject: (error: Error) => void;
      }[] = [];
      const batcher = createBatcher<string, string>({
        maxSize,
        maxWaitMs,
        clock,
        load: (keys, { signal }) =>
          new Promise((resolve, reject) => {
            loads.push({ keys, signal, resolve, reject });
          }),
      });
      const outcomes: string[] = [];
      const aborters: AbortController[] = [];
      const answered = new Set<number>();
      for (const step of list) {
        if ("key" in step) {
          const index = outcomes.push("waits") - 1;
          const timeoutMs = step.timeoutMs * 40 + 1 + index;
          const aborter = new AbortController();
          aborters.push(aborter);
          model.ask(step.key, timeoutMs);
          batcher.load(step.key, { timeoutMs, signal: aborter.signal }).then(
            (value) => (outcomes[index] = value),
            (error: unknown) => {
              const isOverdue = error instanceof ProxylessError && error.timeout === "total";
              outcomes[index] = isOverdue
                ? "overdue"
                : error instanceof Error
                  ? error.message
                  : String(error);
            },
          );
        } else if ("cancel" in step) {
          model.cancel(step.cancel);
          aborters[step.cancel]?.abort(`cancelled ${step.cancel}`);
        } else if ("wait" in step) {
          model.wait(step.wait * 40);
          clock.advance(step.wait * 40);
        } else if ("answer" in step) {
          const { answer, bad } = step;
          if (!answered.has(answer)) model.answer(answer, bad);
          const load = loads[answer];
          load?.resolve(
            load.keys.map((key) => (key === bad ? new Error(`no ${bad}`) : `${key} of ${answer}`)),
          );
          if (load !== undefined) answered.add(answer);
        } else if ("fail" in step) {
          if (!answered.has(step.fail)) model.fail(step.fail);
          loads[step.fail]?.reject(new Error(`failed ${step.fail}`));
          if (loads[step.fail] !== undefined) answered.add(step.fail);
        } else {
          model.flush();
          batcher.flush();
        }
        for (let i = 0; i < 8; i++) await Promise.resolve();
        deepEqual(
          outcomes,
          model.asked.map(({ outcome }) => outcome),
        );
        deepEqual(
          loads.map(({ keys }) => keys.toSorted()),
          model.loads.map(({ keys }) => keys?.toSorted()),
        );
        for (const [index, { signal }] of loads.entries()) {
          if (!answered.has(index)) deepEqual(signal.aborted, model.isGivenUp(index));
        }
        deepEqual(batcher.waiting, model.asked.filter(({ outcome }) => outcome === "waits").length);
      }
      clock.advance(1_000_000);
      deepEqual([clock.pendingTimers, batcher.waiting], [0, 0]);
    });
    await expect(fc.assert(property, { seed: 11, numRuns: 10_000 })).resolves.toBeUndefined();
  }, 60_000);
});
