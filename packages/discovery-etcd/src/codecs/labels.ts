import type { Endpoint, Health } from "@proxyless/core";
import { isRecord } from "@proxyless/core/discovery";

import type { Address } from "./address.ts";
import type { EtcdRegistration } from "./codec.ts";

/** Under which key of their metadata formats without a word for it carry the health. */
const healthKey = "proxyless-health";

/** What a format found out about an instance. */
export interface Found {
  readonly id: string;
  readonly address: Address;
  readonly metadata: Readonly<Record<string, string>>;
  /** 1 is normal. Default: 1. */
  readonly weight?: number | undefined;
  readonly version?: unknown;
  readonly priority?: unknown;
}

const healths: readonly Health[] = ["healthy", "degraded", "unhealthy", "draining", "starting", "unknown"];
const maxMetadataKeys = 64;

/** Makes an endpoint of it. An entry is there as long as somebody keeps it alive, so it is healthy unless it says otherwise. */
export function endpointOf({ id, address, metadata, weight, version, priority }: Found): Endpoint {
  const { zone, region } = metadata;
  const hasZone = zone !== undefined && zone !== "";
  const hasRegion = region !== undefined && region !== "";
  const label = typeof version === "string" && version !== "" ? version : metadata["version"];
  const scheme = address.scheme ?? schemeOf(metadata["scheme"]);
  return {
    id,
    host: address.host,
    port: address.port,
    weight: weight ?? 1,
    priority: typeof priority === "number" && Number.isInteger(priority) && priority >= 0 ? priority : 0,
    health: readHealth(metadata[healthKey]) ?? "healthy",
    metadata,
    ...(scheme === undefined ? {} : { scheme }),
    ...(label === undefined || label === "" ? {} : { version: label }),
    ...(hasZone || hasRegion
      ? { locality: { ...(hasRegion ? { region } : {}), ...(hasZone ? { zone } : {}) } }
      : {}),
  };
}

/** The strings, numbers and booleans of an object, as text; empty when it is none. */
export function readMetadata(value: unknown): Readonly<Record<string, string>> {
  const found: Record<string, string> = {};
  if (!isRecord(value)) return found;
  let room = maxMetadataKeys;
  for (const [key, item] of Object.entries(value)) {
    if (key === "__proto__" || room === 0) continue;
    if (typeof item !== "string" && typeof item !== "number" && typeof item !== "boolean") continue;
    found[key] = String(item);
    room--;
  }
  return found;
}

/** A weight as text or number, in units of `base`; `undefined` when it is none. */
export function readWeight(value: unknown, base: number): number | undefined {
  const number = typeof value === "string" && /^\d{1,9}(\.\d{1,6})?$/.test(value) ? Number(value) : value;
  return typeof number === "number" && Number.isFinite(number) && number >= 0 ? number / base : undefined;
}

export function readHealth(value: unknown): Health | undefined {
  return healths.find((one) => one === value);
}

/** The metadata of an instance in a format that has no other place for version, zone, scheme and health. */
export function writeMetadata(instance: EtcdRegistration): Record<string, string> {
  const { metadata, version, zone, scheme, health } = instance;
  return {
    ...metadata,
    ...(version === undefined ? {} : { version }),
    ...(zone === undefined ? {} : { zone }),
    ...(scheme === "https" ? { scheme } : {}),
    ...(health === "healthy" ? {} : { [healthKey]: health }),
  };
}

function schemeOf(value: string | undefined): "http" | "https" | undefined {
  return value === "http" || value === "https" ? value : undefined;
}
