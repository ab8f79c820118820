import type { Dispatcher } from "undici";

import type { ResponseControl, ResponseHeaders, StreamSink } from "../request.ts";

/** Who follows what goes through a {@link HandlerSink}. */
export interface HandlerWatch {
  /** Before the handler hears of the head. */
  head?(status: number, headers: ResponseHeaders): void;
  /** The call failed, before the handler hears of it. */
  failed?(error: unknown): void;
  /** Everything was said, and the handler has heard it. */
  over?(): void;
  wholeBody?(status: number): boolean;
  /** Whether the caller takes nothing for now: undici's cache resumes a response that it has stopped keeping, whatever the caller said. */
  isPaused?(): boolean;
}

/** Tells an undici handler what a call of ours brings. */
export class HandlerSink implements StreamSink, Dispatcher.DispatchController {
  readonly mode = "stream";
  readonly #handler: Dispatcher.DispatchHandler;
  readonly #watch: HandlerWatch;
  #control: ResponseControl | undefined;
  paused = false;
  reason: Error | null = null;

  constructor(handler: Dispatcher.DispatchHandler, watch: HandlerWatch) {
    this.#handler = handler;
    this.#watch = watch;
  }

  get aborted(): boolean {
    return this.reason !== null;
  }

  wholeBody(status: number): boolean {
    return this.#watch.wholeBody?.(status) === true;
  }

  head(status: number, headers: ResponseHeaders, statusText: string, control: ResponseControl): void {
    this.#control = control;
    this.#watch.head?.(status, headers);
    this.#guard(() => {
      this.#handler.onRequestStart?.(this, {});
      this.#handler.onResponseStart?.(this, status, headers, statusText);
    });
  }

  data(chunk: Buffer): void {
    if (this.aborted) return;
    this.#guard(() => this.#handler.onResponseData?.(this, chunk));
  }

  end(trailers: ResponseHeaders): void {
    if (this.aborted) return;
    this.#guard(() => this.#handler.onResponseEnd?.(this, trailers));
    this.#watch.over?.();
  }

  fail(error: unknown): void {
    if (this.aborted) return;
    this.#watch.failed?.(error);
    const reason = error instanceof Error ? error : new Error("the call was given up", { cause: error });
    this.reason = reason;
    this.#handler.onResponseError?.(this, reason);
    this.#watch.over?.();
  }

  pause(): void {
    this.paused = true;
    this.#control?.pause();
  }

  resume(): void {
    if (this.#watch.isPaused?.() === true) return;
    this.paused = false;
    this.#control?.resume();
  }

  abort(reason: Error): void {
    if (this.aborted) return;
    this.reason = reason;
    this.#control?.abort(reason);
    this.#handler.onResponseError?.(this, reason);
    this.#watch.over?.();
  }

  /** What goes wrong in the handler ends this one response. */
  #guard(tell: () => void): void {
    try {
      tell();
    } catch (error) {
      this.abort(error instanceof Error ? error : new Error("the handler failed", { cause: error }));
    }
  }
}
