import { unlessAborted } from "../aborted.ts";
import { sleep } from "../clock.ts";
import type { Clock } from "../clock.ts";
import type { Random } from "../random.ts";
import { Backoff } from "../registry/backoff.ts";
import { toSourceError } from "../registry/source-error.ts";
import type { SourceError } from "../registry/source-error.ts";
import { sleepAwake } from "./sleep-awake.ts";

/** What is reconciled, and how often. */
export interface ReconcilerParts {
  readonly clock: Clock;
  readonly random: Random;
  /** The time between two attempts while all is well, in milliseconds. */
  readonly periodMs: number;
  /** One attempt to make the registry agree. */
  readonly apply: (signal: AbortSignal) => Promise<void>;
  /** Hears of each attempt in the background that failed. */
  readonly failed: (trouble: SourceError) => void;
}

/** Makes a registry agree with what is wanted, again and again: one attempt at a time, after trouble with back-off. */
export class Reconciler {
  readonly #parts: ReconcilerParts;
  readonly #backoff: Backoff;
  readonly #stop = new AbortController();
  #wake = new AbortController();
  #isUrgent = false;
  #wasAsked = false;
  #okAt = -Infinity;
  #loop: Promise<void> = Promise.resolve();
  #turn: Promise<void> = Promise.resolve();

  constructor(parts: ReconcilerParts) {
    this.#parts = parts;
    this.#backoff = new Backoff(100, parts.periodMs);
  }

  /** The registry was asked at least once, so it may know the instance even if it never said so. */
  get wasAsked(): boolean {
    return this.#wasAsked;
  }

  /** When the registry last agreed. */
  get okAt(): number {
    return this.#okAt;
  }

  /** One attempt, after those that are under way: two that overlap could register twice, or leave the older status behind. */
  now(): Promise<void> {
    const turn = this.#turn.then(() => this.#apply());
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  /**
   * Tries for so long, until it works.
   * @throws what the last attempt did, or the reason that {@link stop} was given, at once
   */
  first(ms: number): Promise<void> {
    // An attempt that does not hear of its end must not be waited for.
    return unlessAborted(this.#first(ms), this.#stop.signal);
  }

  /** Goes on for ever, in the background. */
  keep(): void {
    this.#loop = this.#keep();
  }

  /** Tries again at once. */
  hurry(): void {
    this.#isUrgent = true;
    this.#wake.abort();
  }

  /** Ends everything; resolves when what was under way is over. */
  async stop(reason: Error): Promise<void> {
    this.#stop.abort(reason);
    this.#wake.abort();
    await Promise.all([this.#loop, this.#turn]);
  }

  async #first(ms: number): Promise<void> {
    const { clock } = this.#parts;
    const { signal } = this.#stop;
    const end = clock.now() + ms;
    while (!signal.aborted) {
      try {
        // eslint-disable-next-line no-await-in-loop -- one attempt after the other
        await this.now();
        return;
      } catch (error) {
        const trouble = toSourceError(error);
        const delay = this.#pauseAfter(trouble);
        const isHopeless = trouble.class === "config" || trouble.class === "auth";
        const leftMs = end - clock.now();
        const { retryAfterMs = 0 } = trouble;
        if (isHopeless || leftMs <= 0 || retryAfterMs >= leftMs) throw trouble;
        // A pause that would outlast the time ends with it: the last attempt is at its end.
        // eslint-disable-next-line no-await-in-loop -- as above
        await sleep(clock, Math.min(delay, leftMs), signal);
      }
    }
    signal.throwIfAborted();
  }

  async #keep(): Promise<void> {
    const { random, periodMs, failed } = this.#parts;
    const { signal } = this.#stop;
    let delay = this.#okAt === -Infinity ? 0 : periodMs;
    while (!signal.aborted) {
      // eslint-disable-next-line no-await-in-loop -- the loop is the registration
      await this.#pause(delay);
      if (signal.aborted) return;
      try {
        // eslint-disable-next-line no-await-in-loop -- as above
        await this.now();
        // Spread, so that a fleet that started together does not beat together.
        delay = periodMs * (0.8 + 0.2 * random());
      } catch (error) {
        if (signal.aborted) return;
        const trouble = toSourceError(error);
        delay = this.#pauseAfter(trouble);
        failed(trouble);
      }
    }
  }

  async #apply(): Promise<void> {
    const { clock, apply } = this.#parts;
    const { signal } = this.#stop;
    signal.throwIfAborted();
    this.#isUrgent = false;
    this.#wasAsked = true;
    await apply(signal);
    this.#okAt = clock.now();
    this.#backoff.succeeded(this.#okAt);
  }

  #pauseAfter({ retryAfterMs }: SourceError): number {
    const { clock, random } = this.#parts;
    return this.#backoff.failed(clock.now(), random, retryAfterMs);
  }

  async #pause(ms: number): Promise<void> {
    this.#wake = new AbortController();
    if (this.#stop.signal.aborted || this.#isUrgent) return;
    // In the background: a process that has nothing left to serve may end.
    await sleepAwake(this.#parts.clock, ms, this.#wake.signal);
  }
}
