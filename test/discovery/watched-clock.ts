import { systemClock } from "@proxyless/core";
import type { Clock, TimerHandle } from "@proxyless/core";

/** The system's clock whose wall time can be moved, and which knows what timers are still set. */
export class WatchedClock implements Clock {
  readonly #open = new Set<TimerHandle>();
  #offsetMs = 0;

  /** How many timers somebody waits for. */
  get pending(): number {
    return this.#open.size;
  }

  /** Moves the wall clock, as somebody who sets it does; monotonic time goes on as before. */
  jump(ms: number): void {
    this.#offsetMs += ms;
  }

  now(): number {
    return systemClock.now();
  }

  wallNow(): number {
    return systemClock.wallNow() + this.#offsetMs;
  }

  setTimer<T>(fn: (arg: T) => void, ms: number, arg: T, background?: boolean): TimerHandle {
    const timer = systemClock.setTimer(
      () => {
        this.#open.delete(timer);
        fn(arg);
      },
      ms,
      undefined,
      background,
    );
    this.#open.add(timer);
    return timer;
  }

  clearTimer(timer: TimerHandle): void {
    this.#open.delete(timer);
    systemClock.clearTimer(timer);
  }
}
