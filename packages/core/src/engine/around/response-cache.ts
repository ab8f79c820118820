import { interceptors } from "undici";
import type { Dispatcher } from "undici";

import type { EventHub } from "../../event-hub.ts";
import { headerValue } from "../../header-list.ts";
import { isRecord } from "../../is-record.ts";
import type { ResolvedCache } from "../../policies/cache/cache-policy.ts";
import type { CallRequest, ResponseHeaders, ResponseSink } from "../request.ts";
import { giveAnswer } from "./answer.ts";
import type { Answer } from "./answer.ts";
import { CacheExchange } from "./cache-exchange.ts";
import { keyHeaders, withoutDirectives } from "./cache-key.ts";
import { detached } from "./detached.ts";
import { HandlerSink } from "./handler-sink.ts";
import type { HandlerWatch } from "./handler-sink.ts";
import type { Layer, LayerScope, Send } from "./layer.ts";
import { partitionHeader } from "./response-store.ts";
import type { ResponseStore } from "./response-store.ts";

/** What a cache of the responses of a service or route is made with. */
export interface ResponseCacheOptions extends LayerScope {
  /** False where nothing is cached but other routes of the service are: then only changes are watched. */
  readonly policy: ResolvedCache | false;
  /** One for all routes of a service, so that a change by one route is known to the others. */
  readonly store: ResponseStore;
  readonly events: EventHub;
}

/** Carries a request through undici's cache to where it may have to be sent after all. */
interface Carried {
  dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): void;
}

const changing: ReadonlySet<string> = new Set(["DELETE", "PATCH", "POST", "PUT"]);
/** Requests that ask for a part, or for an answer that depends on what the caller has, go past the cache. */
const past: readonly string[] = [
  "if-match",
  "if-modified-since",
  "if-none-match",
  "if-range",
  "if-unmodified-since",
  "range",
];

/**
 * A cache of responses. The rules are those of undici's cache interceptor, through which each call goes as if it were a request of undici;
 * what the interceptor sends is sent by the engine, with everything that belongs to a call.
 */
export class ResponseCache implements Layer {
  readonly #options: ResponseCacheOptions;
  readonly #inner: Send;
  readonly #through: Dispatcher.Dispatch;
  /** What is being renewed while stale answers are given. */
  readonly #renewing = new Set<string>();

  constructor(options: ResponseCacheOptions, inner: Send) {
    this.#options = options;
    this.#inner = inner;
    const type = options.policy === false ? "private" : options.policy.type;
    const cached = interceptors.cache({ store: options.store, methods: ["GET", "HEAD"], type });
    this.#through = cached((given, handler) => {
      if (!isCarrying(given)) return false;
      given.carried.dispatch(given, handler);
      return true;
    });
  }

  send(request: CallRequest, sink: ResponseSink): void {
    if (!this.#isConcerned(request)) {
      this.#inner(request, sink);
      return;
    }
    const exchange = new CacheExchange(request, sink, (how, status, ageMs) => {
      const { events, route, service } = this.#options;
      request.outer?.cached(how);
      if (!events.wants("call.cached")) return;
      const { method, outer } = request;
      events.emit({ type: "call.cached", service, route, method, status, how, ageMs, trace: outer?.ids });
    });
    const carried = {
      dispatch: (given: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): void => {
        if (exchange.answered) this.#renew(request, given, handler);
        else this.#ask(exchange, sink, given, handler);
      },
    };
    this.#pass(request, carried, exchange);
  }

  #isConcerned({ body, endpoint, explain, headers, method, signal }: CallRequest): boolean {
    if (signal?.aborted === true) return false;
    if (changing.has(method)) return true;
    if (this.#options.policy === false || (method !== "GET" && method !== "HEAD")) return false;
    // Who asks for an endpoint, or why one was chosen, wants it to be asked.
    if (body !== null || endpoint !== undefined || explain !== undefined) return false;
    return past.every((name) => headerValue(headers, name) === undefined);
  }

  #pass(request: CallRequest, carried: Carried, handler: Dispatcher.DispatchHandler): void {
    const { method, path } = request;
    const options = { origin: this.#origin, method, path, headers: this.#keyOf(request), carried };
    try {
      this.#through(options, handler);
    } catch (error) {
      // The interceptor refuses what it cannot read; it is for the engine to say what is wrong with it.
      handler.onResponseError?.(
        noController,
        error instanceof Error ? error : new Error("not sent", { cause: error }),
      );
    }
  }

  /** Sends a request for its caller. */
  #ask(
    exchange: CacheExchange,
    sink: ResponseSink,
    given: Dispatcher.DispatchOptions,
    handler: Dispatcher.DispatchHandler,
  ): void {
    const { request } = exchange;
    let fresh: Answer | undefined;
    this.#send(request, given, handler, sink.mode, {
      head: (status, headers) => {
        exchange.asked(status, headers);
        if (status === 304) fresh = this.#freshened(request, headers);
      },
      failed: (error) => {
        // An old answer is of no use to one who has gone.
        if (request.signal?.aborted === true) exchange.fail(error);
      },
      over: () => {
        if (fresh !== undefined) this.#keep(request, fresh);
      },
      wholeBody: (status) => exchange.wholeBody(status),
      isPaused: () => exchange.paused,
    });
  }

  /** Sends a request for the cache alone: a stale answer was given, and the next one is to be a new one. */
  #renew(request: CallRequest, given: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): void {
    const key = `${request.method} ${request.path} ${String(this.#keyOf(request)[partitionHeader])}`;
    if (this.#renewing.has(key)) return;
    this.#renewing.add(key);
    // The caller's call is over by then: this one is the cache's own.
    const own = { ...request, signal: undefined, timeoutMs: this.#options.totalMs, outer: undefined };
    detached(() => {
      this.#send(own, given, handler, "whole", {
        over: () => {
          this.#renewing.delete(key);
        },
      });
    });
  }

  #send(
    request: CallRequest,
    { headers: given }: Dispatcher.DispatchOptions,
    handler: Dispatcher.DispatchHandler,
    mode: ResponseSink["mode"],
    watch: HandlerWatch,
  ): void {
    const sink = new HandlerSink(handler, watch);
    const headers = [...request.headers];
    for (const name of ["if-none-match", "if-modified-since"]) {
      const value: unknown = isRecord(given) ? given[name] : undefined;
      if (typeof value === "string" && !changing.has(request.method)) headers.push(name, value);
    }
    if (mode === "stream") this.#inner({ ...request, headers }, sink);
    else {
      this.#inner(
        { ...request, headers },
        {
          mode,
          done: (status, own, statusText, chunks) => {
            giveAnswer(sink, { status, headers: own, statusText, chunks });
          },
          fail: (error) => {
            sink.fail(error);
          },
        },
      );
    }
  }

  /** The answer that is kept, renewed by what the service says of it (RFC 9111, section 4.3.4). */
  #freshened(request: CallRequest, headers: ResponseHeaders): Answer | undefined {
    const { method, path } = request;
    const kept = this.#options.store.get({
      origin: this.#origin,
      method,
      path,
      headers: this.#keyOf(request),
    });
    if (kept === undefined || !Array.isArray(kept.body)) return undefined;
    const { "content-length": _, ...renewed } = headers;
    const { date: __, ...before } = kept.headers;
    return {
      status: kept.statusCode,
      statusText: kept.statusMessage,
      headers: { ...before, ...renewed },
      chunks: kept.body.filter((chunk) => Buffer.isBuffer(chunk)),
    };
  }

  /** Has undici's cache look at an answer as if it had just come whole: for how long it is good now is for its rules to say. */
  #keep(request: CallRequest, answer: Answer): void {
    const plain = { ...request, headers: withoutDirectives(request.headers) };
    const carried = {
      dispatch: (_: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): void => {
        giveAnswer(new HandlerSink(handler, {}), answer);
      },
    };
    this.#pass(plain, carried, {});
  }

  #keyOf({ headers, method }: CallRequest): Record<string, string> {
    const { policy } = this.#options;
    return keyHeaders(headers, policy !== false && policy.type === "shared", changing.has(method));
  }

  get #origin(): string {
    return `http://${encodeURIComponent(this.#options.service).replaceAll("%", "-")}`;
  }
}

function isCarrying(
  options: Dispatcher.DispatchOptions,
): options is Dispatcher.DispatchOptions & { readonly carried: Carried } {
  return "carried" in options;
}

/** For a request that never began. */
const noController: Dispatcher.DispatchController = {
  aborted: true,
  paused: false,
  reason: null,
  abort: () => undefined,
  pause: () => undefined,
  resume: () => undefined,
};
