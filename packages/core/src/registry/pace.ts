import type { Clock } from "../clock.ts";
import { Alarm } from "../discovery/alarm.ts";

/** Every hundred endpoints take so many milliseconds; a list of ten thousand is told ten times a second at most. */
const msPerHundred = 1;
const minGapMs = 2;
const maxGapMs = 100;

/**
 * Tells the first change at once and collects what follows on its heels, the longer the larger the list is. For a watch
 * that hears of every change; one that has to read again after it takes a `Pacer`.
 */
export class Pace {
  readonly #clock: Clock;
  readonly #tell: () => void;
  readonly #alarm: Alarm;
  #openAt = -Infinity;

  /** @param tell called by `ask` where nothing was told lately, else when its time has come */
  constructor(clock: Clock, tell: () => void) {
    this.#clock = clock;
    this.#tell = tell;
    this.#alarm = new Alarm(clock, tell);
  }

  /** Something changed in a list of `size` endpoints. */
  ask(size: number): void {
    if (this.#alarm.armed) return;
    const now = this.#clock.now();
    const wait = this.#openAt - now;
    this.#openAt = Math.max(now, this.#openAt) + gapMs(size);
    if (wait <= 0) this.#tell();
    else this.#alarm.set(wait);
  }

  /** Whatever waits is told now. */
  flush(): void {
    if (!this.#alarm.armed) return;
    this.clear();
    this.#tell();
  }

  /** Whatever waits is not told any more. */
  clear(): void {
    this.#alarm.clear();
  }
}

function gapMs(size: number): number {
  return Math.min(maxGapMs, Math.max(minGapMs, (size / 100) * msPerHundred));
}
