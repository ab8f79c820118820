import { errors } from "undici";

import type { ResponseControl, ResponseHeaders, StreamSink } from "../../engine/request.ts";
import { toRawHeaders } from "../../transport/user-handler.ts";
import type { UserController, UserHandler } from "../../transport/user-handler.ts";

/** One governed dispatch: the sink that the engine fills and the controller that the user's handler steers. */
export class DispatchCall implements StreamSink, UserController {
  readonly mode = "stream";
  readonly #handler: UserHandler;
  readonly #aborter = new AbortController();
  readonly #onDone: (call: DispatchCall, error: unknown) => void;
  #control: ResponseControl | undefined;
  #headers: ResponseHeaders | undefined;
  #trailers: ResponseHeaders | undefined;
  #paused = false;
  #done = false;
  #reason: Error | null = null;

  /** @param onDone called once, with the error if there was one, before the handler hears of it */
  constructor(handler: UserHandler, onDone: (call: DispatchCall, error: unknown) => void) {
    this.#handler = handler;
    this.#onDone = onDone;
  }

  /** Aborts the call in the engine until the answer's head is here; later the control does. */
  get signal(): AbortSignal {
    return this.#aborter.signal;
  }

  get aborted(): boolean {
    return this.#reason !== null;
  }
  get paused(): boolean {
    return this.#paused;
  }
  get reason(): Error | null {
    return this.#reason;
  }
  get rawHeaders(): Buffer[] | null {
    return this.#headers === undefined ? null : toRawHeaders(this.#headers);
  }
  get rawTrailers(): Buffer[] | null {
    return this.#trailers === undefined ? null : toRawHeaders(this.#trailers);
  }

  /** Whether the handler has heard the end. */
  get done(): boolean {
    return this.#done;
  }

  /** Gives the handler to someone else: it hears nothing more from here. */
  release(): void {
    if (!this.#done) this.#finish(undefined);
  }

  /** Tells the handler that its request begins; false when it aborted at once. */
  start(): boolean {
    this.#guard(() => this.#handler.onRequestStart?.(this, {}));
    return !this.#done;
  }

  pause(): void {
    this.#paused = true;
    this.#control?.pause();
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#control?.resume();
  }

  abort(reason?: Error): void {
    if (this.#done) return;
    const error = reason ?? new errors.RequestAbortedError();
    this.#reason = error;
    this.#finish(error);
    if (this.#control === undefined) this.#aborter.abort(error);
    else this.#control.abort(error);
    this.#handler.onResponseError?.(this, error);
  }

  head(status: number, headers: ResponseHeaders, statusText: string, control: ResponseControl): void {
    if (this.#done) {
      control.abort(this.#reason ?? new errors.RequestAbortedError());
      return;
    }
    this.#control = control;
    this.#headers = headers;
    if (this.#paused) control.pause();
    this.#guard(() => {
      this.#handler.onResponseStarted?.();
      if (!this.#done) this.#handler.onResponseStart?.(this, status, headers, statusText);
    });
  }

  data(chunk: Buffer): void {
    if (this.#done) return;
    this.#guard(() => this.#handler.onResponseData?.(this, chunk));
  }

  end(trailers: ResponseHeaders): void {
    if (this.#done) return;
    this.#trailers = trailers;
    this.#finish(undefined);
    try {
      this.#handler.onResponseEnd?.(this, trailers);
    } catch (error) {
      this.#handler.onResponseError?.(this, toError(error));
    }
  }

  fail(error: unknown): void {
    if (this.#done) return;
    this.#finish(error);
    this.#handler.onResponseError?.(this, toError(error));
  }

  /** A handler that throws ends its own call, not the mesh's machinery. */
  #guard(call: () => void): void {
    try {
      call();
    } catch (error) {
      this.abort(toError(error));
    }
  }

  #finish(error: unknown): void {
    this.#done = true;
    this.#onDone(this, error);
  }
}

function toError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error), { cause: error });
}
