import type { Clock, TimerHandle } from "../clock.ts";

/** How often the loop is looked at while calls are in flight, in milliseconds. */
const TICK_MS = 20;
/** A loop that is this late is busy, not standing still. */
const SLACK_MS = 10;

/**
 * Measures how long our own event loop stood still, so that this time does not count as an endpoint's: while it does, every
 * endpoint looks slow. A timer that should fire every 20 ms and fires late tells; it runs only while attempts are in flight.
 */
export class LoopLag {
  readonly #clock: Clock;
  #stalledMs = 0;
  /** When the timer should fire; NaN while it does not run. */
  #dueAt = NaN;
  #timer: TimerHandle | undefined;
  #inFlight = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** An attempt begins. @returns what {@link ended} wants to know of the moment */
  started(now: number): number {
    this.#inFlight++;
    if (this.#timer === undefined) this.#arm(now);
    return this.#stalledAt(now);
  }

  /** An attempt is over. @returns how long the loop stood still meanwhile, in milliseconds */
  ended(mark: number, now: number): number {
    this.#inFlight--;
    return this.since(mark, now);
  }

  /** How long the loop stood still since an attempt began that still goes on, in milliseconds. */
  since(mark: number, now: number): number {
    return this.#stalledAt(now) - mark;
  }

  /** How long the loop has stood still while calls were in flight, in milliseconds, since the beginning. */
  get totalMs(): number {
    return this.#stalledMs;
  }

  close(): void {
    if (this.#timer !== undefined) this.#clock.clearTimer(this.#timer);
    this.#timer = undefined;
    this.#dueAt = NaN;
  }

  /** @internal */
  tick(): void {
    const now = this.#clock.now();
    this.#stalledMs = this.#stalledAt(now);
    this.#timer = undefined;
    this.#dueAt = NaN;
    if (this.#inFlight > 0) this.#arm(now);
  }

  /** With what the timer has not told yet: after a stall sockets may be heard before it. */
  #stalledAt(now: number): number {
    const late = now - this.#dueAt - SLACK_MS;
    return late > 0 ? this.#stalledMs + late : this.#stalledMs;
  }

  #arm(now: number): void {
    this.#dueAt = now + TICK_MS;
    this.#timer = this.#clock.setTimer(tick, TICK_MS, this, true);
  }
}

function tick(lag: LoopLag): void {
  lag.tick();
}
