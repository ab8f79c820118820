import type { Clock, TimerHandle } from "../clock.ts";

/** The longest time Node's timers take; anything longer would fire at once. */
const maxDelayMs = 2_147_483_647;

/** One timer slot: setting it again replaces what it waited for, so it can never leak a second timer. */
export class Alarm {
  readonly #clock: Clock;
  readonly #ring: () => void;
  #timer: TimerHandle | undefined;

  constructor(clock: Clock, ring: () => void) {
    this.#clock = clock;
    this.#ring = ring;
  }

  get armed(): boolean {
    return this.#timer !== undefined;
  }

  /** Rings once after `ms` milliseconds; `background` alarms, the default, do not keep the process alive. */
  set(ms: number, background = true): void {
    this.clear();
    this.#timer = this.#clock.setTimer(fire, Math.min(Math.max(0, ms), maxDelayMs), this, background);
  }

  clear(): void {
    if (this.#timer === undefined) return;
    this.#clock.clearTimer(this.#timer);
    this.#timer = undefined;
  }

  /** For the timer alone. */
  ring(): void {
    this.#timer = undefined;
    this.#ring();
  }
}

function fire(alarm: Alarm): void {
  alarm.ring();
}
