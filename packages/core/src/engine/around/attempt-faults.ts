import { Readable } from "node:stream";

import type { Dispatcher } from "undici";

import type { Clock, TimerHandle } from "../../clock.ts";
import type { EventHub } from "../../event-hub.ts";
import type { ResolvedAnswer } from "../../policies/answer.ts";
import type { FaultInjector, Injection } from "../../policies/fault/fault-injector.ts";
import type { FaultBehaviour, FaultSubject } from "../../policies/fault/fault-policy.ts";
import type { Attempt } from "../../transport/attempt.ts";
import type { AttemptRequest } from "../../transport/pools.ts";
import type { Transport } from "../../transport/transport.ts";
import { traceOf } from "../telemetry.ts";
import { faultError, faultHeaders, thrown } from "./injected-fault.ts";
import type { LayerScope } from "./layer.ts";
import { reportFault } from "./report-fault.ts";

/** What faults at the attempts of a service or route are made with. */
export interface AttemptFaultsOptions extends Pick<LayerScope, "service" | "route"> {
  readonly injector: FaultInjector;
  /** Who sends what no fault befalls. */
  readonly transport: Pick<Transport, "send">;
  readonly clock: Clock;
  readonly events: EventHub;
}

/**
 * Stands where attempts are handed to the transport and plays the endpoint that fails: everything above it, the attempt's timer first of
 * all, sees a real attempt.
 */
export class AttemptFaults implements Pick<Transport, "send"> {
  readonly #options: AttemptFaultsOptions;

  constructor(options: AttemptFaultsOptions) {
    this.#options = options;
  }

  send(attempt: Attempt, request: AttemptRequest): void {
    const { events, injector, transport } = this.#options;
    const { headers, method, path } = request;
    const subject = { method, path, headers, attempt: attempt.number };
    const injection = injector.decide(subject);
    if (injection === undefined) {
      transport.send(attempt, request);
      return;
    }
    if (events.wants("fault.injected")) {
      const { endpoint, number, span } = attempt;
      reportFault(events, this.#options, endpoint.address, number, injection, traceOf(span));
    }
    new FaultyAttempt(this.#options, attempt, request, subject, injection).start();
  }
}

/** An attempt with a fault: until the transport has it, the attempt's controller is this. */
class FaultyAttempt implements Dispatcher.DispatchController {
  readonly #options: AttemptFaultsOptions;
  readonly #attempt: Attempt;
  readonly #request: AttemptRequest;
  readonly #subject: FaultSubject;
  readonly #injection: Injection;
  #timer: TimerHandle | undefined;
  #behaving: AbortController | undefined;
  reason: Error | null = null;
  readonly paused = false;

  constructor(
    options: AttemptFaultsOptions,
    attempt: Attempt,
    request: AttemptRequest,
    subject: FaultSubject,
    injection: Injection,
  ) {
    this.#options = options;
    this.#attempt = attempt;
    this.#request = request;
    this.#subject = subject;
    this.#injection = injection;
  }

  get aborted(): boolean {
    return this.reason !== null;
  }

  pause(): void {
    // A made up body comes in one piece, and at once.
  }

  resume(): void {
    // See `pause`.
  }

  /** The attempt was given up. */
  abort(reason: Error): void {
    if (this.aborted) return;
    this.reason = reason;
    if (this.#timer !== undefined) this.#options.clock.clearTimer(this.#timer);
    this.#behaving?.abort(reason);
    this.#dropBody();
  }

  start(): void {
    this.#attempt.onRequestStart(this);
    // A slow endpoint is slow after it was sent the request; one that does not listen never gets to see it.
    if (this.#injection.abort === "refuse") this.#attempt.phase = "connect";
    const { delayMs } = this.#injection;
    if (delayMs > 0) this.#timer = this.#options.clock.setTimer(onDelayOver, delayMs, this);
    else this.delayOver();
  }

  /** @internal */
  delayOver(): void {
    this.#timer = undefined;
    const { behaviour } = this.#injection;
    if (behaviour === undefined) {
      this.#finish();
      return;
    }
    void this.#behave(behaviour);
  }

  async #behave(behaviour: FaultBehaviour): Promise<void> {
    this.#behaving = new AbortController();
    try {
      await behaviour(this.#subject, this.#behaving.signal);
    } catch (error) {
      if (!this.aborted) this.#fail(thrown(error));
      return;
    }
    if (!this.aborted) this.#finish();
  }

  #finish(): void {
    const { abort } = this.#injection;
    if (abort === undefined) {
      // From here on it is an attempt like any other, and nothing of it was sent yet.
      this.#attempt.phase = "connect";
      this.#options.transport.send(this.#attempt, this.#request);
    } else if (abort === "timeout") {
      // The attempt's own timer has the last word.
    } else if (typeof abort === "string") this.#fail(faultError(abort, this.#options.service));
    else if (abort instanceof Error) this.#fail(abort);
    else this.#answer(abort);
  }

  #fail(error: Error): void {
    if (this.#attempt.phase !== "connect") this.#dropBody();
    this.#attempt.onResponseError(this, error);
  }

  #answer({ body, headers, status }: ResolvedAnswer): void {
    const attempt = this.#attempt;
    this.#dropBody();
    attempt.onResponseStart(this, status, faultHeaders(headers), "");
    if (body !== "" && this.#request.method !== "HEAD" && !this.aborted) {
      attempt.onResponseData(this, Buffer.from(body));
    }
    if (!this.aborted) attempt.onResponseEnd(this, {});
  }

  /** A stream that is not going to be read holds on to whatever it reads from. */
  #dropBody(): void {
    const { body } = this.#request;
    if (!(body instanceof Readable)) return;
    // A generator that never began does not hear of its end either.
    body.read(0);
    body.destroy();
  }
}

function onDelayOver(attempt: FaultyAttempt): void {
  attempt.delayOver();
}
