import { plainText } from "@proxyless/core";
import type { MeshEvent, TraceIds } from "@proxyless/core";

import type { LogFields } from "./logger.ts";

/** Where OpenTelemetry has a name for what a field says, it is that one, as on spans; every other is `proxyless.` and its own. */
const names = new Map([
  ["service", "server.address"],
  ["method", "http.request.method"],
  ["status", "http.response.status_code"],
  ["error", "error.type"],
  ["path", "url.path"],
  ["template", "url.template"],
  ["protocol", "network.protocol.version"],
  ["requestBytes", "http.request.body.size"],
  ["responseBytes", "http.response.body.size"],
]);

/** Said in another way than by its value. */
const special = new Set(["type", "trace", "tags"]);

/** The fields of an event as a line has them: flat, without what is undefined, with the ids of its trace. */
export function fieldsOf(event: MeshEvent): Record<string, unknown> {
  const fields: Record<string, unknown> = { "event.name": `proxyless.${event.type}` };
  for (const [key, value] of Object.entries(event)) {
    if (!special.has(key)) put(fields, nameOf(key), value);
  }
  if ("tags" in event) {
    for (const [key, value] of Object.entries(event.tags ?? {})) {
      put(fields, `proxyless.tag.${key}`, value);
    }
  }
  return Object.assign(fields, traceFields(traceOf(event)));
}

/** The trace that an event belongs to; undefined where it belongs to no call, or nobody traces. */
export function traceOf(event: MeshEvent): TraceIds | undefined {
  return "trace" in event ? event.trace : undefined;
}

/** As OpenTelemetry names them in logs of other formats than its own. */
function traceFields(trace: TraceIds | undefined): LogFields {
  if (trace === undefined) return {};
  return { trace_id: trace.traceId, span_id: trace.spanId, trace_flags: trace.isSampled ? "01" : "00" };
}

/** No format of logs has a word for what is not finite. */
function put(fields: Record<string, unknown>, name: string, value: unknown): void {
  if (typeof value === "string") fields[name] = plainText(value);
  else if (typeof value === "boolean" || (typeof value === "number" && Number.isFinite(value))) {
    fields[name] = value;
  }
}

/** `durationMs` is `proxyless.duration_ms`. */
function nameOf(key: string): string {
  let name = names.get(key);
  if (name === undefined) {
    name = `proxyless.${key.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}`;
    names.set(key, name);
  }
  return name;
}
