import { constants } from "node:os";

import type { Membership } from "./membership.ts";
import type { LeaveSignal } from "./register-options.ts";

/**
 * Lets instances leave on the process's signals, those that asked for it. There is one handler per signal, only while
 * somebody needs it: a signal that nobody here waits for does what it always does.
 */
export class ExitSignals {
  readonly #members = new Set<Membership>();
  readonly #handlers = new Map<LeaveSignal, () => void>();
  #isLeaving = false;

  add(member: Membership): void {
    this.#members.add(member);
    for (const signal of member.behaviour.signals) {
      if (this.#handlers.has(signal)) continue;
      const handler = (): void => {
        this.#received(signal);
      };
      this.#handlers.set(signal, handler);
      process.on(signal, handler);
    }
  }

  delete(member: Membership): void {
    this.#members.delete(member);
    // While some leave because of a signal, a second one must find somebody, however many are left.
    if (!this.#isLeaving) this.#tidy();
  }

  #received(signal: LeaveSignal): void {
    const called = [...this.#members].filter(({ behaviour }) => behaviour.signals.includes(signal));
    if (this.#isLeaving) {
      for (const member of called) member.hurry();
      return;
    }
    this.#isLeaving = true;
    void this.#leave(called, signal);
  }

  async #leave(called: readonly Membership[], signal: LeaveSignal): Promise<void> {
    // It waits for the registration as well, and never rejects.
    await Promise.all(called.map((member) => member.leave({ reason: signal })));
    this.#isLeaving = false;
    this.#tidy();
    if (called.some(({ behaviour }) => behaviour.exit)) end(signal);
  }

  /** Removes the handlers that nobody needs any more. */
  #tidy(): void {
    const needed = new Set([...this.#members].flatMap(({ behaviour }) => behaviour.signals));
    for (const [signal, handler] of this.#handlers) {
      if (needed.has(signal)) continue;
      process.off(signal, handler);
      this.#handlers.delete(signal);
    }
  }
}

/** Ends the process as the signal would have done: whoever started it can see why it ended. */
function end(signal: LeaveSignal): void {
  if (process.listenerCount(signal) === 0) process.kill(process.pid, signal);
  // Others listen too, and would take a repeated signal for a second one.
  else process.exit(128 + (constants.signals[signal] ?? 0));
}
