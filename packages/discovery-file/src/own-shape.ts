import type { Endpoint, Health, Locality } from "@proxyless/core";
import { hostPort, isRecord } from "@proxyless/core/discovery";
import type { Sliceable } from "@proxyless/core/discovery";

import { parseAddress } from "./draft.ts";
import type { Draft } from "./draft.ts";

/** As many entries as are read in one piece. */
const piece = 64;

const fields: ReadonlySet<string> = new Set<keyof Endpoint>([
  "id",
  "host",
  "port",
  "scheme",
  "serverName",
  "weight",
  "priority",
  "locality",
  "health",
  "version",
  "metadata",
]);
const healths: ReadonlySet<unknown> = new Set<Health>([
  "healthy",
  "degraded",
  "unhealthy",
  "draining",
  "starting",
  "unknown",
]);

/**
 * Reads a list of this package's own shape: `"host:port"`, `"http://host:port"`, or an object with the fields of an endpoint
 * of which only `host` and `port` have to be there. A misspelt field makes an entry unusable rather than be ignored.
 */
export function* readOwn(list: readonly unknown[]): Sliceable<readonly Draft[]> {
  const drafts: Draft[] = [];
  for (const [i, entry] of list.entries()) {
    if (i % piece === 0) yield;
    drafts.push(readEntry(entry));
  }
  return drafts;
}

function readEntry(entry: unknown): Draft {
  if (typeof entry === "string") return readText(entry);
  if (!isRecord(entry) || Object.keys(entry).some((key) => !fields.has(key))) return undefined;
  const { id, host, port, scheme, serverName, weight, priority, locality, health, version, metadata } = entry;
  if (typeof host !== "string" || typeof port !== "number") return undefined;
  if (scheme !== undefined && scheme !== "http" && scheme !== "https") return undefined;
  if (health !== undefined && !isHealth(health)) return undefined;
  if (!isOptional(weight, "number") || !isOptional(priority, "number")) return undefined;
  if (!isOptional(id, "string") || !isOptional(serverName, "string") || !isOptional(version, "string")) {
    return undefined;
  }
  if (locality !== undefined && !isLocality(locality)) return undefined;
  if (metadata !== undefined && !isTexts(metadata)) return undefined;
  return {
    id: id ?? hostPort(host, port),
    host,
    port,
    ...(scheme === undefined ? {} : { scheme }),
    ...(serverName === undefined ? {} : { serverName }),
    weight: weight ?? 1,
    priority: priority ?? 0,
    ...(locality === undefined ? {} : { locality }),
    health: health ?? "healthy",
    ...(version === undefined ? {} : { version }),
    metadata: metadata ?? {},
  };
}

function readText(entry: string): Draft {
  const match = /^(?<scheme>https?):\/\/(?<address>[^/?#]+)\/?$/u.exec(entry)?.groups;
  const scheme = match?.["scheme"];
  const isKnown = scheme === "http" || scheme === "https";
  const address = parseAddress(
    match?.["address"] ?? entry,
    isKnown ? (scheme === "http" ? 80 : 443) : undefined,
  );
  if (address === undefined) return undefined;
  return {
    id: hostPort(address.host, address.port),
    ...address,
    ...(isKnown ? { scheme } : {}),
    weight: 1,
    priority: 0,
    health: "healthy",
    metadata: {},
  };
}

function isHealth(value: unknown): value is Health {
  return healths.has(value);
}

function isOptional(value: unknown, type: "number"): value is number | undefined;
function isOptional(value: unknown, type: "string"): value is string | undefined;
function isOptional(value: unknown, type: "number" | "string"): boolean {
  return value === undefined || typeof value === type;
}

function isLocality(value: unknown): value is Locality {
  if (!isTexts(value)) return false;
  return Object.keys(value).every((key) => key === "region" || key === "zone" || key === "subZone");
}

function isTexts(value: unknown): value is Readonly<Record<string, string>> {
  return isRecord(value) && Object.values(value).every((each) => typeof each === "string");
}
