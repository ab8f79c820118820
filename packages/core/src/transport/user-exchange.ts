import { errors } from "undici";

import type { ResponseHeaders } from "./response.ts";
import { toRawHeaders } from "./user-handler.ts";
import type { UserController, UserHandler } from "./user-handler.ts";

/** Steers the response that is on its way to the handler. */
export interface ExchangeControl {
  pause(): void;
  resume(): void;
  abort(reason: Error): void;
}

/**
 * One request and its response as a user's handler meets them: takes the response as it streams, hands it to the
 * handler, and is the controller that the handler steers by.
 */
export class UserExchange implements UserController {
  /** Tells who answers that the response may stream. */
  readonly mode = "stream";
  readonly #handler: UserHandler;
  readonly #aborter = new AbortController();
  readonly #onDone: (exchange: UserExchange, error: unknown) => void;
  #control: ExchangeControl | undefined;
  #headers: ResponseHeaders | undefined;
  #trailers: ResponseHeaders | undefined;
  #paused = false;
  #done = false;
  #reason: Error | null = null;

  /** @param onDone called once, with the error if there was one, before the handler hears of it */
  constructor(handler: UserHandler, onDone: (exchange: UserExchange, error: unknown) => void) {
    this.#handler = handler;
    this.#onDone = onDone;
  }

  /** Aborts when the handler does, until the response's head is here; later the control does. */
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

  head(status: number, headers: ResponseHeaders, statusText: string, control: ExchangeControl): void {
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

  /** A handler that throws ends its own request, not the mesh's machinery. */
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
