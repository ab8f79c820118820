import type { ReadableSpan } from "@opentelemetry/sdk-trace";

/** What tells one span from another, however it came. */
export interface SeenSpan {
  readonly spanId: string;
  readonly parentId: string | undefined;
  readonly name: string;
  /** Nanoseconds. */
  readonly startedAt: bigint;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly events: readonly { readonly name: string; readonly attributes: object }[];
  /** Ids of other spans. */
  readonly links: readonly string[];
}

/** A span of the SDK. */
export function seenOf(span: ReadableSpan): SeenSpan {
  const [seconds, nanoseconds] = span.startTime;
  return {
    spanId: span.spanContext().spanId,
    parentId: span.parentSpanContext?.spanId,
    name: span.name,
    startedAt: BigInt(seconds) * 1_000_000_000n + BigInt(nanoseconds),
    attributes: span.attributes,
    events: span.events.map(({ attributes = {}, name }) => ({ name, attributes })),
    links: span.links.map(({ context }) => context.spanId),
  };
}

/** Spans as a picture, in the order in which they began; a link is shown as the `http.request.resend_count` of what it leads to. */
export function tree(spans: readonly SeenSpan[], parent?: string): unknown[] {
  return spans
    .filter(({ parentId }) => parentId === parent)
    .toSorted((a, b) => Number(a.startedAt - b.startedAt))
    .map(({ attributes, events, links, name, spanId }) => ({
      name,
      attributes,
      events: events.map((event) => ({ name: event.name, ...event.attributes })),
      links: links.map(
        (id) => spans.find((one) => one.spanId === id)?.attributes["http.request.resend_count"] ?? id,
      ),
      below: tree(spans, spanId),
    }));
}

/** The ports of the attempts of one call, in their order. */
export function portsOf(spans: readonly SeenSpan[]): readonly number[] {
  return spans
    .filter(({ name }) => name === "GET attempt")
    .toSorted((a, b) => resends(a) - resends(b))
    .map(({ attributes }) => Number(attributes["network.peer.port"]));
}

function resends({ attributes }: SeenSpan): number {
  return Number(attributes["http.request.resend_count"] ?? 0);
}
