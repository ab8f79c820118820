import type { Dispatcher } from "undici";

import type { ResponseHeaders } from "./response.ts";

/** The handler API of undici 6 and 7, which the built-in fetch of Node 22 and 24 still speaks. */
interface LegacyHandler {
  onConnect?(abort: (reason?: Error) => void, context: unknown): void;
  onUpgrade?(status: number, headers: Buffer[], socket: unknown): void;
  onResponseStarted?(): void;
  onHeaders?(status: number, headers: Buffer[], resume: () => void, statusText: string): boolean;
  onData?(chunk: Buffer): boolean;
  onComplete?(trailers: Buffer[]): void;
  onError?(error: unknown): void;
  onBodySent?(chunk: Buffer): void;
  onRequestSent?(): void;
}

/** A handler as undici 8 has it; without a controller it hears of requests that never started. */
export interface UserHandler {
  onRequestStart?(controller: UserController, context: unknown): void;
  onRequestUpgrade?(
    controller: UserController,
    status: number,
    headers: ResponseHeaders,
    socket: unknown,
  ): void;
  onResponseStarted?(): void;
  onResponseStart?(
    controller: UserController,
    status: number,
    headers: ResponseHeaders,
    statusText?: string,
  ): void;
  onResponseData?(controller: UserController, chunk: Buffer): void;
  onResponseEnd?(controller: UserController, trailers: ResponseHeaders): void;
  onResponseError?(controller: UserController | null, error: unknown): void;
  onBodySent?(chunk: Buffer): void;
  onRequestSent?(): void;
}

/** A controller as undici 8 gives it to handlers. */
export type UserController = Dispatcher.DispatchController;

/**
 * A user's handler of either API as one of undici 8; `undefined` when it is none.
 */
export function toUserHandler(handler: unknown): UserHandler | undefined {
  if (typeof handler !== "object" || handler === null) return undefined;
  if (isCurrent(handler)) return handler;
  return isLegacy(handler) ? new LegacyAdapter(handler) : undefined;
}

/** Headers as they were on the wire: name, value, name, value… in bytes. */
export function toRawHeaders(headers: ResponseHeaders): Buffer[] {
  const raw: Buffer[] = [];
  for (const name of Object.keys(headers)) {
    const value = headers[name];
    if (value === undefined) continue;
    const key = Buffer.from(name, "latin1");
    if (typeof value === "string") raw.push(key, Buffer.from(value, "latin1"));
    else for (const one of value) raw.push(key, Buffer.from(one, "latin1"));
  }
  return raw;
}

function isCurrent(handler: object): handler is UserHandler {
  return (
    ("onRequestStart" in handler && typeof handler.onRequestStart === "function") ||
    ("onResponseError" in handler && typeof handler.onResponseError === "function")
  );
}

function isLegacy(handler: object): handler is LegacyHandler {
  return (
    ("onConnect" in handler && typeof handler.onConnect === "function") ||
    ("onError" in handler && typeof handler.onError === "function")
  );
}

/** Lets a handler of undici 6 or 7 stand where one of undici 8 is expected. */
class LegacyAdapter implements UserHandler {
  readonly #handler: LegacyHandler;

  constructor(handler: LegacyHandler) {
    this.#handler = handler;
  }

  onRequestStart(controller: UserController, context: unknown): void {
    this.#handler.onConnect?.((reason) => {
      controller.abort(reason ?? new DOMException("This operation was aborted", "AbortError"));
    }, context);
  }

  onRequestUpgrade(
    controller: UserController,
    status: number,
    headers: ResponseHeaders,
    socket: unknown,
  ): void {
    this.#handler.onUpgrade?.(status, rawOf(controller.rawHeaders, headers), socket);
  }

  onResponseStarted(): void {
    this.#handler.onResponseStarted?.();
  }

  onResponseStart(
    controller: UserController,
    status: number,
    headers: ResponseHeaders,
    statusText?: string,
  ): void {
    const resume = (): void => {
      controller.resume();
    };
    const raw = rawOf(controller.rawHeaders, headers);
    if (this.#handler.onHeaders?.(status, raw, resume, statusText ?? "") === false) controller.pause();
  }

  onResponseData(controller: UserController, chunk: Buffer): void {
    if (this.#handler.onData?.(chunk) === false) controller.pause();
  }

  onResponseEnd(controller: UserController, trailers: ResponseHeaders): void {
    this.#handler.onComplete?.(rawOf(controller.rawTrailers, trailers));
  }

  onResponseError(_controller: UserController | null, error: unknown): void {
    if (this.#handler.onError === undefined) throw error;
    this.#handler.onError(error);
  }

  onBodySent(chunk: Buffer): void {
    this.#handler.onBodySent?.(chunk);
  }

  onRequestSent(): void {
    this.#handler.onRequestSent?.();
  }
}

function rawOf(raw: UserController["rawHeaders"], parsed: ResponseHeaders): Buffer[] {
  if (!Array.isArray(raw)) return toRawHeaders(parsed);
  return raw.map((item) => (typeof item === "string" ? Buffer.from(item, "latin1") : item));
}
