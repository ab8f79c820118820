import { AsyncLocalStorage } from "node:async_hooks";

import type { Dispatcher } from "undici";

import { abortReason } from "../../engine/call-errors.ts";
import type {
  CallRequest,
  ResponseControl,
  ResponseHeaders,
  RouteDecision,
  StreamSink,
} from "../../engine/request.ts";
import { ProxylessError } from "../../errors.ts";
import type { DoorContext } from "../door.ts";
import { Decoder, readCodings } from "./content-decoding.ts";
import { sendExternal } from "./external-call.ts";
import { isRedirect, redirectPlan } from "./redirect.ts";
import type { RequestPlan } from "./request-plan.ts";
import { ResponseBody } from "./response-body.ts";
import type { ByteTarget } from "./response-body.ts";
import { createResponse } from "./response.ts";

// Below this an announced body is taken in whole, so it ends by itself and need not be watched.
const smallBody = 64 * 1024;
// What a redirect may carry before its connection is given up instead of read to the end.
const maxDiscarded = 64 * 1024;

/** One hop of a fetch: sends, takes the answer, follows it or makes the response. */
export class FetchCall implements StreamSink {
  readonly mode = "stream";
  readonly #context: DoorContext;
  readonly #plan: RequestPlan;
  // Dropped once used: they hold the response, which must be collectable while its body still comes in.
  #resolve: ((response: Response) => void) | undefined;
  #reject: ((error: unknown) => void) | undefined;
  #service: string | undefined;
  #control: ResponseControl | undefined;
  #target: ByteTarget | undefined;
  /** Runs in the caller's async context: a response comes in that of a socket, which is some other call's. */
  readonly #inContext: (run: () => void) => void = AsyncLocalStorage.snapshot();
  #startedAt = 0;
  /** Discovery had to be asked before anything could be sent. */
  #waited = false;
  #answered = false;
  #discarded = 0;

  constructor(
    context: DoorContext,
    plan: RequestPlan,
    resolve: (response: Response) => void,
    reject: (error: unknown) => void,
  ) {
    this.#context = context;
    this.#plan = plan;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  start(): void {
    const { signal, url } = this.#plan;
    if (signal?.aborted === true) {
      this.fail(abortReason(signal.reason));
      return;
    }
    this.#startedAt = this.#context.clock.now();
    try {
      this.#route(this.#context.decide(url.protocol, url.host));
    } catch (error) {
      this.fail(error);
    }
  }

  #route(decision: RouteDecision): void {
    if (decision.kind === "later") {
      this.#wait(decision);
      return;
    }
    if (decision.kind === "refused") {
      this.fail(decision.error);
      return;
    }
    const plan = this.#plan;
    const { options } = plan;
    const request: CallRequest = {
      method: plan.method,
      path: plan.url.path,
      headers: plan.headers,
      body: plan.body,
      signal: plan.signal,
      timeoutMs: decision.kind === "service" ? this.#timeoutOf(decision.service) : undefined,
      retry: options?.retry,
      idempotencyKey: plan.idempotencyKey,
      hashKey: options?.hashKey,
      criticality: options?.criticality,
      rateLimitKey: options?.rateLimitKey,
      endpoint: options?.endpoint,
      explain: options?.explain,
    };
    if (decision.kind === "external") {
      sendExternal(externalDispatcher(plan, this.#context), plan.url.origin, request, this);
      return;
    }
    if (plan.dispatcher !== undefined) {
      this.fail(
        new ProxylessError(
          "ERR_PROXYLESS_REQUEST",
          `init.dispatcher cannot be used for the service ${decision.service}: the mesh chooses its connections`,
          { service: decision.service },
        ),
      );
      return;
    }
    this.#service = decision.service;
    this.#context.engine.send(decision.service, request, this);
  }

  /** Discovery is asked first; a caller that gives up meanwhile is told at once. */
  #wait(later: RouteDecision & { readonly kind: "later" }): void {
    this.#waited = true;
    const { deadline, options, signal } = this.#plan;
    const waiting = new AbortController();
    const onAbort = (): void => {
      const reason = abortReason(signal?.reason);
      this.fail(reason);
      waiting.abort(reason);
    };
    signal?.addEventListener("abort", onAbort, { once: true });
    const left = deadline === undefined ? options?.timeoutMs : Math.max(1, deadline - this.#startedAt);
    later
      .decide(left, waiting.signal)
      .finally(() => {
        signal?.removeEventListener("abort", onAbort);
      })
      .then((decided) => (waiting.signal.aborted ? undefined : this.#route(decided)))
      .catch((error: unknown) => {
        if (!waiting.signal.aborted) this.fail(error);
      });
  }

  /**
   * What a service may take of the call's time; undefined for all that its policy gives. Redirects and asking discovery
   * spend from the same time, or a chain of them would have many times as much.
   * @throws ProxylessError `ERR_PROXYLESS_TIMEOUT` when nothing is left
   */
  #timeoutOf(service: string): number | undefined {
    const { deadline, method, options, redirects, url } = this.#plan;
    const given = options?.timeoutMs;
    if (deadline === undefined && !this.#waited) return given;
    const { clock } = this.#context;
    const limit = given ?? this.#context.totalMs(service, method, url.path);
    const left = (deadline ?? this.#startedAt + limit) - clock.now();
    if (left >= 1) return Math.min(left, limit);
    const message = `${service}: no time was left to call it, after ${redirects} redirects (total timeout)`;
    throw new ProxylessError("ERR_PROXYLESS_TIMEOUT", message, {
      service,
      timeout: "total",
      flag: "DT",
      phase: "connect",
      retryable: true,
    });
  }

  head(status: number, headers: ResponseHeaders, statusText: string, control: ResponseControl): void {
    const plan = this.#plan;
    this.#control = control;
    this.#answered = true;
    if (isRedirect(status) && plan.redirect !== "manual" && headers["location"] !== undefined) {
      this.#redirect(status, headers["location"]);
      return;
    }
    const meta = {
      status,
      statusText,
      headers,
      url: plan.url.origin + plan.url.path,
      redirected: plan.redirects > 0,
    };
    if (plan.method === "HEAD" || status === 204 || status === 205 || status === 304) {
      this.#settle(createResponse(meta, null));
      return;
    }
    let body: ResponseBody;
    try {
      body = this.#open(headers, control);
    } catch (error) {
      control.abort(error instanceof Error ? error : new TypeError("terminated"));
      this.#settle(undefined, error);
      return;
    }
    const response = createResponse(meta, body);
    const length = headers["content-length"];
    if (typeof length !== "string" || Number(length) > smallBody) body.watch(response);
    this.#settle(response);
  }

  data(chunk: Buffer): void {
    if (this.#target !== undefined) {
      this.#target.push(chunk);
      return;
    }
    this.#discarded += chunk.byteLength;
    if (this.#discarded > maxDiscarded) {
      this.#control?.abort(new DOMException("The body of a redirect was not needed.", "AbortError"));
    }
  }

  end(): void {
    this.#target?.end();
  }

  fail(error: unknown): void {
    const reason = this.#describe(error);
    this.#plan.discardBody?.(reason);
    if (this.#answered) this.#target?.fail(reason);
    else this.#settle(undefined, reason);
  }

  /** The way of the bytes: socket, decoders, body. */
  #open(headers: ResponseHeaders, control: ResponseControl): ResponseBody {
    const { signal } = this.#plan;
    if (headers["content-encoding"] === undefined) {
      const body = new ResponseBody(control, signal);
      this.#target = body;
      return body;
    }
    let upstream = control;
    let last: Decoder | undefined;
    for (const coding of readCodings(headers)) {
      const decoder: Decoder = new Decoder(coding, upstream);
      if (last === undefined) this.#target = decoder;
      else last.pipe(decoder);
      last = decoder;
      upstream = decoder;
    }
    const body = new ResponseBody(upstream, signal);
    if (last === undefined) this.#target = body;
    else last.pipe(body);
    return body;
  }

  #redirect(status: number, location: string | string[]): void {
    let next: RequestPlan;
    try {
      const plan = redirectPlan(this.#plan, status, String(location), this.#service, this.#context);
      next = { ...plan, deadline: this.#deadline() };
    } catch (error) {
      this.#plan.discardBody?.(error);
      this.#settle(undefined, error);
      return;
    }
    const resolve = this.#resolve;
    const reject = this.#reject;
    this.#resolve = this.#reject = undefined;
    if (resolve !== undefined && reject !== undefined) {
      this.#inContext(() => {
        new FetchCall(this.#context, next, resolve, reject).start();
      });
    }
  }

  /** When the call as a whole must be over. Outside the mesh nobody sets it a time. */
  #deadline(): number | undefined {
    const { deadline, method, options, url } = this.#plan;
    if (deadline !== undefined || this.#service === undefined) return deadline;
    const limit = options?.timeoutMs ?? this.#context.totalMs(this.#service, method, url.path);
    return this.#startedAt + limit;
  }

  #settle(response: Response | undefined, error?: unknown): void {
    if (response === undefined) this.#reject?.(error);
    else this.#resolve?.(response);
    this.#resolve = this.#reject = undefined;
  }

  /** Hosts that are no service fail as they do with Node's fetch. */
  #describe(error: unknown): unknown {
    if (this.#service !== undefined || error instanceof ProxylessError) return error;
    const { signal } = this.#plan;
    // A signal that gives no reason is the reason.
    if (signal?.aborted === true && error === (signal.reason ?? error)) return error;
    return new TypeError(this.#answered ? "terminated" : "fetch failed", { cause: error });
  }
}

function externalDispatcher(plan: RequestPlan, context: DoorContext): Dispatcher {
  return isDispatcher(plan.dispatcher) ? plan.dispatcher : context.external;
}

function isDispatcher(value: unknown): value is Dispatcher {
  return (
    typeof value === "object" && value !== null && "dispatch" in value && typeof value.dispatch === "function"
  );
}
