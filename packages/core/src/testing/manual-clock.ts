import type { Clock, TimerHandle } from "../clock.ts";

interface Pending {
  readonly at: number;
  readonly order: number;
  readonly fire: () => void;
}

/**
 * A clock that stands still until told to move. `advance` fires the timers that fall due, in order, and lets
 * promises settle between them, so that a minute of behaviour takes a millisecond and is the same every run.
 */
export class ManualClock implements Clock {
  #now = 0;
  #order = 0;
  readonly #wallStart: number;
  readonly #pending = new Map<number, Pending>();

  /** @param wallStart what {@link wallNow} says at the start, in milliseconds since the Unix epoch; 0 by default. */
  constructor(wallStart = 0) {
    this.#wallStart = wallStart;
  }

  now(): number {
    return this.#now;
  }

  wallNow(): number {
    return this.#wallStart + this.#now;
  }

  /** How many timers wait to fire. */
  get pendingTimers(): number {
    return this.#pending.size;
  }

  setTimer<T>(fn: (arg: T) => void, ms: number, arg: T): TimerHandle {
    const order = this.#order++;
    const fire = (): void => {
      fn(arg);
    };
    this.#pending.set(order, { at: this.#now + Math.max(0, ms), order, fire });
    return order;
  }

  clearTimer(timer: TimerHandle): void {
    this.#pending.delete(Number(timer));
  }

  /** Moves time forward by `ms`, firing what falls due on the way; resolves when everything has settled. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    await settle();
    for (let next = this.#next(end); next !== undefined; next = this.#next(end)) {
      this.#pending.delete(next.order);
      this.#now = Math.max(this.#now, next.at);
      next.fire();
      // eslint-disable-next-line no-await-in-loop -- each timer may arm the next one
      await settle();
    }
    this.#now = end;
  }

  #next(end: number): Pending | undefined {
    let first: Pending | undefined;
    for (const timer of this.#pending.values()) {
      if (timer.at > end) continue;
      if (
        first === undefined ||
        timer.at < first.at ||
        (timer.at === first.at && timer.order < first.order)
      ) {
        first = timer;
      }
    }
    return first;
  }
}

/** Lets every promise that can settle now do so. */
function settle(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
