import type { SeenSpan } from "../../test/telemetry/support/span-tree.ts";

/** A span as OTLP has it. */
export interface OtlpSpan extends SeenSpan {
  readonly traceId: string;
  /** 3: client. */
  readonly kind: number;
}

/** What a log record says of where it belongs. */
export interface OtlpLog {
  readonly eventName: string;
  readonly traceId: string;
  readonly spanId: string;
}

/** The spans in one export of traces. */
export function spansOf(body: unknown): readonly OtlpSpan[] {
  return items(body, "resourceSpans")
    .flatMap((resource) => items(resource, "scopeSpans"))
    .flatMap((scope) => items(scope, "spans"))
    .map((span) => ({
      traceId: String(field(span, "traceId")),
      spanId: String(field(span, "spanId")),
      parentId: parentOf(span),
      name: String(field(span, "name")),
      kind: Number(field(span, "kind")),
      startedAt: BigInt(String(field(span, "startTimeUnixNano"))),
      attributes: attributesOf(span),
      events: items(span, "events").map((event) => ({
        name: String(field(event, "name")),
        attributes: attributesOf(event),
      })),
      links: items(span, "links").map((link) => String(field(link, "spanId"))),
    }));
}

/** The records in one export of logs. */
export function logsOf(body: unknown): readonly OtlpLog[] {
  return items(body, "resourceLogs")
    .flatMap((resource) => items(resource, "scopeLogs"))
    .flatMap((scope) => items(scope, "logRecords"))
    .map((record) => ({
      eventName: String(field(record, "eventName")),
      traceId: String(field(record, "traceId")),
      spanId: String(field(record, "spanId")),
    }));
}

/** What has no parent names none, or an empty one. */
function parentOf(span: unknown): string | undefined {
  const id = field(span, "parentSpanId");
  return typeof id === "string" && id !== "" ? id : undefined;
}

/** The sums in one export of metrics: name, and the value of each series. */
export function sumsOf(
  body: unknown,
): readonly { readonly name: string; readonly values: readonly number[] }[] {
  return items(body, "resourceMetrics")
    .flatMap((resource) => items(resource, "scopeMetrics"))
    .flatMap((scope) => items(scope, "metrics"))
    .map((metric) => ({
      name: String(field(metric, "name")),
      values: items(field(metric, "sum"), "dataPoints").map((point) =>
        Number(field(point, "asInt") ?? field(point, "asDouble")),
      ),
    }));
}

function attributesOf(of: unknown): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    items(of, "attributes").map((one) => [String(field(one, "key")), plain(field(one, "value"))]),
  );
}

/** Whole numbers come as texts: JSON has no 64 bits. */
function plain(value: unknown): unknown {
  const whole = field(value, "intValue");
  if (whole !== undefined) return Number(whole);
  return field(value, "stringValue") ?? field(value, "boolValue") ?? field(value, "doubleValue");
}

function field(of: unknown, name: string): unknown {
  return typeof of === "object" && of !== null ? Reflect.get(of, name) : undefined;
}

/** A list that is left out is empty. */
function items(of: unknown, name: string): readonly unknown[] {
  const found = field(of, name);
  return Array.isArray(found) ? found : [];
}
