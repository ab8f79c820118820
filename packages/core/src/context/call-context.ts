import { AsyncLocalStorage } from "node:async_hooks";

import { systemClock } from "../clock.ts";
import type { Clock } from "../clock.ts";
import { configError } from "../errors.ts";
import { criticalities, isCriticality } from "./criticality.ts";
import type { Criticality } from "./criticality.ts";

/** What a piece of work hands down to every call that is made in it, however deep and however late. */
export interface CallContext {
  /**
   * When the work is over, in milliseconds of the mesh's clock: compare it with `clock.now()`, which for the default
   * clock is `performance.now()`, never with `Date.now()`. It is absolute, so that waiting anywhere spends from it. It
   * means something in this process only; on the wire goes the time that remains.
   */
  readonly deadline?: number | undefined;
  /** Aborts when nobody waits for the work any more. */
  readonly signal?: AbortSignal | undefined;
  /** Which attempt of its caller's call this work serves: 1 for the first. Unknown when absent. */
  readonly attempt?: number | undefined;
  readonly criticality?: Criticality | undefined;
  /** Calls are not retried here, because somebody above retries already: else each layer multiplies the load. */
  readonly chainStop?: boolean | undefined;
}

const storage = new AsyncLocalStorage<CallContext | undefined>();

/** Nobody pays for asking until somebody enters a context for the first time. */
let entered = false;

/** The context of the running code; `undefined` where there is none. */
export function currentContext(): CallContext | undefined {
  return entered ? storage.getStore() : undefined;
}

/**
 * Runs `fn`, and everything it starts, in a context. Inside another context the two combine: the earlier deadline holds,
 * either signal aborts, and of everything else the inner context's word counts, where it has one.
 * @returns what `fn` returns
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG` for a deadline that is no number, or an unknown criticality
 */
export function runWithContext<T>(context: CallContext, fn: () => T): T {
  const { criticality, deadline } = context;
  if (deadline !== undefined && (typeof deadline !== "number" || Number.isNaN(deadline))) {
    throw configError("context.deadline", "a time of the clock in milliseconds", deadline);
  }
  if (criticality !== undefined && !isCriticality(criticality)) {
    throw configError("context.criticality", `one of ${criticalities.join(", ")}`, criticality);
  }
  return startContext(combine(currentContext(), context), fn);
}

/**
 * Runs `fn` so that no call in it may last longer than to a time. Nothing is armed: calls of the mesh end by then by
 * themselves; work of your own can ask {@link remainingMs}.
 * @param limit milliseconds from now, or a date; one in the past makes every call fail at once
 * @param clock the mesh's, where it has one of its own
 * @returns what `fn` returns
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG` for what is neither
 */
export function withDeadline<T>(limit: number | Date, fn: () => T, clock: Clock = systemClock): T {
  const ms = limit instanceof Date ? limit.getTime() - clock.wallNow() : limit;
  if (typeof ms !== "number" || Number.isNaN(ms)) {
    throw configError("limit", "a number of milliseconds or a valid date", limit);
  }
  return runWithContext({ deadline: clock.now() + ms }, fn);
}

/**
 * Runs `fn` in no context at all: for work that is begun by a request but not for it, and is to outlive it (refilling a
 * cache, writing an audit log).
 * @returns what `fn` returns
 */
export function withoutContext<T>(fn: () => T): T {
  return entered ? storage.run(undefined, fn) : fn();
}

/**
 * Milliseconds until the deadline of the running code: 0 once it has passed, `Infinity` where there is none.
 * @param clock the mesh's, where it has one of its own
 */
export function remainingMs(clock: Clock = systemClock): number {
  const deadline = currentContext()?.deadline;
  return deadline === undefined ? Infinity : Math.max(0, deadline - clock.now());
}

/** Runs `fn(...args)` in a context that begins here and owes nothing to the one around it. */
export function startContext<A extends readonly unknown[], T>(
  context: CallContext,
  fn: (...args: A) => T,
  ...args: A
): T {
  entered = true;
  return storage.run(context, fn, ...args);
}

function combine(outer: CallContext | undefined, inner: CallContext): CallContext {
  if (outer === undefined) return inner;
  return {
    deadline: earlier(outer.deadline, inner.deadline),
    signal: either(outer.signal, inner.signal),
    attempt: inner.attempt ?? outer.attempt,
    criticality: inner.criticality ?? outer.criticality,
    chainStop: inner.chainStop ?? outer.chainStop,
  };
}

function earlier(a: number | undefined, b: number | undefined): number | undefined {
  if (a === undefined) return b;
  return b === undefined || a < b ? a : b;
}

/** A signal of both costs microseconds, so it is made only where there are two. */
function either(a: AbortSignal | undefined, b: AbortSignal | undefined): AbortSignal | undefined {
  if (a === undefined || a === b) return b;
  return b === undefined ? a : AbortSignal.any([a, b]);
}
