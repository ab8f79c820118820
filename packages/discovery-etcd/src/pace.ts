import type { Clock, TimerHandle } from "@proxyless/core";

/** Every hundred endpoints take so many milliseconds; a list of ten thousand is told ten times a second at most. */
const msPerHundred = 1;
const minGapMs = 2;
const maxGapMs = 100;

/** Tells the first change at once and collects what follows on its heels, the longer the larger the list is. */
export class Pace {
  readonly #clock: Clock;
  readonly #tell: () => void;
  #timer: TimerHandle | undefined;
  #openAt = -Infinity;

  constructor(clock: Clock, tell: () => void) {
    this.#clock = clock;
    this.#tell = tell;
  }

  /** Something changed in a list of `size`. */
  ask(size: number): void {
    if (this.#timer !== undefined) return;
    const now = this.#clock.now();
    const wait = this.#openAt - now;
    this.#openAt = Math.max(now, this.#openAt) + gapMs(size);
    if (wait <= 0) this.#tell();
    else this.#timer = this.#clock.setTimer(fire, wait, this, true);
  }

  /** Whatever waits is told now. */
  flush(): void {
    if (this.#timer === undefined) return;
    this.clear();
    this.#tell();
  }

  /** Whatever waits is not told any more. */
  clear(): void {
    if (this.#timer !== undefined) this.#clock.clearTimer(this.#timer);
    this.#timer = undefined;
  }

  /** For the timer alone. */
  fire(): void {
    this.#timer = undefined;
    this.#tell();
  }
}

function gapMs(size: number): number {
  return Math.min(maxGapMs, Math.max(minGapMs, (size / 100) * msPerHundred));
}

function fire(pace: Pace): void {
  pace.fire();
}
