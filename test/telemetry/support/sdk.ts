import { context, propagation, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { CompositePropagator, W3CBaggagePropagator, W3CTraceContextPropagator } from "@opentelemetry/core";
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from "@opentelemetry/sdk-trace";
import type { ReadableSpan, Sampler, SpanProcessor } from "@opentelemetry/sdk-trace";

/** A real OpenTelemetry SDK for the whole process, whose spans stay in memory. */
export class Sdk {
  readonly exporter = new InMemorySpanExporter();
  readonly provider: TracerProvider;

  /** @param others where the spans go besides */
  constructor(sampler: Sampler, others: readonly SpanProcessor[] = []) {
    const { exporter } = this;
    const spanProcessors = [new SimpleSpanProcessor({ exporter }), ...others];
    this.provider = new TracerProvider({ sampler, spanProcessors });
    trace.setGlobalTracerProvider(this.provider);
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    const propagators = [new W3CTraceContextPropagator(), new W3CBaggagePropagator()];
    propagation.setGlobalPropagator(new CompositePropagator({ propagators }));
  }

  get spans(): readonly ReadableSpan[] {
    return this.exporter.getFinishedSpans();
  }

  end(): void {
    trace.disable();
    context.disable();
    propagation.disable();
  }
}
