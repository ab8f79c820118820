import { Readable } from "node:stream";

import type { Dispatcher } from "undici";

import type { CallRequest, ResponseHeaders, StreamSink } from "../engine/request.ts";

type OutgoingBody = string | Uint8Array | Readable | null;

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
  const call = new ExternalCall(request, sink);
  const { body } = request;
  const headers =
    request.idempotencyKey === undefined
      ? request.headers
      : [...request.headers, "idempotency-key", request.idempotencyKey];
  const options = {
    origin,
    path: request.path,
    method: request.method,
    headers: [...headers],
    body: toStream(typeof body === "function" ? body() : body),
  };
  try {
    dispatcher.dispatch(options, call);
  } catch (error) {
    call.onResponseError(null, error);
  }
}

function toStream(body: string | Uint8Array | AsyncIterable<Uint8Array> | null): OutgoingBody {
  if (body === null || typeof body === "string" || body instanceof Uint8Array) return body;
  return Readable.from(body, { objectMode: false });
}

class ExternalCall {
  readonly #sink: StreamSink;
  readonly #signal: AbortSignal | undefined;
  #controller: Dispatcher.DispatchController | undefined;
  #done = false;

  constructor(request: CallRequest, sink: StreamSink) {
    this.#sink = sink;
    this.#signal = request.signal;
    this.#signal?.addEventListener("abort", this.#onAbort);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#done) controller.abort(new DOMException("The call is over.", "AbortError"));
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    headers: ResponseHeaders,
    statusText?: string,
  ): void {
    if (this.#done || status < 200) return;
    this.#sink.head(status, headers, statusText ?? "", {
      pause: () => {
        controller.pause();
      },
      resume: () => {
        controller.resume();
      },
      abort: (reason) => {
        if (this.#finish()) controller.abort(reason);
      },
    });
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (!this.#done) this.#sink.data(chunk);
  }

  onResponseEnd(_controller: Dispatcher.DispatchController, trailers: ResponseHeaders): void {
    if (this.#finish()) this.#sink.end(trailers);
  }

  onResponseError(_controller: Dispatcher.DispatchController | null, error: unknown): void {
    if (this.#finish()) this.#sink.fail(error);
  }

  readonly #onAbort = (): void => {
    if (!this.#finish()) return;
    const reason: unknown = this.#signal?.reason;
    this.#controller?.abort(reason instanceof Error ? reason : new DOMException("Aborted", "AbortError"));
    this.#sink.fail(reason);
  };

  #finish(): boolean {
    if (this.#done) return false;
    this.#done = true;
    this.#signal?.removeEventListener("abort", this.#onAbort);
    return true;
  }
}
