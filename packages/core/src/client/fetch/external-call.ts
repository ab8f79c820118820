import type { Dispatcher } from "undici";

import { systemClock } from "../../clock.ts";
import { abortReason } from "../../engine/call-errors.ts";
import { BodySupply } from "../../engine/replay.ts";
import type { CallRequest, ResponseControl, StreamSink } from "../../engine/request.ts";
import { Attempt } from "../../transport/attempt.ts";
import type { AttemptOwner } from "../../transport/attempt.ts";

/**
 * Sends a request as it is, without policies, and streams the answer to `sink`. Errors reach the sink as undici made
 * them; an aborted signal as its reason. Never throws.
 */
export function sendExternal(
  dispatcher: Dispatcher,
  origin: string,
  request: CallRequest,
  sink: StreamSink,
): void {
  const { idempotencyKey, method, path } = request;
  const headers = [...request.headers];
  if (idempotencyKey !== undefined) headers.push("idempotency-key", idempotencyKey);
  const call = new ExternalCall(request, sink);
  const attempt = new Attempt(call, systemClock, 1, undefined, 0, false);
  call.watch(attempt);
  try {
    dispatcher.dispatch(
      { origin, path, method, headers, body: new BodySupply(request.body, 0, true).next() },
      attempt,
    );
  } catch (error) {
    attempt.abort(error);
  }
}

/** One attempt, no timer, no books. */
class ExternalCall implements AttemptOwner<undefined>, ResponseControl {
  readonly #sink: StreamSink;
  readonly #signal: AbortSignal | undefined;
  #attempt: Attempt<undefined> | undefined;
  #muted = false;

  constructor(request: CallRequest, sink: StreamSink) {
    this.#sink = sink;
    this.#signal = request.signal;
  }

  watch(attempt: Attempt<undefined>): void {
    this.#attempt = attempt;
    this.#signal?.addEventListener("abort", this);
  }

  attemptHead(attempt: Attempt<undefined>): void {
    attempt.forward(this.#sink);
    this.#sink.head(attempt.status, attempt.headers, attempt.statusText, this);
  }

  attemptEnd(attempt: Attempt<undefined>): void {
    this.#signal?.removeEventListener("abort", this);
    if (this.#muted) return;
    if (attempt.failure === undefined) this.#sink.end(attempt.trailers);
    else this.#sink.fail(attempt.failure);
  }

  handleEvent(): void {
    this.#attempt?.abort(abortReason(this.#signal?.reason));
  }

  pause(): void {
    this.#attempt?.pause();
  }

  resume(): void {
    this.#attempt?.resume();
  }

  abort(reason: Error): void {
    this.#muted = true;
    this.#attempt?.abort(reason);
  }
}
