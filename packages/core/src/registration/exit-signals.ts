import { constants } from "node:os";

import type { Membership } from "./membership.ts";
import type { LeaveSignal } from "./register-options.ts";

/** Those that are leaving because of a signal, of every mesh: a process ends once, when the last one has left. */
const leaving = new Set<Membership>();
/** Resolves for each of them, and the process ends before the last one does. */
const leaves = new Set<Promise<void>>();
/** What the process shall end by then. */
let ending: LeaveSignal | undefined;

/** Resolves when nobody is leaving because of a signal. */
export async function allLeft(): Promise<void> {
  // eslint-disable-next-line no-await-in-loop -- another signal may have come meanwhile
  while (leaves.size > 0) await Promise.all(leaves);
}

/**
 * Lets instances leave on the process's signals, those that asked for it. There is one handler per signal, only while
 * somebody needs it: a signal that nobody here waits for does what it always does.
 */
export class ExitSignals {
  readonly #members = new Set<Membership>();
  readonly #handlers = new Map<LeaveSignal, () => void>();
  #leaves = 0;

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
    if (this.#leaves === 0) this.#tidy();
  }

  #received(signal: LeaveSignal): void {
    const called = [...this.#members].filter(({ behaviour }) => behaviour.signals.includes(signal));
    const first = called.filter((member) => !leaving.has(member));
    for (const member of called) if (leaving.has(member)) member.hurry();
    if (first.length === 0) return;
    const leave = this.#leave(first, signal).finally(() => leaves.delete(leave));
    leaves.add(leave);
  }

  async #leave(called: readonly Membership[], signal: LeaveSignal): Promise<void> {
    this.#leaves++;
    for (const member of called) leaving.add(member);
    if (called.some(({ behaviour }) => behaviour.exit)) ending ??= signal;
    // It waits for the registration as well, and never rejects.
    await Promise.all(called.map((member) => member.leave({ reason: signal })));
    for (const member of called) leaving.delete(member);
    if (--this.#leaves === 0) this.#tidy();
    if (leaving.size > 0 || ending === undefined) return;
    const by = ending;
    ending = undefined;
    end(by);
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
