import type { Clock, TimerHandle } from "../../../src/clock.ts";

interface Timer {
  readonly at: number;
  readonly order: number;
  readonly fire: () => void;
}

/** A clock that moves when told to and fires what falls due at once: for code without promises, many thousand times over. */
export class StepClock implements Clock {
  #now = 0;
  #order = 0;
  readonly #timers = new Map<number, Timer>();

  get pending(): number {
    return this.#timers.size;
  }

  now(): number {
    return this.#now;
  }

  wallNow(): number {
    return this.#now;
  }

  setTimer<T>(fn: (arg: T) => void, ms: number, arg: T): TimerHandle {
    const order = this.#order++;
    const fire = (): void => {
      fn(arg);
    };
    this.#timers.set(order, { at: this.#now + ms, order, fire });
    return order;
  }

  clearTimer(timer: TimerHandle): void {
    this.#timers.delete(Number(timer));
  }

  /** Time goes by while nothing can fire, as when the event loop is blocked. */
  lag(ms: number): void {
    this.#now += ms;
  }

  pass(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      let next: Timer | undefined;
      for (const timer of this.#timers.values()) {
        if (timer.at <= end && (next === undefined || timer.at < next.at)) next = timer;
      }
      if (next === undefined) break;
      this.#timers.delete(next.order);
      this.#now = Math.max(this.#now, next.at);
      next.fire();
    }
    this.#now = end;
  }
}
