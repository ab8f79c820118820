import type { Clock } from "../clock.ts";
import type { CallContext } from "../context/call-context.ts";
import type { Criticality } from "../context/criticality.ts";
import type { RetryBudget } from "../policies/retry/retry-budget.ts";
import type { ExecuteContext, ExecuteOptions } from "./policy.ts";

/** Why nobody waits any more. Only a timeout says something about what was called. */
export interface Cancellation {
  readonly by: "caller" | "timeout" | "hedge";
  readonly reason: unknown;
}

/** Somebody who waits, and is told when it is in vain. */
export interface Waiting {
  cancelled(reason: unknown): void;
}

/** What all attempts of one call have in common. */
export class Call {
  readonly fn: (ctx: ExecuteContext) => unknown;
  readonly clock: Clock;
  readonly key: string | undefined;
  readonly criticality: Criticality;
  /** Somebody above retries already. */
  readonly chainStop: boolean;
  readonly root: Execution;
  /** Attempts that were begun, the first included. */
  #attempts = 1;
  readonly #own: AbortSignal | undefined;
  readonly #ambient: AbortSignal | undefined;
  #isListening = false;

  /** @param deadline in milliseconds of the clock */
  constructor(
    fn: (ctx: ExecuteContext) => unknown,
    options: ExecuteOptions | undefined,
    context: CallContext | undefined,
    deadline: number,
    clock: Clock,
  ) {
    this.fn = fn;
    this.clock = clock;
    this.key = options?.key;
    this.criticality = options?.criticality ?? context?.criticality ?? "critical";
    this.chainStop = context?.chainStop === true;
    this.#own = options?.signal;
    this.#ambient = context?.signal === this.#own ? undefined : context?.signal;
    this.root = new Execution(this, undefined, deadline, 1);
  }

  /** The number of another attempt. */
  nextAttempt(): number {
    return ++this.#attempts;
  }

  /** Somebody outside may end the call. */
  get hasSignal(): boolean {
    return this.#own !== undefined || this.#ambient !== undefined;
  }

  /** The only signal that can end the whole call; undefined where there is none, or two. */
  get soleSignal(): AbortSignal | undefined {
    if (this.#own === undefined) return this.#ambient;
    return this.#ambient === undefined ? this.#own : undefined;
  }

  get callerGone(): Cancellation | undefined {
    const gone = this.#own?.aborted === true ? this.#own : this.#ambient;
    return gone?.aborted === true ? { by: "caller", reason: gone.reason } : undefined;
  }

  /** Hears the signals from now on; before, asking them is enough. */
  listen(): void {
    if (this.#isListening || !this.hasSignal) return;
    const gone = this.callerGone;
    if (gone !== undefined) {
      this.root.cancel(gone);
      return;
    }
    this.#isListening = true;
    this.#own?.addEventListener("abort", this, { once: true });
    this.#ambient?.addEventListener("abort", this, { once: true });
  }

  /** The call is over: whoever still runs hears no more of its signals. */
  end(): void {
    this.root.end();
    if (!this.#isListening) return;
    this.#own?.removeEventListener("abort", this);
    this.#ambient?.removeEventListener("abort", this);
  }

  /** A signal aborted. */
  handleEvent(): void {
    const gone = this.callerGone;
    if (gone !== undefined) this.root.cancel(gone);
  }
}

/**
 * A call, or a part of it that can be ended by itself: what runs inside a timeout, a retry, a hedge. Ending one ends those
 * inside it. The tree is kept by hand, because signals that follow signals cost microseconds and listeners.
 */
export class Execution implements ExecuteContext {
  readonly call: Call;
  readonly deadline: number;
  readonly attempt: number;
  /** Somebody outside retries or hedges by it, and tells it of successes. */
  budget: RetryBudget | undefined;
  readonly #parent: Execution | undefined;
  #firstInside: Execution | undefined;
  #before: Execution | undefined;
  #after: Execution | undefined;
  #isBegun = false;
  #isOver = false;
  #cancellation: Cancellation | undefined;
  #controller: AbortController | undefined;
  #waiting: Waiting | undefined;

  constructor(call: Call, parent: Execution | undefined, deadline: number, attempt: number) {
    this.call = call;
    this.#parent = parent;
    this.deadline = deadline;
    this.attempt = attempt;
    this.budget = parent?.budget;
  }

  get signal(): AbortSignal {
    const sole = this.#parent === undefined ? this.call.soleSignal : undefined;
    if (sole !== undefined) return sole;
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (!this.#isOver) this.call.listen();
      const { cancellation } = this;
      if (cancellation !== undefined) this.#controller.abort(cancellation.reason);
    }
    return this.#controller.signal;
  }

  get criticality(): Criticality {
    return this.call.criticality;
  }

  /** Why nobody waits for it any more. */
  get cancellation(): Cancellation | undefined {
    return this.#cancellation ?? this.call.callerGone;
  }

  /** The function was called: whatever comes of it says something about what it calls. */
  get isBegun(): boolean {
    return this.#isBegun;
  }

  begin(): void {
    // oxlint-disable-next-line unicorn/no-this-assignment, typescript/no-this-alias -- the walk begins here
    let one: Execution | undefined = this;
    for (; one !== undefined && !one.#isBegun; one = one.#parent) one.#isBegun = true;
  }

  /** A part of it that can be ended by itself. It must be told its {@link end}. */
  inside(deadline: number, attempt: number = this.attempt): Execution {
    const one = new Execution(this.call, this, deadline, attempt);
    one.#cancellation = this.#cancellation;
    one.#after = this.#firstInside;
    if (this.#firstInside !== undefined) this.#firstInside.#before = one;
    this.#firstInside = one;
    return one;
  }

  /** Nothing of it matters any more. */
  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const parent = this.#parent;
    if (parent === undefined) return;
    if (this.#before !== undefined) this.#before.#after = this.#after;
    else parent.#firstInside = this.#after;
    if (this.#after !== undefined) this.#after.#before = this.#before;
    this.#before = this.#after = undefined;
  }

  /** Ends it and everything inside it. Only the first time counts. */
  cancel(cancellation: Cancellation): void {
    if (this.#cancellation !== undefined || this.#isOver) return;
    this.#cancellation = cancellation;
    for (let one = this.#firstInside; one !== undefined;) {
      const after: Execution | undefined = one.#after;
      one.cancel(cancellation);
      one = after;
    }
    this.#controller?.abort(cancellation.reason);
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.cancelled(cancellation.reason);
  }

  /** Tells somebody of the end, at once if it has come. There is one at a time: policies wait one after the other. */
  wait(waiting: Waiting): void {
    this.call.listen();
    const { cancellation } = this;
    if (cancellation === undefined) this.#waiting = waiting;
    else waiting.cancelled(cancellation.reason);
  }

  waitNoLonger(): void {
    this.#waiting = undefined;
  }
}
