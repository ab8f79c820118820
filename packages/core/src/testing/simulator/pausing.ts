import type { Clock, TimerHandle } from "../../clock.ts";
import type { ClientModel } from "./scenario.ts";
import type { VirtualClock } from "./virtual-clock.ts";

/** Long enough after the end of a pause for all overdue timers to come first, as they do in Node's event loop. */
const READS_AFTER_MS = 0.01;
const CALLS_AFTER_MS = 0.02;

/** The clock of a process that stands still now and then: what falls due meanwhile comes afterwards, in the same order. */
export class PausingClock implements Clock {
  readonly #clock: VirtualClock;
  readonly #pauses: NonNullable<ClientModel["pauses"]>;
  readonly #startsAt: () => number;
  readonly #timers = new Map<number, TimerHandle>();
  #last = 0;

  /** @param startsAt when the scenario begins */
  constructor(clock: VirtualClock, pauses: NonNullable<ClientModel["pauses"]>, startsAt: () => number) {
    this.#clock = clock;
    this.#pauses = pauses;
    this.#startsAt = startsAt;
  }

  now(): number {
    return this.#clock.now();
  }

  wallNow(): number {
    return this.#clock.wallNow();
  }

  setTimer<T>(fn: (arg: T) => void, ms: number, arg: T): TimerHandle {
    const id = ++this.#last;
    const arm = (inMs: number): void => {
      this.#timers.set(id, this.#clock.setTimer(fire, inMs, undefined));
    };
    const fire = (): void => {
      const leftMs = this.#leftMs();
      if (leftMs > 0) {
        arm(leftMs);
        return;
      }
      this.#timers.delete(id);
      fn(arg);
    };
    arm(ms);
    return id;
  }

  clearTimer(handle: TimerHandle): void {
    const timer = this.#timers.get(Number(handle));
    if (timer === undefined) return;
    this.#clock.clearTimer(timer);
    this.#timers.delete(Number(handle));
  }

  /** Has the process read from a socket: at once, or when it goes on. */
  read(then: () => void): void {
    this.#afterwards(then, READS_AFTER_MS);
  }

  /** Has the process make a call: at once, or when it goes on. */
  call(then: () => void): void {
    this.#afterwards(then, CALLS_AFTER_MS);
  }

  #afterwards(then: () => void, afterMs: number): void {
    const leftMs = this.#leftMs();
    if (leftMs > 0) this.#clock.at(this.#clock.now() + leftMs + afterMs, then, true);
    else then();
  }

  /** How long the process goes on standing still; 0 when it does not. */
  #leftMs(): number {
    const at = this.#clock.now() - this.#startsAt();
    const pause = this.#pauses.find(([fromMs, toMs]) => at >= fromMs && at < toMs);
    return pause === undefined ? 0 : pause[1] - at;
  }
}
