import type { Endpoint, Health, Locality } from "@proxyless/core";
import { isRecord } from "@proxyless/core/discovery";

import { readAddress } from "./instance-address.ts";
import type { AddressChoice } from "./instance-address.ts";

/** How instances are read. */
export interface InstanceReading extends AddressChoice {
  /** The `weight` in the metadata that counts as 1. */
  readonly weightBase: number;
}

/** An instance as the registry knows it: also one that is no endpoint, because the registry counts it. */
export interface InstanceRecord {
  /** In upper case. */
  readonly app: string;
  readonly id: string;
  /** As the registry counts it: `UP`, `DOWN`, `STARTING`, `OUT_OF_SERVICE`, `UNKNOWN`. */
  readonly status: string;
  /** What happened to it, in a delta. */
  readonly action: string | undefined;
  /** When that happened, by the server's clock; orders what one server says of one instance. */
  readonly updatedAt: number | undefined;
  readonly endpoint: Endpoint | undefined;
  /** It is no endpoint, and that is no mistake. */
  readonly isIgnored: boolean;
}

type Fields = Readonly<Record<string, unknown>>;

const maxMetadataKeys = 64;
const health: ReadonlyMap<string, Health> = new Map([
  ["UP", "healthy"],
  ["DOWN", "unhealthy"],
  ["STARTING", "starting"],
  ["OUT_OF_SERVICE", "draining"],
]);

/** Reads one instance of Eureka's JSON; `undefined` when nobody could tell which instance it is. */
export function readInstance(
  raw: unknown,
  app: unknown,
  reading: InstanceReading,
): InstanceRecord | undefined {
  if (!isRecord(raw)) return undefined;
  const name = textOf(raw["app"]) ?? textOf(app);
  const id = idOf(raw);
  if (name === undefined || id === undefined) return undefined;
  const upper = name.toUpperCase();
  const status = (textOf(raw["status"]) ?? "UNKNOWN").toUpperCase();
  const endpoint = endpointOf(raw, `${upper}/${id}`, status, reading);
  return {
    app: upper,
    id,
    status: health.has(status) ? status : "UNKNOWN",
    action: textOf(raw["actionType"]),
    updatedAt: numberOf(raw["lastUpdatedTimestamp"]),
    endpoint: endpoint === "ignored" ? undefined : endpoint,
    isIgnored: endpoint === "ignored",
  };
}

/** Old writers have no `instanceId`: there the cloud's id, or the host name, is the identity. */
function idOf(fields: Fields): string | undefined {
  return textOf(fields["instanceId"]) ?? textOf(cloudOf(fields)["instance-id"]) ?? textOf(fields["hostName"]);
}

function endpointOf(
  fields: Fields,
  id: string,
  status: string,
  reading: InstanceReading,
): Endpoint | "ignored" | undefined {
  const address = readAddress(fields, reading);
  if (address === undefined || address === "ignored") return address;
  const metadata = metadataOf(fields["metadata"]);
  const locality = localityOf(fields, metadata);
  // Kratos writes it with a capital.
  const version = metadata["version"] ?? metadata["Version"];
  return {
    id,
    host: address.host,
    port: address.port,
    scheme: address.scheme,
    ...(address.serverName === undefined ? {} : { serverName: address.serverName }),
    weight: weightOf(metadata["weight"]) / reading.weightBase,
    priority: 0,
    health: healthOf(fields, status),
    ...(locality === undefined ? {} : { locality }),
    ...(version === undefined || version === "" ? {} : { version }),
    metadata,
  };
}

/** An instance that is down or starting says so itself; only over that comes what an operator wants it to be. */
function healthOf(fields: Fields, status: string): Health {
  const own = health.get(status) ?? "unknown";
  if (status === "DOWN" || status === "STARTING") return own;
  const override = textOf(fields["overriddenStatus"]) ?? textOf(fields["overriddenstatus"]) ?? "UNKNOWN";
  return health.get(override.toUpperCase()) ?? own;
}

function weightOf(text: string | undefined): number {
  const weight = text === undefined || text.trim() === "" ? Number.NaN : Number(text);
  return Number.isFinite(weight) && weight >= 0 ? weight : 1;
}

function localityOf(fields: Fields, metadata: Readonly<Record<string, string>>): Locality | undefined {
  const zone = metadata["zone"] ?? textOf(cloudOf(fields)["availability-zone"]);
  const { region } = metadata;
  const hasZone = zone !== undefined && zone !== "";
  const hasRegion = region !== undefined && region !== "";
  if (!hasZone && !hasRegion) return undefined;
  return { ...(hasRegion ? { region } : {}), ...(hasZone ? { zone } : {}) };
}

/** Values may be numbers or booleans; `@class` is a remark of the server's serialiser, alone in an empty map. */
function metadataOf(value: unknown): Record<string, string> {
  const metadata: Record<string, string> = {};
  if (!isRecord(value)) return metadata;
  let room = maxMetadataKeys;
  for (const [key, item] of Object.entries(value)) {
    if (key === "@class" || key === "__proto__" || room === 0) continue;
    if (typeof item !== "string" && typeof item !== "number" && typeof item !== "boolean") continue;
    metadata[key] = String(item);
    room--;
  }
  return metadata;
}

function cloudOf(fields: Fields): Fields {
  const center = fields["dataCenterInfo"];
  return isRecord(center) && isRecord(center["metadata"]) ? center["metadata"] : {};
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** Timestamps are numbers or text. */
function numberOf(value: unknown): number | undefined {
  const number = typeof value === "string" && /^\d{1,16}$/.test(value) ? Number(value) : value;
  return typeof number === "number" && Number.isFinite(number) ? number : undefined;
}
