import { systemClock } from "../clock.ts";
import type { Clock, TimerHandle } from "../clock.ts";

/** The real clock, which knows what was set and not yet fired or cleared, and whose date can be put elsewhere. */
export class CountingClock implements Clock {
  /** How far the date is off, in milliseconds; the passing of time is not. */
  dateOffsetMs = 0;
  readonly #pending = new Set<TimerHandle>();

  /** How many timers wait to fire. */
  get pendingTimers(): number {
    return this.#pending.size;
  }

  now(): number {
    return systemClock.now();
  }

  wallNow(): number {
    return systemClock.wallNow() + this.dateOffsetMs;
  }

  setTimer<T>(fn: (arg: T) => void, ms: number, arg: T, background?: boolean): TimerHandle {
    const timer = systemClock.setTimer(
      (given: T) => {
        this.#pending.delete(timer);
        fn(given);
      },
      ms,
      arg,
      background,
    );
    this.#pending.add(timer);
    return timer;
  }

  clearTimer(timer: TimerHandle): void {
    this.#pending.delete(timer);
    systemClock.clearTimer(timer);
  }
}
