import type { Outcome } from "../../../src/events.ts";
import type { ResolvedAdaptiveConcurrency } from "../../../src/policies/limit/adaptive-concurrency/adaptive-concurrency-policy.ts";
import { AdaptiveLimiter } from "../../../src/policies/limit/adaptive-concurrency/adaptive-limiter.ts";
import type { Waiter } from "../../../src/policies/limit/waiting-line.ts";
import { seededRandom } from "../../../src/random.ts";
import { StepClock } from "./step-clock.ts";

interface InFlight {
  readonly startedWith: number;
  readonly full: boolean;
}

/** Keeps plain lists of what an adaptive limiter does, and complains where it breaks a rule. */
export class LimiterWitness {
  readonly clock: StepClock = new StepClock();
  readonly complaints: string[] = [];
  readonly limiter: AdaptiveLimiter<number>;
  readonly #inFlight: InFlight[] = [];
  readonly #waiting = new Map<number, { readonly level: number; readonly place: Waiter<number> }>();
  readonly #told = new Set<number>();

  constructor(policy: ResolvedAdaptiveConcurrency) {
    this.limiter = new AdaptiveLimiter(policy, this.clock, seededRandom(1), {
      admitted: (id) => {
        const level = this.#leave(id);
        const { inFlight, limit } = this.limiter;
        this.#rule(
          this.#levels().every((other) => other >= level),
          `${id} went before a more important one`,
        );
        this.#rule(inFlight <= Math.floor(limit), `${inFlight} are in flight with a limit of ${limit}`);
        this.#inFlight.push({ startedWith: inFlight, full: true });
      },
      refused: (id, why) => {
        const level = this.#leave(id);
        const least = why === "queue_timeout" || this.#levels().every((other) => other <= level);
        this.#rule(least, `${id} was put out before a less important one`);
      },
    });
  }

  ask(id: number, level: number): void {
    const { clock, limiter } = this;
    const could = this.#waiting.size === 0 && limiter.inFlight < Math.floor(limiter.limit);
    const entered = limiter.enter(clock.now());
    this.#rule(entered === could, `${id} was ${entered ? "let in" : "kept out"}`);
    if (entered) {
      this.#inFlight.push({ startedWith: limiter.inFlight, full: limiter.full });
      return;
    }
    const place = limiter.wait(id, level, clock.now(), Infinity);
    if (typeof place === "object") this.#waiting.set(id, { level, place });
    else this.#rule(place === "concurrency", `${id} was refused for ${place}`);
  }

  release(which: number, outcome: Outcome, ms: number): void {
    const [call] = this.#inFlight.splice(which % Math.max(1, this.#inFlight.length), 1);
    if (call !== undefined) this.limiter.release(outcome, ms, call.startedWith, call.full, this.clock.now());
  }

  cancel(which: number): void {
    const found = [...this.#waiting][which % Math.max(1, this.#waiting.size)];
    if (found === undefined) return;
    const [id, { place }] = found;
    this.#waiting.delete(id);
    this.#rule(this.limiter.cancel(place), `${id} could not leave`);
    this.#rule(!this.limiter.cancel(place), `${id} left twice`);
  }

  /** What must be so at any time. */
  check(): void {
    const { inFlight, limit, queued } = this.limiter.inspect();
    this.#rule(inFlight === this.#inFlight.length, `${inFlight} in flight, not ${this.#inFlight.length}`);
    this.#rule(queued === this.#waiting.size, `${queued} wait, not ${this.#waiting.size}`);
    this.#rule(queued === 0 || inFlight >= Math.floor(limit), `${queued} wait beside a free place`);
    this.#rule(queued > 0 || this.clock.pending === 0, "a timer is set for nobody");
  }

  drain(): void {
    while (this.#inFlight.length > 0) this.release(0, "success", 5);
  }

  #leave(id: number): number {
    this.#rule(!this.#told.has(id), `${id} was told twice`);
    this.#told.add(id);
    const found = this.#waiting.get(id);
    this.#rule(found !== undefined, `${id} was told, and did not wait`);
    this.#waiting.delete(id);
    return found?.level ?? 0;
  }

  #levels(): readonly number[] {
    return [...this.#waiting.values()].map(({ level }) => level);
  }

  #rule(holds: boolean, otherwise: string): void {
    if (!holds) this.complaints.push(otherwise);
  }
}
