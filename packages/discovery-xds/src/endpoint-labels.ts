import type { Health } from "@proxyless/core";

import type { Value } from "./basic-messages.ts";
import type { LbEndpoint } from "./endpoint-messages.ts";

/** `envoy.config.core.v3.HealthStatus` by number; what is new counts as unknown. */
const healths: readonly Health[] = ["unknown", "healthy", "unhealthy", "draining", "unhealthy", "degraded"];

/** What the control plane says of an endpoint's health. `TIMEOUT` is unhealthy. */
export function readHealth(status: number): Health {
  return healths[status] ?? "unknown";
}

/** What the mesh can filter by. */
export interface EndpointLabels {
  readonly metadata: Readonly<Record<string, string>>;
  readonly version: string | undefined;
}

const none: EndpointLabels = Object.freeze({ metadata: Object.freeze({}), version: undefined });
const maxKeys = 60;
const maxLength = 256;

/**
 * The metadata of `envoy.lb`, which is what Envoy chooses subsets by: text, numbers and truth values. The host name of an
 * endpoint is under `hostname`. Too many keys and too long values are left out, or the mesh would refuse the endpoint.
 */
export function readLabels(entry: LbEndpoint): EndpointLabels {
  const hostname = entry.endpoint?.hostname ?? "";
  const struct = entry.metadata?.filterMetadata["envoy.lb"];
  if (hostname === "" && struct === undefined) return none;
  const metadata: Record<string, string> = {};
  let count = 0;
  for (const [key, value] of Object.entries(struct?.fields ?? {})) {
    const text = textOf(value);
    if (text === undefined || key === "__proto__" || count === maxKeys) continue;
    if (key.length > maxLength || text.length > maxLength) continue;
    metadata[key] = text;
    count++;
  }
  if (hostname !== "" && hostname.length <= maxLength) metadata["hostname"] ??= hostname;
  const { version = "" } = metadata;
  return { metadata, version: isLabel(version) ? version : undefined };
}

/** Of the fields that a value may have only the one counts that is its own: the others are there with nothing in them. */
function textOf(value: Value): string | undefined {
  for (const key of ["stringValue", "numberValue", "boolValue"] as const) {
    if (Object.hasOwn(value, key)) return String(value[key]);
  }
  return undefined;
}

function isLabel(text: string): boolean {
  // eslint-disable-next-line no-control-regex -- control characters are what it looks for
  return text !== "" && !/[\u0000-\u001F\u007F]/u.test(text);
}
