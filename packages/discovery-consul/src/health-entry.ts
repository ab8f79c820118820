import type { Endpoint, Health, Locality } from "@proxyless/core";
import { isRecord } from "@proxyless/core/discovery";

import { readAddress } from "./entry-address.ts";
import { isGoMicroTag, readGoMicroTags } from "./go-micro-tags.ts";

/** How entries are read. */
export interface EntryReading {
  readonly addressTag?: string | undefined;
  readonly zoneKey?: string | undefined;
  /** The registered weight that counts as 1. */
  readonly weightBase: number;
  /** Whoever merges several places puts their names in front of the ids. */
  readonly isPart?: boolean;
}

/** One entry of a health answer, read. */
export interface DecodedEntry {
  readonly endpoint: Endpoint;
  /** The node it runs on. */
  readonly node: string;
}

/** The first few nodes tell as much about a token's rights as all. */
const toldNodes = 5;

/** The list of a health answer, read entry by entry. */
export class DecodedEntries {
  readonly #endpoints: Endpoint[] = [];
  readonly #ids = new Set<string>();
  readonly #nodes = new Set<string>();
  #skipped = 0;
  #ignored = 0;

  /** The next entry; `ignored` for one that is not for HTTP clients, `undefined` for one that cannot be used. */
  add(entry: DecodedEntry | "ignored" | undefined): void {
    if (entry === "ignored") {
      this.#ignored++;
      return;
    }
    if (entry === undefined || this.#ids.has(entry.endpoint.id)) {
      this.#skipped++;
      return;
    }
    this.#ids.add(entry.endpoint.id);
    this.#endpoints.push(entry.endpoint);
    if (this.#nodes.size < toldNodes) this.#nodes.add(entry.node);
  }

  get endpoints(): readonly Endpoint[] {
    return this.#endpoints;
  }

  /** Some of the nodes they run on. */
  get nodes(): readonly string[] {
    return [...this.#nodes];
  }

  /** Entries without a usable identity or address, and repeated ones. */
  get skipped(): number {
    return this.#skipped;
  }

  /** Entries that are not for HTTP clients, which is no mistake. */
  get ignored(): number {
    return this.#ignored;
  }
}

type Fields = Readonly<Record<string, unknown>>;

const maxMetadataKeys = 64;
const maxTagText = 1024;

/**
 * Reads the JSON of `/v1/health/service/:service`, whoever registered the instances: plain registrations, Spring Cloud,
 * Kratos, Kitex and Hertz, go-micro, fabio and Traefik tags. One bad entry is skipped and counted, never the whole list.
 * @param priority of all of them
 * @returns `undefined` when it is no list at all
 */
export function decodeEntries(
  json: unknown,
  reading: EntryReading,
  priority = 0,
): DecodedEntries | undefined {
  if (!Array.isArray(json)) return undefined;
  const decoded = new DecodedEntries();
  for (const raw of json) decoded.add(decodeEntry(raw, reading, priority));
  return decoded;
}

/**
 * Reads one entry; `undefined` when it has no usable identity or address, `ignored` when its addresses are URLs of other protocols
 * than HTTP.
 */
export function decodeEntry(
  raw: unknown,
  reading: EntryReading,
  priority = 0,
): DecodedEntry | "ignored" | undefined {
  if (!isRecord(raw) || !isRecord(raw["Node"]) || !isRecord(raw["Service"])) return undefined;
  const { Node: node, Service: service } = raw;
  const id = identity(node, service, reading.isPart === true);
  const address = readAddress({ node, service }, reading.addressTag);
  if (id === undefined || address === undefined) return undefined;
  if (address === "ignored") return address;
  const tags = stringList(service["Tags"]);
  const goMicro = readGoMicroTags(tags);
  const metadata = readMetadata(strings(service["Meta"]), tags, goMicro.metadata);
  const health = readHealth(raw["Checks"]);
  const scheme = address.scheme ?? readScheme(metadata, tags);
  const version = metadata["version"] ?? goMicro.version;
  const locality = readLocality({ node, service, metadata }, reading.zoneKey);
  const endpoint = {
    id,
    host: address.host,
    port: address.port,
    weight: readWeight(service["Weights"], health) / reading.weightBase,
    priority,
    health,
    metadata,
    ...(scheme === undefined ? {} : { scheme }),
    ...(version === undefined || version === "" ? {} : { version }),
    ...(locality === undefined ? {} : { locality }),
  };
  return { endpoint, node: String(node["Node"]) };
}

/** Service ids are unique on one agent only, so the node, and what holds the node, belong to the identity. */
function identity(node: Fields, service: Fields, isPart: boolean): string | undefined {
  const { Node: name } = node;
  const { ID: id } = service;
  if (typeof name !== "string" || name === "" || typeof id !== "string" || id === "") return undefined;
  const peer = service["PeerName"] ?? node["PeerName"];
  const from = typeof peer === "string" && peer !== "" && !isPart ? [`peer-${peer}`] : [];
  const around = [isPart ? undefined : node["Datacenter"], service["Partition"], service["Namespace"]];
  const outer = around.filter((part) => typeof part === "string" && part !== "" && part !== "default");
  return [...from, ...outer, name, id].join("/");
}

/** Maintenance is a critical check with a reserved name; it is a wish to leave, not an illness. */
function readHealth(checks: unknown): Health {
  if (!Array.isArray(checks)) return "unknown";
  let worst: Health = "healthy";
  for (const check of checks) {
    if (!isRecord(check)) continue;
    const { CheckID: id, Status: status } = check;
    if (id === "_node_maintenance" || (typeof id === "string" && id.startsWith("_service_maintenance:"))) {
      return "draining";
    }
    if (status === "critical") worst = "unhealthy";
    else if (worst === "unhealthy" || status === "passing") continue;
    else if (status === "warning") worst = "degraded";
    else if (worst === "healthy") worst = "unknown";
  }
  return worst;
}

/** Consul before 1.2.3 has no weights; absent means 1. */
function readWeight(weights: unknown, health: Health): number {
  if (!isRecord(weights)) return 1;
  const weight = health === "degraded" ? weights["Warning"] : weights["Passing"];
  return typeof weight === "number" && Number.isFinite(weight) && weight >= 0 ? weight : 1;
}

/** Metadata, then what tags of the form `key=value` or `key:value` add to it, then the plain tags as one list. */
function readMetadata(
  meta: Record<string, string>,
  tags: readonly string[],
  more: Readonly<Record<string, string>>,
): Record<string, string> {
  const metadata = { ...more, ...meta };
  const plain: string[] = [];
  let room = maxMetadataKeys - 1 - Object.keys(metadata).length;
  for (const tag of tags) {
    if (isGoMicroTag(tag) || /^(urlprefix-|traefik\.)/.test(tag)) continue;
    const [, key, value] = /^([A-Za-z0-9_.-]{1,128})[=:](.{0,512})$/.exec(tag) ?? [];
    if (key === undefined || value === undefined) plain.push(tag);
    else if (room > 0 && !Object.hasOwn(metadata, key) && key !== "__proto__") {
      metadata[key] = value;
      room--;
    }
  }
  if (plain.length > 0 && room >= 0) metadata["tags"] ??= plain.join(",").slice(0, maxTagText);
  return metadata;
}

/** Spring Cloud says it in `secure`; fabio and Traefik in a tag. */
function readScheme(
  metadata: Readonly<Record<string, string>>,
  tags: readonly string[],
): "http" | "https" | undefined {
  if (metadata["secure"] === "true") return "https";
  if (metadata["secure"] === "false") return "http";
  for (const tag of tags) {
    const found = tag.startsWith("urlprefix-")
      ? /\sproto=(https?)(?:\s|$)/.exec(tag)
      : /^traefik\.http\.services\.[^.]+\.loadbalancer\.server\.scheme=(https?)$/i.exec(tag);
    if (found !== null) return found[1] === "https" ? "https" : "http";
  }
  return undefined;
}

/** The zone may be metadata, or a tag that became metadata (Kitex, old Spring Cloud). */
function readLocality(
  from: {
    readonly node: Fields;
    readonly service: Fields;
    readonly metadata: Readonly<Record<string, string>>;
  },
  zoneKey: string | undefined,
): Locality | undefined {
  const { node, service, metadata } = from;
  const nodeMeta = strings(node["Meta"]);
  const own = strings(service["Locality"] ?? node["Locality"]);
  const zone =
    zoneKey === undefined
      ? (metadata["zone"] ?? own["Zone"] ?? nodeMeta["zone"] ?? nodeMeta["availability_zone"])
      : (metadata[zoneKey] ?? nodeMeta[zoneKey]);
  const region = own["Region"] ?? node["Datacenter"];
  const hasZone = zone !== undefined && zone !== "";
  const hasRegion = typeof region === "string" && region !== "";
  if (!hasZone && !hasRegion) return undefined;
  return { ...(hasRegion ? { region } : {}), ...(hasZone ? { zone } : {}) };
}

/** The string values of an object; empty when it is none. */
function strings(value: unknown): Record<string, string> {
  const found: Record<string, string> = {};
  if (!isRecord(value)) return found;
  for (const [key, item] of Object.entries(value)) {
    if (typeof item === "string" && key !== "__proto__") found[key] = item;
  }
  return found;
}

function stringList(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
}
