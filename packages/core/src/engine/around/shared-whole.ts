import type { OuterCall } from "../outer-call.ts";
import type { ResponseHeaders, WholeSink } from "../request.ts";
import { giveAnswer } from "./answer.ts";
import type { Flight, FlightHost } from "./coalescing.ts";
import { detached } from "./detached.ts";
import { holdsFor, isOverdue, maySpread } from "./sharing.ts";
import type { Shared, Waiter } from "./waiter.ts";

/** One call whose whole answer several callers wait for. */
export class SharedWhole implements WholeSink, Flight, Shared {
  readonly mode = "whole";
  readonly #host: FlightHost;
  readonly #key: string;
  readonly #aborter = new AbortController();
  readonly #waiters = new Set<Waiter>();
  /** The caller whose request is the one that was sent. */
  #leader: Waiter | undefined;
  #asked: readonly string[] = [];
  /** Of the call that was sent. */
  #outer: OuterCall | undefined;

  constructor(host: FlightHost, key: string) {
    this.#host = host;
    this.#key = key;
  }

  /** Sends the request of the first caller. */
  start(leader: Waiter): void {
    const { request } = leader;
    this.#leader = leader;
    this.#asked = request.headers;
    this.#outer = request.outer;
    this.#waiters.add(leader);
    // The call's own timer is the leader's.
    leader.wait(this, false);
    const shared = { ...request, timeoutMs: Math.max(1, leader.remaining), signal: this.#aborter.signal };
    detached(() => {
      this.#host.inner(shared, this);
    });
  }

  join(waiter: Waiter): boolean {
    if (this.#waiters.size >= this.#host.policy.maxWaiters) return false;
    this.#waiters.add(waiter);
    waiter.wait(this, true);
    return true;
  }

  leave(waiter: Waiter, reason: unknown): void {
    this.#waiters.delete(waiter);
    if (this.#waiters.size > 0) return;
    this.#host.land(this.#key, this);
    this.#aborter.abort(reason);
  }

  done(status: number, headers: ResponseHeaders, statusText: string, chunks: readonly Buffer[]): void {
    const { inner, keys, report } = this.#host;
    const spreads = maySpread(headers);
    const waiters = this.#land();
    const [first] = waiters;
    if (waiters.length === 1 && first === this.#leader && first?.sink.mode === "whole") {
      if (first.settle()) first.sink.done(status, headers, statusText, chunks);
      return;
    }
    for (const waiter of waiters) {
      const isLeader = waiter === this.#leader;
      if (!isLeader && !(spreads && holdsFor(headers, keys, this.#asked, waiter.request.headers))) {
        waiter.goOn(inner);
      } else if (waiter.settle()) {
        if (!isLeader) report(waiter, this.#outer, status, undefined);
        giveAnswer(waiter.sink, { status, headers, statusText, chunks });
      }
    }
  }

  fail(error: unknown): void {
    const { again, report } = this.#host;
    for (const waiter of this.#land()) {
      // The time of the first caller was over, not that of this one.
      if (waiter !== this.#leader && isOverdue(error) && waiter.remaining >= 1) {
        again(waiter);
      } else if (waiter.settle()) {
        if (waiter !== this.#leader) report(waiter, this.#outer, undefined, error);
        waiter.sink.fail(error);
      }
    }
  }

  #land(): readonly Waiter[] {
    this.#host.land(this.#key, this);
    const waiters = [...this.#waiters];
    this.#waiters.clear();
    return waiters;
  }
}
