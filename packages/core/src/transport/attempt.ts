import type { Span } from "@opentelemetry/api";
import type { Dispatcher } from "undici";

import type { Clock, TimerHandle } from "../clock.ts";
import type { AttemptResult } from "../endpoints/attempt-result.ts";
import type { EndpointState } from "../endpoints/endpoint-state.ts";
import type { Phase, TimeoutKind } from "../errors.ts";
import type { Outcome, PickFlag } from "../events.ts";
import type { ResponseHeaders } from "./response.ts";

/** Hears how an attempt goes. */
export interface AttemptOwner<E = EndpointState> {
  /** The head of a streamed response: `attempt.forward` or `attempt.discard` must be called at once. */
  attemptHead(attempt: Attempt<E>): void;
  /** Called exactly once, when the attempt is over, whatever happened. */
  attemptEnd(attempt: Attempt<E>): void;
}

/** What an attempt's timer stands for: its own timeout, or another one of `ms`. */
export interface AttemptLimit {
  readonly kind: TimeoutKind;
  readonly ms?: number;
}

/** Limits of the first stages of an attempt, in milliseconds from its beginning. */
export interface StageLimits {
  /** Until there is a connection. */
  readonly queueMs: number | undefined;
  /** Until the head of the response is here. */
  readonly headersMs: number | undefined;
}

/** Takes the body of a streamed response. */
export interface BodySink {
  data(chunk: Buffer): void;
}

/** How the body of a streamed response is timed. */
interface BodyWatch {
  readonly idleMs: number;
  readonly endsAt: number;
  readonly streamMs: number;
  heardAt: number;
  paused: boolean;
}

/** A refused response is read to its end, so that its connection can be kept, unless it is longer than this. */
const DISCARD_LIMIT = 64 * 1024;
/** A timer that is later than this was held up by the event loop. */
const STALL_MS = 10;
const noLimit: AttemptLimit = { kind: "attempt" };
const none: ResponseHeaders = Object.freeze({});

/**
 * One try of a call on one endpoint. It is undici's handler, the owner of the attempt's only timer, the record of
 * what happened and the collector of the body, in one object, because each further object per call shows in the bill.
 */
export class Attempt<E = EndpointState> implements Dispatcher.DispatchHandler, AttemptResult {
  readonly number: number;
  /** Undefined outside the mesh, where there is nothing to keep books on. */
  readonly endpoint: E;
  readonly startedAt: number;
  phase: Phase = "connect";
  status = 0;
  /** When the head of a streamed response was handed on; 0 before, and for whole responses. */
  headAt = 0;
  statusText = "";
  headers: ResponseHeaders = none;
  trailers: ResponseHeaders = none;
  /** Bytes of a streamed body so far, as they came. */
  streamedBytes = 0;
  /** The collected body; undefined when there is none. */
  chunks: Buffer[] | undefined = undefined;
  /** What ended the attempt before its time; undefined when a whole response came. */
  failure: unknown = undefined;
  /** How its endpoint was chosen. */
  pick: PickFlag = "LB";
  /** What the watch on the event loop wants back. */
  lagMark = 0;
  /** What the endpoint's gate wants back with the result. */
  generation = 0;
  /** How it ended, decided once by its owner. */
  outcome: Outcome = "ignored";
  latencyMs: number = NaN;
  isAnswered = false;
  /** It was sent beside another one that took long. */
  isHedge = false;
  /** Another attempt was quicker, and this one was given up. */
  isSuperseded = false;
  /** What traces it; undefined where nobody does. */
  span: Span | undefined = undefined;
  /** Our own timer ended it. */
  timedOut = false;
  /** What the timer stood for. */
  limit: AttemptLimit = noLimit;
  readonly #owner: AttemptOwner<E>;
  readonly #clock: Clock;
  /** Collect the body instead of streaming it. */
  readonly #whole: boolean;
  #controller: Dispatcher.DispatchController | undefined;
  #timer: TimerHandle | undefined;
  #sink: BodySink | undefined;
  #settled = false;
  #discarded = 0;
  #limitMs = 0;
  /** What the timer is set for, in milliseconds from the beginning. */
  #dueMs = 0;
  #stages: StageLimits | undefined;
  #body: BodyWatch | undefined;
  #isExcused = false;

  constructor(
    owner: AttemptOwner<E>,
    clock: Clock,
    number: number,
    endpoint: E,
    startedAt: number,
    whole: boolean,
  ) {
    this.#owner = owner;
    this.#clock = clock;
    this.number = number;
    this.endpoint = endpoint;
    this.startedAt = startedAt;
    this.#whole = whole;
  }

  /** Ends the attempt as timed out unless its response (whole) or its head (streamed) comes within `ms`. */
  arm(ms: number, limit: AttemptLimit, stages?: StageLimits): void {
    this.limit = limit;
    this.#limitMs = this.#dueMs = ms;
    this.#stages = stages;
    if (stages !== undefined) this.#dueMs = this.#stage()?.ms ?? ms;
    this.#timer = this.#clock.setTimer(onTimeout, this.#dueMs, this);
  }

  /**
   * Sends the body of a streamed response to `sink`; from here on only the caller and the peer end the attempt, unless
   * the body is `timed` as well.
   */
  forward(sink: BodySink, timed = false): void {
    this.#sink = sink;
    if (!timed) this.#disarm();
  }

  /**
   * Sends the body of a streamed response to `sink`, and ends the attempt when that is silent for `idleMs` while it is read, or is not
   * here whole at `endsAt`. The timer that waited for the head goes on where it is due soon enough: most bodies are here before that.
   */
  forwardWatched(sink: BodySink, idleMs: number, endsAt: number, streamMs: number): void {
    this.#sink = sink;
    const now = this.#clock.now();
    this.#body = { idleMs, endsAt, streamMs, heardAt: now, paused: false };
    const dueMs = Math.min(idleMs, endsAt - now);
    if (this.#timer !== undefined && this.startedAt + this.#dueMs - now <= dueMs) return;
    this.#disarm();
    this.#timer = this.#clock.setTimer(onTimeout, dueMs, this, true);
  }

  /** Bytes of the body so far, as they came. */
  get bodyBytes(): number {
    return this.chunks?.reduce((sum, { length }) => sum + length, 0) ?? this.streamedBytes;
  }

  /** Gives a streamed response up: the attempt is over, the rest of the body is read and dropped. */
  discard(): void {
    this.#settle();
  }

  /** Ends the attempt now. Nothing happens when it is over already. */
  abort(reason: unknown): void {
    if (this.#settled) return;
    this.failure = reason;
    this.#settled = true;
    this.#disarm();
    try {
      this.#controller?.abort(asError(reason));
    } finally {
      this.#owner.attemptEnd(this);
    }
  }

  pause(): void {
    if (this.#body !== undefined) this.#body.paused = true;
    this.#controller?.pause();
  }

  resume(): void {
    if (this.#body !== undefined) {
      this.#body.paused = false;
      this.#body.heardAt = this.#clock.now();
    }
    this.#controller?.resume();
  }

  /** @internal */
  expire(): void {
    if (this.#settled) {
      this.#controller?.abort(new Error("the rest of a refused response came too slowly"));
      return;
    }
    // When our own loop stood still the answer may have come in time and only not been read: it gets one more turn.
    if (this.#body !== undefined) {
      if (!this.#isBodyLate(this.#body)) return;
    } else {
      const passedMs = this.#clock.now() - this.startedAt;
      if (passedMs - this.#dueMs > STALL_MS && !this.#isExcused) {
        this.#isExcused = true;
        this.#timer = this.#clock.setTimer(onTimeout, 1, this);
        return;
      }
      if (!this.#isStageLate(passedMs)) return;
    }
    this.timedOut = true;
    this.abort(new Error("timed out"));
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    // Throwing ends this request alone. `controller.abort` would take the connection with it, which is healthy, and the
    // body, which another attempt may be sending.
    if (this.#settled) throw asError(this.failure);
    this.#controller = controller;
    this.phase = "sent";
  }

  onResponseStart(
    _: Dispatcher.DispatchController,
    status: number,
    headers: ResponseHeaders,
    statusText?: string,
  ): void {
    if (status < 200 || this.#settled) return;
    this.phase = "headers";
    this.status = status;
    this.headers = headers;
    if (statusText !== undefined) this.statusText = statusText;
    if (!this.#whole) this.#owner.attemptHead(this);
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#settled) {
      this.#discarded += chunk.length;
      if (this.#discarded > DISCARD_LIMIT)
        controller.abort(new Error("the rest of a refused response is too long"));
      return;
    }
    this.phase = "body";
    if (this.#body !== undefined) this.#body.heardAt = this.#clock.now();
    if (this.#sink !== undefined) {
      this.streamedBytes += chunk.length;
      this.#sink.data(chunk);
    } else if (this.chunks === undefined) this.chunks = [chunk];
    else this.chunks.push(chunk);
  }

  onResponseEnd(_: Dispatcher.DispatchController, trailers: ResponseHeaders): void {
    this.trailers = trailers;
    this.#disarm();
    this.#settle();
  }

  onResponseError(_: Dispatcher.DispatchController | null, error: Error): void {
    this.#disarm();
    if (this.#settled) return;
    this.failure = error;
    this.#settle();
  }

  /** The limit that comes next of the stages that are not over. */
  #stage(): (AttemptLimit & { readonly ms: number }) | undefined {
    const { headersMs = Infinity, queueMs = Infinity } = this.#stages ?? {};
    const isQueued = this.phase === "connect";
    const isUnanswered = isQueued || this.phase === "sent";
    if (isQueued && queueMs < this.#limitMs && queueMs <= headersMs) return { kind: "queue", ms: queueMs };
    if (isUnanswered && headersMs < this.#limitMs) return { kind: "headers", ms: headersMs };
    return undefined;
  }

  /** Whether a limit was reached; if not, the timer is set for the next one. */
  #isStageLate(passedMs: number): boolean {
    if (this.#dueMs === this.#limitMs) return true;
    const stage = this.#stage();
    const dueMs = stage?.ms ?? this.#limitMs;
    if (dueMs <= this.#dueMs) {
      if (stage !== undefined) this.limit = stage;
      return true;
    }
    this.#dueMs = dueMs;
    this.#isExcused = false;
    this.#timer = this.#clock.setTimer(onTimeout, Math.max(0, dueMs - passedMs), this);
    return false;
  }

  /** The same for the body of a streamed response. */
  #isBodyLate({ endsAt, heardAt, idleMs, paused, streamMs }: BodyWatch): boolean {
    const now = this.#clock.now();
    const silentUntil = (paused ? now : heardAt) + idleMs;
    if (now < endsAt && now < silentUntil) {
      this.#timer = this.#clock.setTimer(onTimeout, Math.min(endsAt, silentUntil) - now, this, true);
      return false;
    }
    this.limit = now >= endsAt ? { kind: "stream", ms: streamMs } : { kind: "body_idle", ms: idleMs };
    return true;
  }

  #settle(): void {
    if (this.#settled) return;
    this.#settled = true;
    if (this.failure !== undefined) this.#disarm();
    this.#owner.attemptEnd(this);
  }

  #disarm(): void {
    if (this.#timer === undefined) return;
    this.#clock.clearTimer(this.#timer);
    this.#timer = undefined;
  }
}

function onTimeout<E>(attempt: Attempt<E>): void {
  attempt.expire();
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error("the attempt was given up", { cause: reason });
}
