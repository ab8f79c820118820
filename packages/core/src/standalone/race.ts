import type { TimerHandle } from "../clock.ts";
import type { Execution, Waiting } from "./execution.ts";
import type { Next } from "./stage.ts";

/**
 * Goes on, and waits for what comes of it until a time is over or nobody waits any more. Whatever goes on after that is told
 * by its signal, and what comes of it counts no more.
 * @param deadline of what goes on
 * @param ms until then
 * @param overdue makes the error with which it ends then
 */
export function raced(
  outside: Execution,
  next: Next,
  deadline: number,
  ms: number,
  overdue: () => Error,
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    new Race(outside, outside.inside(deadline), overdue, resolve, reject).start(next, ms);
  });
}

class Race implements Waiting {
  readonly #outside: Execution;
  readonly #inside: Execution;
  readonly #overdue: () => Error;
  readonly #resolve: (result: unknown) => void;
  readonly #reject: (error: unknown) => void;
  #timer: TimerHandle | undefined;
  #isOver = false;

  constructor(
    outside: Execution,
    inside: Execution,
    overdue: () => Error,
    resolve: (result: unknown) => void,
    reject: (error: unknown) => void,
  ) {
    this.#outside = outside;
    this.#inside = inside;
    this.#overdue = overdue;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  start(next: Next, ms: number): void {
    this.#outside.wait(this);
    if (this.#isOver) return;
    this.#timer = this.#outside.call.clock.setTimer(onOverdue, ms, this);
    void this.#follow(next);
  }

  /** The caller gave up, or a timeout further out ended. */
  cancelled(reason: unknown): void {
    if (this.#finish()) this.#reject(reason);
  }

  overdue(): void {
    if (this.#isOver) return;
    const error = this.#overdue();
    // Before everybody inside hears of it, so that what they make of it does not come first.
    this.#isOver = true;
    this.#timer = undefined;
    this.#outside.waitNoLonger();
    this.#inside.cancel({ by: "timeout", reason: error });
    this.#inside.end();
    this.#reject(error);
  }

  async #follow(next: Next): Promise<void> {
    try {
      const result = await next(this.#inside);
      if (this.#finish()) this.#resolve(result);
    } catch (error) {
      if (this.#finish()) this.#reject(error);
    }
  }

  /** @returns false when it was over before */
  #finish(): boolean {
    if (this.#isOver) return false;
    this.#isOver = true;
    if (this.#timer !== undefined) this.#outside.call.clock.clearTimer(this.#timer);
    this.#outside.waitNoLonger();
    this.#inside.end();
    return true;
  }
}

function onOverdue(race: Race): void {
  race.overdue();
}
