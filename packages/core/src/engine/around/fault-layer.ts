import type { Clock, TimerHandle } from "../../clock.ts";
import type { EventHub } from "../../event-hub.ts";
import type { FaultInjector, Injection } from "../../policies/fault/fault-injector.ts";
import type { FaultBehaviour, FaultSubject } from "../../policies/fault/fault-policy.ts";
import { abortReason } from "../call-errors.ts";
import type { CallRequest, ResponseSink } from "../request.ts";
import { giveAnswer } from "./answer.ts";
import { faultError, faultHeaders, faultTimeout, thrown } from "./injected-fault.ts";
import type { Layer, LayerScope, Send } from "./layer.ts";
import { reportFault } from "./report-fault.ts";

/** What faults around the calls of a service or route are made with. */
export interface FaultLayerOptions extends LayerScope {
  readonly injector: FaultInjector;
  readonly clock: Clock;
  readonly events: EventHub;
}

/** Injects faults before circuits and retries: those who make the call meet them, and nothing here makes good for them. */
export class FaultLayer implements Layer {
  readonly #options: FaultLayerOptions;
  readonly #inner: Send;

  constructor(options: FaultLayerOptions, inner: Send) {
    this.#options = options;
    this.#inner = inner;
  }

  send(request: CallRequest, sink: ResponseSink): void {
    const { headers, method, path, signal } = request;
    const subject = { method, path, headers, attempt: 0 };
    const injection = signal?.aborted === true ? undefined : this.#options.injector.decide(subject);
    if (injection === undefined) {
      this.#inner(request, sink);
      return;
    }
    reportFault(this.#options.events, this.#options, undefined, 0, injection, request.outer?.ids);
    new FaultyCall(this.#options, this.#inner, request, sink, subject, injection).start();
  }
}

/** A call with a fault, until it is sent or over. */
class FaultyCall {
  readonly #options: FaultLayerOptions;
  readonly #inner: Send;
  readonly #request: CallRequest;
  readonly #sink: ResponseSink;
  readonly #subject: FaultSubject;
  readonly #injection: Injection;
  readonly #totalMs: number;
  readonly #startedAt: number;
  #timer: TimerHandle | undefined;
  #behaving: AbortController | undefined;
  #done = false;

  constructor(
    options: FaultLayerOptions,
    inner: Send,
    request: CallRequest,
    sink: ResponseSink,
    subject: FaultSubject,
    injection: Injection,
  ) {
    this.#options = options;
    this.#inner = inner;
    this.#request = request;
    this.#sink = sink;
    this.#subject = subject;
    this.#injection = injection;
    this.#totalMs = request.timeoutMs ?? options.totalMs;
    this.#startedAt = options.clock.now();
  }

  start(): void {
    this.#request.signal?.addEventListener("abort", this, { once: true });
    const { delayMs } = this.#injection;
    if (delayMs === 0) this.#behave();
    else if (delayMs < this.#totalMs) this.#wait(delayMs, onDelayOver);
    else this.#wait(this.#totalMs, onDelayTooLong);
  }

  /** The caller's signal aborted. */
  handleEvent(): void {
    const reason = abortReason(this.#request.signal?.reason);
    this.#behaving?.abort(reason);
    this.#fail(reason);
  }

  /** @internal */
  delayOver(): void {
    this.#timer = undefined;
    this.#behave();
  }

  /** @internal The time of the call is over. */
  overdue(flag: "FI" | "DI"): void {
    this.#timer = undefined;
    const error = faultTimeout(this.#options.service, this.#totalMs, flag);
    this.#behaving?.abort(error);
    this.#fail(error);
  }

  #behave(): void {
    const { behaviour } = this.#injection;
    if (behaviour === undefined) {
      this.#go();
      return;
    }
    const remaining = this.#remaining;
    if (remaining <= 0) {
      this.overdue("DI");
      return;
    }
    this.#wait(remaining, onDelayTooLong);
    void this.#run(behaviour);
  }

  async #run(behaviour: FaultBehaviour): Promise<void> {
    this.#behaving = new AbortController();
    try {
      await behaviour(this.#subject, this.#behaving.signal);
    } catch (error) {
      this.#fail(thrown(error));
      return;
    }
    if (!this.#done) this.#go();
  }

  #go(): void {
    const { abort } = this.#injection;
    const remaining = this.#remaining;
    if (abort === "timeout") {
      this.#wait(Math.max(0, remaining), onNoAnswer);
    } else if (typeof abort === "string") this.#fail(faultError(abort, this.#options.service));
    else if (abort instanceof Error) this.#fail(abort);
    else if (abort !== undefined) {
      const { body, headers, status } = abort;
      const chunks = this.#request.method === "HEAD" || body === "" ? [] : [Buffer.from(body)];
      this.#finish();
      this.#request.outer?.faulted();
      giveAnswer(this.#sink, { status, statusText: "", headers: faultHeaders(headers), chunks });
    } else if (remaining < 1) this.overdue("DI");
    else {
      this.#finish();
      // What the fault took of the call's time is gone.
      this.#inner({ ...this.#request, timeoutMs: remaining }, this.#sink);
    }
  }

  get #remaining(): number {
    return this.#totalMs - (this.#options.clock.now() - this.#startedAt);
  }

  #wait(ms: number, then: (call: FaultyCall) => void): void {
    const { clock } = this.#options;
    if (this.#timer !== undefined) clock.clearTimer(this.#timer);
    this.#timer = clock.setTimer(then, ms, this);
  }

  #fail(error: unknown): void {
    if (this.#done) return;
    this.#finish();
    this.#sink.fail(error);
  }

  #finish(): void {
    this.#done = true;
    if (this.#timer !== undefined) this.#options.clock.clearTimer(this.#timer);
    this.#timer = undefined;
    this.#request.signal?.removeEventListener("abort", this);
  }
}

function onDelayOver(call: FaultyCall): void {
  call.delayOver();
}

function onDelayTooLong(call: FaultyCall): void {
  call.overdue("DI");
}

function onNoAnswer(call: FaultyCall): void {
  call.overdue("FI");
}
