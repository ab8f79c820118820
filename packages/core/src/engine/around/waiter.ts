import { AsyncLocalStorage } from "node:async_hooks";

import type { Clock, TimerHandle } from "../../clock.ts";
import { abortReason, overdueError } from "../call-errors.ts";
import type { CallRequest, ResponseSink } from "../request.ts";
import type { LayerScope } from "./layer.ts";

/** What a caller waits for together with others. */
export interface Shared {
  /** A caller waits no longer, because of `reason`. */
  leave(waiter: Waiter, reason: unknown): void;
}

/** One caller of several that wait for the same answer, with a time and a cancellation of its own. */
export class Waiter {
  readonly request: CallRequest;
  readonly sink: ResponseSink;
  readonly startedAt: number;
  readonly deadline: number;
  readonly #scope: LayerScope;
  readonly #clock: Clock;
  /** Back to the caller's own async context, whoever ends the waiting. */
  readonly #inContext: (run: () => void) => void = AsyncLocalStorage.snapshot();
  #shared: Shared | undefined;
  #timer: TimerHandle | undefined;

  constructor(request: CallRequest, sink: ResponseSink, scope: LayerScope, clock: Clock) {
    this.request = request;
    this.sink = sink;
    this.#scope = scope;
    this.#clock = clock;
    this.startedAt = clock.now();
    this.deadline = this.startedAt + (request.timeoutMs ?? scope.totalMs);
  }

  /** What is left of its time, in milliseconds. */
  get remaining(): number {
    return this.deadline - this.#clock.now();
  }

  /** Waits for `shared` from now on. @param timed whether its own timer bounds the wait */
  wait(shared: Shared, timed: boolean): void {
    if (this.#shared === undefined) this.request.signal?.addEventListener("abort", this, { once: true });
    this.#shared = shared;
    if (timed) this.#timer ??= this.#clock.setTimer(onOverdue, Math.max(0, this.remaining), this);
    else this.#stopTimer();
  }

  /** Waits no longer. @returns false when it did not wait any more */
  settle(): boolean {
    if (this.#shared === undefined) return false;
    this.#shared = undefined;
    this.request.signal?.removeEventListener("abort", this);
    this.#stopTimer();
    return true;
  }

  /** Waits no longer, and goes on as a call of its own. */
  goOn(run: (request: CallRequest, sink: ResponseSink) => void): void {
    if (!this.settle()) return;
    const { remaining } = this;
    this.#inContext(() => {
      if (remaining < 1) this.sink.fail(this.#overdue());
      else run({ ...this.request, timeoutMs: remaining }, this.sink);
    });
  }

  /** The caller's signal aborted. */
  handleEvent(): void {
    this.end(abortReason(this.request.signal?.reason));
  }

  /** @internal */
  overdue(): void {
    this.#timer = undefined;
    this.end(this.#overdue());
  }

  /** Leaves what it waits for, and tells its caller why. */
  end(reason: unknown): void {
    const shared = this.#shared;
    if (shared === undefined) return;
    this.settle();
    shared.leave(this, reason);
    this.sink.fail(reason);
  }

  #overdue(): Error {
    return overdueError(this.#scope.service, this.deadline - this.startedAt, []);
  }

  #stopTimer(): void {
    if (this.#timer === undefined) return;
    this.#clock.clearTimer(this.#timer);
    this.#timer = undefined;
  }
}

function onOverdue(waiter: Waiter): void {
  waiter.overdue();
}
