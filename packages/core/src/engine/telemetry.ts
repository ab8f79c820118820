import {
  ProxyTracerProvider,
  SpanKind,
  SpanStatusCode,
  context,
  isSpanContextValid,
  propagation,
  trace,
} from "@opentelemetry/api";
import type { Context, Span, TextMapSetter, Tracer } from "@opentelemetry/api";

import type { ProxylessError } from "../errors.ts";
import type { Attempt } from "../transport/attempt.ts";

/** The instrumentation scope. */
const scope = "@proxyless/core";

/** What a span says of a call. */
export interface SpanSubject {
  readonly method: string;
  readonly path: string;
  readonly template?: string | undefined;
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

  callStarted(parent: Context, service: string, subject: SpanSubject): Span | undefined {
    this.#tracer ??= registeredTracer();
    if (this.#tracer === undefined) return undefined;
    const { method, template } = subject;
    const title = template === undefined ? method : `${method} ${template}`;
    const span = this.#tracer.startSpan(title, { kind: SpanKind.CLIENT }, parent);
    if (!span.isRecording()) return isSpanContextValid(span.spanContext()) ? span : undefined;
    span.setAttributes({
      "http.request.method": method,
      "server.address": service,
      "url.path": pathOnly(subject.path),
      ...(template === undefined ? undefined : { "url.template": template }),
    });
    return span;
  }

  attemptStarted(
    parent: Context,
    call: Span | undefined,
    service: string,
    subject: SpanSubject,
    attempt: Attempt,
  ): Span | undefined {
    if (call === undefined || this.#tracer === undefined || !call.isRecording()) return undefined;
    const { host, port } = attempt.endpoint.spec;
    return this.#tracer.startSpan(
      `${subject.method} attempt`,
      {
        kind: SpanKind.CLIENT,
        attributes: {
          "http.request.method": subject.method,
          "server.address": service,
          "network.peer.address": host,
          "network.peer.port": port,
          ...(attempt.number > 1 ? { "http.request.resend_count": attempt.number - 1 } : undefined),
        },
      },
      trace.setSpan(parent, call),
    );
  }

  /** Adds the propagation headers of `span` (or, without one, of `parent`) to `headers`. */
  inject(parent: Context, span: Span | undefined, headers: string[]): void {
    propagation.inject(span === undefined ? parent : trace.setSpan(parent, span), headers, headerSetter);
  }

  attemptEnded(span: Span, attempt: Attempt, reason: string | undefined): void {
    end(span, attempt.status, attempt.failure === undefined ? undefined : reason, undefined);
  }

  callEnded(span: Span, status: number, attempts: number, error: unknown): void {
    if (span.isRecording() && attempts > 1) span.setAttribute("http.request.resend_count", attempts - 1);
    const code = isCoded(error) ? error.code : error === undefined ? undefined : "aborted";
    end(span, status, code, error);
  }
}

/** A tracer without an SDK behind it makes spans that go nowhere; not to make them is cheaper still. */
function registeredTracer(): Tracer | undefined {
  const provider = trace.getTracerProvider();
  return provider instanceof ProxyTracerProvider
    ? provider.getDelegateTracer(scope)
    : provider.getTracer(scope);
}

const headerSetter: TextMapSetter<string[]> = {
  set: (headers, name, value) => {
    // A propagation header that the caller set by hand would contradict ours.
    for (let i = 0; i < headers.length; i += 2) {
      if (headers[i]!.toLowerCase() === name) {
        headers[i + 1] = value;
        return;
      }
    }
    headers.push(name, value);
  },
};

function end(span: Span, status: number, errorType: string | undefined, error: unknown): void {
  if (span.isRecording()) {
    if (status > 0) span.setAttribute("http.response.status_code", status);
    const type = errorType ?? (status >= 400 ? String(status) : undefined);
    if (type !== undefined) {
      span.setAttribute("error.type", type);
      span.setStatus(
        error instanceof Error
          ? { code: SpanStatusCode.ERROR, message: error.message }
          : { code: SpanStatusCode.ERROR },
      );
    }
  }
  span.end();
}

function isCoded(error: unknown): error is Pick<ProxylessError, "code"> {
  return typeof error === "object" && error !== null && "code" in error && typeof error.code === "string";
}

function pathOnly(path: string): string {
  const query = path.indexOf("?");
  return query === -1 ? path : path.slice(0, query);
}
