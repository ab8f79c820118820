import {
  INVALID_TRACEID,
  ProxyTracerProvider,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  context,
  propagation,
  trace,
} from "@opentelemetry/api";
import type { Context, Span, SpanOptions, TextMapSetter, Tracer } from "@opentelemetry/api";

import { ProxylessError } from "../errors.ts";
import type { AttemptRecord, ReasonFlag } from "../errors.ts";
import type { TraceIds } from "../events.ts";
import { setHeader } from "../header-list.ts";
import type { Attempt } from "../transport/attempt.ts";
import { errorTypeOfAttempt, knownMethod } from "./attribute-values.ts";
import { pathOnly } from "./request.ts";
import { SpanContext } from "./span-context.ts";

/** The instrumentation scope. */
const scope = "@proxyless/core";

/** What a span says of a call. */
export interface SpanSubject {
  readonly method: string;
  readonly path: string;
  readonly template?: string | undefined;
}

/** Whose call it is. */
export interface SpanService {
  readonly service: string;
  /** `https://orders`: the service as the host of a URL. */
  readonly origin: string;
}

/**
 * Spans and propagation through whatever OpenTelemetry the process has registered: a CLIENT span per call, a child
 * per attempt, W3C (or any registered) propagation on every attempt. Without an SDK all of it costs some nanoseconds.
 * Attributes follow the HTTP client semantic conventions; `server.address` is the service, the endpoint is
 * `network.peer.*` of the attempts only, so that no metric made from calls grows with the endpoints.
 */
export class Telemetry {
  /** Undefined as long as the process has registered no SDK. */
  #tracer: Tracer | undefined;

  /** The ambient context. A call keeps it: later attempts run in whatever context a socket happens to have. */
  context(): Context {
    return context.active();
  }

  callStarted(parent: Context, { origin, service }: SpanService, subject: SpanSubject): Span | undefined {
    this.#tracer ??= registeredTracer();
    if (this.#tracer === undefined) return undefined;
    const { template } = subject;
    const method = knownMethod(subject.method);
    const isKnown = method === subject.method;
    const name = isKnown ? method : "HTTP";
    const title = template === undefined ? name : `${name} ${template}`;
    const span = this.#tracer.startSpan(title, client, parent);
    if (!span.isRecording()) return span.spanContext().traceId === INVALID_TRACEID ? undefined : span;
    span.setAttribute("http.request.method", method);
    if (!isKnown) span.setAttribute("http.request.method_original", subject.method);
    span.setAttribute("server.address", service);
    span.setAttribute("url.full", origin + pathOnly(subject.path));
    if (template !== undefined) span.setAttribute("url.template", template);
    return span;
  }

  /** The context of what happens below a span. */
  below(parent: Context, span: Span): Context {
    return new SpanContext(parent, span);
  }

  /** @param beside the attempt that a hedge is sent beside */
  attemptStarted(
    parent: Context,
    call: Span | undefined,
    service: string,
    subject: SpanSubject,
    attempt: Attempt,
    beside: Attempt | undefined,
  ): Span | undefined {
    if (call === undefined || this.#tracer === undefined || !call.isRecording()) return undefined;
    const { host, port } = attempt.endpoint.spec;
    const first = beside?.span?.spanContext();
    const method = knownMethod(subject.method);
    const span = this.#tracer.startSpan(
      `${method === subject.method ? method : "HTTP"} attempt`,
      first === undefined ? client : { ...client, links: [{ context: first }] },
      new SpanContext(parent, call),
    );
    if (!span.isRecording()) return span;
    span.setAttribute("http.request.method", method);
    span.setAttribute("server.address", service);
    span.setAttribute("network.peer.address", host);
    span.setAttribute("network.peer.port", port);
    span.setAttribute("proxyless.pick", attempt.pick);
    if (attempt.number > 1) span.setAttribute("http.request.resend_count", attempt.number - 1);
    if (beside !== undefined) span.setAttribute("proxyless.hedge", true);
    return span;
  }

  /** Adds the propagation headers of `span` (or, without one, of `parent`) to `headers`. */
  inject(parent: Context, span: Span | undefined, headers: string[]): void {
    propagation.inject(span === undefined ? parent : new SpanContext(parent, span), headers, headerSetter);
  }

  /** The call goes on after an attempt that failed. */
  retried(call: Span | undefined, { endpoint, number, reason = "" }: AttemptRecord, delayMs: number): void {
    if (call?.isRecording() !== true) return;
    call.addEvent("proxyless.retry", {
      "proxyless.attempt": number,
      "proxyless.endpoint": endpoint,
      "proxyless.reason": reason,
      "proxyless.delay_ms": delayMs,
    });
  }

  /** A circuit let the call go no further. */
  refused(call: Span | undefined, retryAfterMs: number): void {
    if (call?.isRecording() !== true) return;
    call.addEvent("proxyless.circuit.refused", { "proxyless.retry_after_ms": retryAfterMs });
  }

  /** @param protocol version of HTTP; undefined where nothing was sent */
  attemptEnded(
    span: Span,
    { failure, outcome, status }: Attempt,
    reason: string | undefined,
    protocol: string | undefined,
  ): void {
    if (protocol !== undefined) span.setAttribute("network.protocol.version", protocol);
    const type = failure === undefined ? undefined : errorTypeOfAttempt({ outcome, reason, status });
    end(span, status, type, undefined);
  }

  /** What this attempt brought had its endpoint ejected. */
  ejected(span: Span, { endpoint }: Attempt): void {
    if (!span.isRecording()) return;
    const { cause, ejectionMs } = endpoint.gate.ejection;
    span.addEvent("proxyless.endpoint.ejected", {
      "proxyless.endpoint": endpoint.address,
      "proxyless.reason": cause,
      "proxyless.ejection_ms": ejectionMs,
    });
  }

  /** So many attempts were made for a call. */
  resent(call: Span, attempts: number): void {
    if (attempts > 1 && call.isRecording()) call.setAttribute("http.request.resend_count", attempts - 1);
  }

  callEnded(span: Span, status: number, error: unknown, flag: ReasonFlag | undefined): void {
    if (flag !== undefined && span.isRecording()) span.setAttribute("proxyless.flag", flag);
    // What the caller's signal was aborted with is the caller's, and may say anything.
    const own = error instanceof ProxylessError ? error : undefined;
    end(span, status, own?.code ?? (error === undefined ? undefined : "aborted"), own);
  }
}

/** Where a span is found; undefined where there is none. */
export function traceOf(span: Span | undefined): TraceIds | undefined {
  if (span === undefined) return undefined;
  const { spanId, traceFlags, traceId } = span.spanContext();
  return { traceId, spanId, isSampled: (traceFlags & TraceFlags.SAMPLED) !== 0 };
}

/** A tracer without an SDK behind it makes spans that go nowhere; not to make them is cheaper still. */
function registeredTracer(): Tracer | undefined {
  const provider = trace.getTracerProvider();
  return provider instanceof ProxyTracerProvider
    ? provider.getDelegateTracer(scope)
    : provider.getTracer(scope);
}

const client: SpanOptions = { kind: SpanKind.CLIENT };

const headerSetter: TextMapSetter<string[]> = {
  // A propagation header that the caller set by hand would contradict ours.
  set: setHeader,
};

function end(span: Span, status: number, known: string | undefined, error: ProxylessError | undefined): void {
  if (span.isRecording()) {
    if (status > 0) span.setAttribute("http.response.status_code", status);
    const type = known ?? (status >= 400 ? String(status) : undefined);
    if (type !== undefined) {
      span.setAttribute("error.type", type);
      span.setStatus(
        error === undefined
          ? { code: SpanStatusCode.ERROR }
          : { code: SpanStatusCode.ERROR, message: error.message },
      );
    }
  }
  span.end();
}
