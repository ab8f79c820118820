import type { Clock, TimerHandle } from "@proxyless/core";

type Name = "connect" | "ping" | "silence" | "request" | "farewell";

/** The timers of a connection, at most one of each name. */
export class LinkTimers {
  readonly #clock: Clock;
  readonly #running = new Map<Name, TimerHandle>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  has(name: Name): boolean {
    return this.#running.has(name);
  }

  /** Starts a timer in place of the one of the same name. @param isForeground whether it keeps the process alive */
  start(name: Name, ms: number, isForeground: boolean, then: () => void): void {
    this.stop(name);
    const fire = (): void => {
      this.#running.delete(name);
      then();
    };
    this.#running.set(name, this.#clock.setTimer(fire, Math.max(0, ms), undefined, !isForeground));
  }

  stop(name: Name): void {
    const timer = this.#running.get(name);
    if (timer === undefined) return;
    this.#clock.clearTimer(timer);
    this.#running.delete(name);
  }

  stopAll(): void {
    for (const name of this.#running.keys()) this.stop(name);
  }
}
