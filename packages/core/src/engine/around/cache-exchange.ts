import type { Dispatcher } from "undici";

import { abortReason } from "../call-errors.ts";
import type { CallRequest, ResponseControl, ResponseHeaders, ResponseSink } from "../request.ts";
import { ownHeaders } from "./answer.ts";

/** What came of a call at the cache. */
type CacheOutcome = "hit" | "revalidated" | "stale";

/** One call on its way through the cache: what undici's cache answers reaches the caller's sink by this. */
export class CacheExchange implements Dispatcher.DispatchHandler, ResponseControl {
  readonly request: CallRequest;
  readonly #sink: ResponseSink;
  readonly #onCached: (how: CacheOutcome, status: number, ageMs: number) => void;
  /** The head that the service answered last; undefined when it was not asked. */
  #asked: { readonly status: number; readonly headers: ResponseHeaders } | undefined;
  #controller: Dispatcher.DispatchController | undefined;
  #head:
    | { readonly status: number; readonly headers: ResponseHeaders; readonly statusText: string }
    | undefined;
  #chunks: Buffer[] = [];
  #paused = false;
  #over = false;

  constructor(
    request: CallRequest,
    sink: ResponseSink,
    onCached: (how: CacheOutcome, status: number, ageMs: number) => void,
  ) {
    this.request = request;
    this.#sink = sink;
    this.#onCached = onCached;
  }

  /** The caller has an answer, so that what is asked from now on is asked for the cache alone. */
  get answered(): boolean {
    return this.#head !== undefined || this.#over;
  }

  /** The sink's own answer to whether it waits for the whole body. */
  wholeBody(status: number): boolean {
    return this.#sink.mode === "stream" && this.#sink.wholeBody?.(status) === true;
  }

  /** The service answered. */
  asked(status: number, headers: ResponseHeaders): void {
    this.#asked = { status, headers };
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    headers: ResponseHeaders,
    statusText = "",
  ): void {
    if (this.#over) {
      controller.abort(new DOMException("Nobody waits any more.", "AbortError"));
      return;
    }
    const own = this.#describe(status, headers);
    this.#head = { status, headers: own, statusText };
    this.request.signal?.addEventListener("abort", this, { once: true });
    if (this.#sink.mode === "stream") this.#sink.head(status, own, statusText, this);
  }

  onResponseData(_: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#over) return;
    // A copy: the same memory is kept, and callers may do with theirs what they like.
    const own = Buffer.from(chunk);
    if (this.#sink.mode === "stream") this.#sink.data(own);
    else this.#chunks.push(own);
  }

  onResponseEnd(_: Dispatcher.DispatchController, trailers: ResponseHeaders): void {
    const head = this.#head;
    if (head === undefined || !this.#finish()) return;
    if (this.#sink.mode === "stream") this.#sink.end(trailers);
    else this.#sink.done(head.status, head.headers, head.statusText, this.#chunks);
  }

  onResponseError(_: Dispatcher.DispatchController | null, error: Error): void {
    this.fail(error);
  }

  fail(error: unknown): void {
    if (this.#finish()) this.#sink.fail(error);
  }

  /** The caller's signal aborted. */
  handleEvent(): void {
    const reason = abortReason(this.request.signal?.reason);
    this.fail(reason);
    this.#controller?.abort(reason instanceof Error ? reason : new Error("given up", { cause: reason }));
  }

  pause(): void {
    this.#paused = true;
    this.#controller?.pause();
  }

  resume(): void {
    this.#paused = false;
    this.#controller?.resume();
  }

  /** Whether the caller takes nothing for now. */
  get paused(): boolean {
    return this.#paused;
  }

  abort(reason: Error): void {
    if (this.#finish()) this.#controller?.abort(reason);
  }

  #finish(): boolean {
    if (this.#over) return false;
    this.#over = true;
    this.request.signal?.removeEventListener("abort", this);
    return true;
  }

  /** Headers of the caller's own; what comes out of the cache is reported. */
  #describe(status: number, headers: ResponseHeaders): ResponseHeaders {
    const own = ownHeaders(headers);
    const asked = this.#asked;
    if (headers === asked?.headers || own["age"] === undefined) return own;
    const isValid = asked?.status === 304;
    if (isValid) {
      // The service has just said that it holds.
      delete own["warning"];
      own["age"] = asked.headers["age"] ?? "0";
    }
    const how = isValid ? "revalidated" : own["warning"] === undefined ? "hit" : "stale";
    this.#onCached(how, status, 1_000 * (Number(own["age"]) || 0));
    return own;
  }
}
