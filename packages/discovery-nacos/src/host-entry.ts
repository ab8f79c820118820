import type { Endpoint, Health, Locality } from "@proxyless/core";
import { isRecord, readHost, readPort } from "@proxyless/core/discovery";
import type { Sliceable } from "@proxyless/core/discovery";

/** How entries are read. */
export interface HostReading {
  /** The service's name, as Nacos has it. */
  readonly service: string;
  /** The registered weight that counts as 1. */
  readonly weightBase: number;
  /** So few are healthy that the server calls all of them so: what it says of one means nothing. */
  readonly isProtected: boolean;
}

/** A list, read. */
export interface DecodedHosts {
  readonly endpoints: readonly Endpoint[];
  /** Entries without an address, and repeated ones. */
  readonly skipped: number;
}

type Fields = Readonly<Record<string, unknown>>;

const maxMetadataKeys = 64;
const usualCluster = "DEFAULT";
/** As many instances as are read in one piece. */
const piece = 64;

/** Reads the instances of a service. One bad entry is skipped and counted, never the whole list. */
export function* decodeHosts(hosts: readonly unknown[], reading: HostReading): Sliceable<DecodedHosts> {
  const endpoints = new Map<string, Endpoint>();
  let ignored = 0;
  for (const [i, raw] of hosts.entries()) {
    if (i % piece === 0) yield;
    const endpoint = decodeHost(raw, reading);
    if (endpoint === "ignored") ignored++;
    else if (endpoint !== undefined && !endpoints.has(endpoint.id)) endpoints.set(endpoint.id, endpoint);
  }
  return { endpoints: [...endpoints.values()], skipped: hosts.length - endpoints.size - ignored };
}

/** One instance; `ignored` for a door of Kratos that HTTP clients cannot use, which is no mistake. */
function decodeHost(raw: unknown, reading: HostReading): Endpoint | "ignored" | undefined {
  if (!isRecord(raw)) return undefined;
  const host = readHost(raw["ip"]);
  const port = readPort(raw["port"]);
  if (host === undefined || port === undefined) return undefined;
  const cluster = textOf(raw["clusterName"]) ?? usualCluster;
  const metadata = metadataOf(raw["metadata"]);
  const { version } = metadata;
  const scheme = schemeOf(metadata, reading);
  if (scheme === "other") return "ignored";
  const locality = localityOf(metadata, cluster);
  return {
    // What Nacos itself tells instances of a service apart by; `instanceId` is made of it, where there is one.
    id: textOf(raw["instanceId"]) ?? `${host}#${port}#${cluster}`,
    host,
    port,
    ...(scheme === undefined ? {} : { scheme }),
    weight: weightOf(raw["weight"]) / reading.weightBase,
    priority: 0,
    health: healthOf(raw, reading),
    ...(locality === undefined ? {} : { locality }),
    ...(version === undefined || version === "" ? {} : { version }),
    metadata,
  };
}

/**
 * Kratos registers the doors of a service under a name each, `orders.http`, and writes the scheme that it ends with into `kind` too;
 * any other `kind` is the user's own. Spring Cloud Alibaba says it in `secure`.
 */
function schemeOf(
  { kind = "", secure }: Readonly<Record<string, string>>,
  { service }: HostReading,
): "http" | "https" | "other" | undefined {
  if (kind !== "" && service.endsWith(`.${kind}`)) {
    return kind === "http" || kind === "https" ? kind : "other";
  }
  return secure === "true" ? "https" : secure === "false" ? "http" : undefined;
}

function healthOf(fields: Fields, { isProtected }: HostReading): Health {
  if (fields["enabled"] === false) return "draining";
  // `valid` is what servers before 1.0 say.
  const healthy = fields["healthy"] ?? fields["valid"];
  if (healthy === false) return "unhealthy";
  return healthy === true && !isProtected ? "healthy" : "unknown";
}

function weightOf(value: unknown): number {
  return typeof value === "number" && Number.isFinite(value) && value >= 0 ? value : 1;
}

/** A cluster with a name of its own is what Nacos has for a place; `zone` in the metadata is said more plainly. */
function localityOf(metadata: Readonly<Record<string, string>>, cluster: string): Locality | undefined {
  const { region } = metadata;
  const own = metadata["zone"] ?? "";
  const zone = own !== "" ? own : cluster === usualCluster ? undefined : cluster;
  const hasRegion = region !== undefined && region !== "";
  if (zone === undefined && !hasRegion) return undefined;
  return { ...(hasRegion ? { region } : {}), ...(zone === undefined ? {} : { zone }) };
}

function metadataOf(value: unknown): Record<string, string> {
  const metadata: Record<string, string> = {};
  if (!isRecord(value)) return metadata;
  let room = maxMetadataKeys;
  for (const [key, item] of Object.entries(value)) {
    if (key === "__proto__" || room === 0) continue;
    if (typeof item !== "string" && typeof item !== "number" && typeof item !== "boolean") continue;
    metadata[key] = String(item);
    room--;
  }
  return metadata;
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}
