import { Dispatcher } from "undici";

import type { CallRequest, RouteDecision } from "../../engine/request.ts";
import { ProxylessError, show } from "../../errors.ts";
import { UserExchange } from "../../transport/user-exchange.ts";
import { toUserHandler } from "../../transport/user-handler.ts";
import type { UserHandler } from "../../transport/user-handler.ts";
import type { DoorContext } from "../door.ts";
import { destroyBody, readRequest, readTarget } from "./dispatch-request.ts";

/**
 * An undici `Dispatcher` whose requests to known services are governed: for `undici.request`, `stream`, `pipeline` and
 * `fetch`, as a global dispatcher, with interceptors, and for the built-in fetch of Node 22, 24 and 26.
 *
 * Policies govern time: `headersTimeout` and `bodyTimeout` are ignored for services. `onBodySent` and `onRequestSent`
 * are not called, since a call may be sent more than once. `dispatch` always returns true, so there is no `drain` to
 * wait for: calls do not queue for one connection here. Hosts that are no service go out as they are, with all of
 * undici's options, or fail with `ERR_PROXYLESS_UNKNOWN_SERVICE`.
 *
 * Closing it refuses new requests and waits for those in flight; the mesh and its other doors stay open.
 */
export class MeshDispatcher extends Dispatcher {
  readonly #context: DoorContext;
  readonly #calls = new Set<UserExchange>();
  #closed = false;
  #destroyed = false;
  #idle: Promise<void> | undefined;
  #settle: () => void = () => undefined;

  constructor(context: DoorContext) {
    super();
    this.#context = context;
  }

  /** Whether it takes no more requests. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Whether it was destroyed. */
  get destroyed(): boolean {
    return this.#destroyed;
  }

  /**
   * Sends a request; see the class. Trouble reaches the handler.
   * @returns true, always
   * @throws ProxylessError `ERR_PROXYLESS_REQUEST` when `handler` is no handler
   */
  override dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    const user = toUserHandler(handler);
    if (user === undefined) {
      throw new ProxylessError(
        "ERR_PROXYLESS_REQUEST",
        `handler must be an undici handler, got ${show(handler)}`,
      );
    }
    try {
      return this.#dispatch(options, user);
    } catch (error) {
      destroyBody(options?.body, error);
      if (user.onResponseError === undefined) throw error;
      // As undici does for requests that never started: without a controller.
      user.onResponseError(null, error);
      return true;
    }
  }

  #dispatch(options: Dispatcher.DispatchOptions, handler: UserHandler): boolean {
    if (typeof options !== "object" || options === null) {
      throw new ProxylessError("ERR_PROXYLESS_REQUEST", `opts must be an object, got ${show(options)}`);
    }
    if (this.#closed) {
      throw new ProxylessError("ERR_PROXYLESS_CLOSED", "the dispatcher of the mesh is closed");
    }
    const target = readTarget(options.origin);
    const decision = this.#context.decide(target.protocol, target.host);
    if (decision.kind !== "later") return this.#route(decision, options, handler, undefined);

    const call = this.#open(options, handler);
    // Before discovery is asked, so that the handler can abort meanwhile.
    if (!call.start()) return true;
    decision
      .decide(undefined, call.signal)
      .then((decided) => this.#route(decided, options, handler, call))
      .catch((error: unknown) => {
        call.fail(error);
      });
    return true;
  }

  #route(
    decision: RouteDecision,
    options: Dispatcher.DispatchOptions,
    handler: UserHandler,
    waiting: UserExchange | undefined,
  ): boolean {
    if (waiting?.done === true) return true;
    if (decision.kind === "refused") throw decision.error;
    if (decision.kind === "later") throw new TypeError("a decision was put off twice");
    if (decision.kind === "external") {
      // undici starts the request again, with a controller of its own.
      waiting?.release();
      return this.#context.external.dispatch(options, handler);
    }
    const call = waiting ?? this.#open(options, handler);
    let request: CallRequest;
    try {
      request = readRequest(options, call.signal);
    } catch (error) {
      call.fail(error);
      return true;
    }
    if (waiting !== undefined || call.start()) this.#context.engine.send(decision.service, request, call);
    return true;
  }

  #open(options: Dispatcher.DispatchOptions, handler: UserHandler): UserExchange {
    const call = new UserExchange(handler, (done, error) => {
      this.#calls.delete(done);
      if (this.#closed && this.#calls.size === 0) this.#settle();
      if (error !== undefined) destroyBody(options.body, error);
    });
    this.#calls.add(call);
    return call;
  }

  /** Refuses new requests; done when those in flight are. */
  override close(): Promise<void>;
  override close(callback: () => void): void;
  override close(callback?: () => void): Promise<void> | void {
    return settle(this.#end(), callback);
  }

  /** Refuses new requests and aborts those in flight with `error`. */
  override destroy(): Promise<void>;
  override destroy(error: Error | null): Promise<void>;
  override destroy(callback: () => void): void;
  override destroy(error: Error | null, callback: () => void): void;
  override destroy(first?: Error | null | (() => void), second?: () => void): Promise<void> | void {
    const error = typeof first === "function" ? undefined : first;
    this.#destroyed = true;
    const done = this.#end();
    for (const call of this.#calls) {
      call.abort(
        error ?? new ProxylessError("ERR_PROXYLESS_CLOSED", "the dispatcher of the mesh was destroyed"),
      );
    }
    return settle(done, typeof first === "function" ? first : second);
  }

  #end(): Promise<void> {
    this.#closed = true;
    this.#idle ??= new Promise((resolve) => {
      this.#settle = resolve;
      if (this.#calls.size === 0) resolve();
    });
    return this.#idle;
  }
}

function settle(done: Promise<void>, callback: (() => void) | undefined): Promise<void> | void {
  if (callback === undefined) return done;
  // eslint-disable-next-line promise/no-callback-in-promise -- undici's dispatchers offer both ways
  void done.then(callback);
  return undefined;
}
