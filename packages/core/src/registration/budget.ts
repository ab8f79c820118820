import { unlessAborted } from "../aborted.ts";
import type { Clock } from "../clock.ts";

/** An amount of time that several pieces of work share, whatever passes between them. */
export class Budget {
  readonly #clock: Clock;
  #leftMs: number;

  constructor(clock: Clock, ms: number) {
    this.#clock = clock;
    this.#leftMs = ms;
  }

  /** Does a piece of work, whose signal aborts when nothing is left, and waits for it no longer than that. */
  async spend<T>(work: (end: AbortSignal) => Promise<T>): Promise<T> {
    const end = new AbortController();
    const began = this.#clock.now();
    const over = (): void => {
      end.abort(new Error("the time to leave is over"));
    };
    const timer = this.#clock.setTimer(over, Math.max(0, this.#leftMs), undefined);
    try {
      if (this.#leftMs <= 0) over();
      // Work that does not hear of its end must not make the others wait either.
      return await unlessAborted(work(end.signal), end.signal);
    } finally {
      this.#clock.clearTimer(timer);
      this.#leftMs -= this.#clock.now() - began;
    }
  }
}
