import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { Bulkhead } from "../../../src/policies/limit/bulkhead.ts";
import type { RefusalReason } from "../../../src/policies/limit/refusal.ts";
import type { Waiter } from "../../../src/policies/limit/waiting-line.ts";
import { StepClock } from "./step-clock.ts";

interface Waiting {
  readonly id: number;
  readonly level: number;
  readonly expiresAt: number;
}

/** What a bulkhead is, in plain words: an array that is searched. */
class Model {
  maxConcurrent: number;
  maxQueue: number;
  queueTimeoutMs: number;
  inFlight = 0;
  line: Waiting[] = [];
  readonly log: string[] = [];

  constructor(maxConcurrent: number, maxQueue: number, queueTimeoutMs: number) {
    this.maxConcurrent = maxConcurrent;
    this.maxQueue = maxQueue;
    this.queueTimeoutMs = queueTimeoutMs;
  }

  ask(id: number, level: number, now: number, waitMs: number): string {
    if (this.inFlight < this.maxConcurrent) {
      this.inFlight++;
      return "in";
    }
    if (this.maxQueue === 0 || waitMs <= 0) return "concurrency";
    if (this.line.length >= this.maxQueue) {
      const lowest = Math.max(...this.line.map((waiting) => waiting.level));
      if (lowest <= level) return "queue_full";
      this.putOut();
    }
    this.line.push({ id, level, expiresAt: now + Math.min(this.queueTimeoutMs, waitMs) });
    return "waits";
  }

  release(): void {
    this.inFlight--;
    this.fill();
  }

  fill(): void {
    while (this.line.length > 0 && this.inFlight < this.maxConcurrent) {
      const best = Math.min(...this.line.map((waiting) => waiting.level));
      const first = this.line.find((waiting) => waiting.level === best)!;
      this.remove(first);
      this.inFlight++;
      this.log.push(`${first.id} in`);
    }
  }

  putOut(): void {
    const lowest = Math.max(...this.line.map((waiting) => waiting.level));
    const last = this.line.findLast((waiting) => waiting.level === lowest)!;
    this.remove(last);
    this.log.push(`${last.id} queue_full`);
  }

  pass(to: number): void {
    const over = this.line.filter(({ expiresAt }) => expiresAt <= to);
    over.sort((a, b) => a.expiresAt - b.expiresAt || a.level - b.level || a.id - b.id);
    for (const waiting of over) {
      this.remove(waiting);
      this.log.push(`${waiting.id} queue_timeout`);
    }
  }

  update(maxConcurrent: number, maxQueue: number): void {
    this.maxConcurrent = maxConcurrent;
    this.maxQueue = maxQueue;
    this.fill();
    while (this.line.length > maxQueue) this.putOut();
  }

  remove(waiting: Waiting): void {
    this.line = this.line.filter((other) => other !== waiting);
  }
}

const steps = fc.array(
  fc.oneof(
    {
      weight: 8,
      arbitrary: fc.record({
        do: fc.constant("ask" as const),
        level: fc.nat(3),
        waitMs: fc.constantFrom(0, 5, 30, Infinity),
      }),
    },
    { weight: 5, arbitrary: fc.record({ do: fc.constant("release" as const) }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant("wait" as const), ms: fc.constantFrom(1, 7, 20) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant("cancel" as const), which: fc.nat(20) }) },
    {
      weight: 1,
      arbitrary: fc.record({
        do: fc.constant("update" as const),
        concurrent: fc.integer({ min: 1, max: 4 }),
        queue: fc.nat(4),
      }),
    },
  ),
  { maxLength: 60 },
);

describe("a bulkhead, in ten thousand schedules", () => {
  it("does what its plain model does, and leaves no timer behind", () => {
    const property = fc.property(
      fc.integer({ min: 1, max: 4 }),
      fc.nat(5),
      fc.constantFrom(10, 25),
      steps,
      (concurrent, queue, queueTimeoutMs, schedule) => {
        const clock = new StepClock();
        const log: string[] = [];
        const model = new Model(concurrent, queue, queueTimeoutMs);
        const bulkhead = new Bulkhead<number>(
          { maxConcurrent: concurrent, maxQueue: queue, queueTimeoutMs },
          clock,
          {
            admitted: (id) => log.push(`${id} in`),
            refused: (id, why: RefusalReason) => log.push(`${id} ${why}`),
          },
        );
        const places: { readonly id: number; readonly place: Waiter<number> }[] = [];
        for (const [id, step] of schedule.entries()) {
          const now = clock.now();
          if (step.do === "ask") {
            const place = bulkhead.enter() ? "in" : bulkhead.wait(id, step.level, now, step.waitMs);
            if (typeof place === "object") places.push({ id, place });
            const said = typeof place === "object" ? "waits" : place;
            log.push(`${id} ${said}`);
            model.log.push(`${id} ${model.ask(id, step.level, now, step.waitMs)}`);
          } else if (step.do === "release" && model.inFlight > 0) {
            bulkhead.release(now);
            model.release();
          } else if (step.do === "wait") {
            clock.pass(step.ms);
            model.pass(clock.now());
          } else if (step.do === "cancel" && places.length > 0) {
            const { id: whom, place } = places[step.which % places.length]!;
            const waiting = model.line.find((other) => other.id === whom);
            if (waiting !== undefined) model.remove(waiting);
            log.push(`${whom} left ${bulkhead.cancel(place)}`);
            model.log.push(`${whom} left ${waiting !== undefined}`);
          } else if (step.do === "update") {
            bulkhead.update({ maxConcurrent: step.concurrent, maxQueue: step.queue, queueTimeoutMs }, now);
            model.update(step.concurrent, step.queue);
          }
          expect(log).toStrictEqual(model.log);
          expect(bulkhead.inspect()).toMatchObject({ inFlight: model.inFlight, queued: model.line.length });
          expect(clock.pending).toBe(Math.min(1, model.line.length));
        }
        clock.pass(1_000);
        while (bulkhead.inFlight > 0) bulkhead.release(clock.now());
        clock.pass(1_000);
        expect(clock.pending).toBe(0);
      },
    );
    expect(() => {
      fc.assert(property, { seed: 7, numRuns: 10_000 });
    }).not.toThrow();
  }, 60_000);
});
