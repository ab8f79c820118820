import type { Endpoint, Health } from "@proxyless/core";
import { isRecord } from "@proxyless/core/discovery";

import { readHostPort } from "./entry-address.ts";

/** One key and its value. */
export interface ConsulKvEntry {
  /** After the prefix, without a slash before it; empty for the prefix itself. */
  readonly key: string;
  /** Decoded. */
  readonly value: string;
}

/** What a codec makes of an entry; what is absent is normal (weight 1, priority 0, healthy, no metadata). */
export type ConsulKvEndpoint = Pick<Endpoint, "host" | "port"> & Partial<Endpoint>;

/** Reads what somebody writes into keys and values. */
export interface ConsulKvCodec {
  /** Different for codecs that read differently: sources with the same one share their watches. */
  readonly name: string;
  /** The endpoints of an entry; `undefined` for one that is none and should not count as a bad one. Throws for a bad one. */
  decode(entry: ConsulKvEntry): readonly ConsulKvEndpoint[] | undefined;
}

/** The codecs that are built in. */
export type ConsulKvCodecName = "json" | "apisix";

const healths: readonly Health[] = ["healthy", "degraded", "unhealthy", "draining", "starting", "unknown"];

/**
 * `json`: `host:port`, a JSON string of that, an object with `host` and `port` (or `address: "host:port"`) and whatever
 * else an endpoint has, or an array of these. `apisix`: the key is `host:port`, the value `{"weight": …}` or nothing.
 */
export const kvCodecs: Readonly<Record<ConsulKvCodecName, ConsulKvCodec>> = {
  json: { name: "json", decode: ({ value }) => readJson(value) },
  apisix: { name: "apisix", decode: ({ key, value }) => [readApisix(key, value)] },
};

function readJson(text: string): readonly ConsulKvEndpoint[] {
  const plain = readHostPort(text.trim());
  if (plain !== undefined) return [plain];
  const value: unknown = JSON.parse(text);
  return (Array.isArray(value) ? value : [value]).map(readItem);
}

function readItem(item: unknown): ConsulKvEndpoint {
  if (typeof item === "string") return located(readHostPort(item));
  if (!isRecord(item)) throw new TypeError("neither an address nor an object");
  const { address, host, port, weight, priority, health, scheme, version, serverName, id, metadata } = item;
  const place = located(
    typeof address === "string"
      ? readHostPort(address)
      : readHostPort(`${String(host).includes(":") ? `[${String(host)}]` : String(host)}:${String(port)}`),
  );
  const { region, zone, subZone } = isRecord(item["locality"]) ? item["locality"] : item;
  const known = healths.find((one) => one === health);
  if (health !== undefined && known === undefined) throw new TypeError("an unknown health");
  const locality = texts({ region, zone, subZone });
  return {
    ...place,
    ...(weight === undefined ? {} : { weight: count(weight) }),
    ...(priority === undefined ? {} : { priority: count(priority) }),
    ...(known === undefined ? {} : { health: known }),
    ...(scheme === "http" || scheme === "https" ? { scheme } : {}),
    ...texts({ version, serverName, id }),
    ...(Object.keys(locality).length === 0 ? {} : { locality }),
    ...(isRecord(metadata) ? { metadata: texts(metadata) } : {}),
  };
}

function readApisix(key: string, text: string): ConsulKvEndpoint {
  const place = located(readHostPort(key.slice(key.lastIndexOf("/") + 1)));
  const value: unknown = text.trim() === "" ? {} : JSON.parse(text);
  if (!isRecord(value)) throw new TypeError("no object");
  const { weight } = value;
  return weight === undefined ? place : { ...place, weight: count(weight) };
}

function located(place: { host: string; port: number } | undefined): { host: string; port: number } {
  if (place === undefined) throw new TypeError("no address");
  return place;
}

function count(value: unknown): number {
  const number = typeof value === "string" && value !== "" ? Number(value) : value;
  if (typeof number !== "number" || !Number.isFinite(number) || number < 0) throw new TypeError("no number");
  return number;
}

/** The fields that are text and not empty. */
function texts(fields: Readonly<Record<string, unknown>>): Record<string, string> {
  const found: Record<string, string> = {};
  for (const [key, value] of Object.entries(fields)) {
    if (typeof value === "string" && value !== "" && key !== "__proto__") found[key] = value;
  }
  return found;
}
