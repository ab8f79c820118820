import type { Clock } from "../clock.ts";
import type { Random } from "../random.ts";
import { Alarm } from "./alarm.ts";

/** The share of the minimum gap by which a delayed hint is spread, so that a fleet does not ask in step. */
const jitterRatio = 0.2;

/**
 * Passes refresh hints on at a bounded rate: the first one at once, any number of later ones as a single hint when
 * the minimum gap and up to a fifth of it are over.
 */
export class Refresher {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #minGapMs: number;
  readonly #pass: (reason: string) => void;
  readonly #alarm: Alarm;
  #reason = "";
  #last = -Infinity;
  #lastUrgent = -Infinity;
  #closed = false;

  constructor(clock: Clock, random: Random, minGapMs: number, pass: (reason: string) => void) {
    this.#clock = clock;
    this.#random = random;
    this.#minGapMs = minGapMs;
    this.#pass = pass;
    this.#alarm = new Alarm(clock, () => {
      this.#go(this.#reason);
    });
  }

  ask(reason: string): void {
    if (this.#alarm.armed) return;
    const wait = this.#last + this.#minGapMs - this.#clock.now();
    if (wait <= 0) {
      this.#go(reason);
      return;
    }
    this.#reason = reason;
    this.#alarm.set(wait + this.#minGapMs * jitterRatio * this.#random());
  }

  /** Passes the hint on at once even when an ordinary one just went, unless the last urgent one is as recent. */
  askNow(reason: string): void {
    if (this.#closed) return;
    const now = this.#clock.now();
    if (now - this.#lastUrgent < this.#minGapMs) {
      this.ask(reason);
      return;
    }
    this.#lastUrgent = now;
    this.#alarm.clear();
    this.#go(reason);
  }

  /** Whoever closes it asks no more, but a listener may close it just before an urgent hint. */
  close(): void {
    this.#closed = true;
    this.#alarm.clear();
  }

  #go(reason: string): void {
    this.#last = this.#clock.now();
    this.#pass(reason);
  }
}
