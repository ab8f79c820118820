import type { Endpoint } from "@proxyless/core";
import { isForeignUrl, isRecord, readHost, readPort } from "@proxyless/core/discovery";

import type { ZookeeperNode } from "./codec.ts";

const maxMetadataKeys = 48;
const maxValueLength = 512;

/** What an endpoint is made of where a format says so much. */
export interface EndpointParts {
  readonly id: string;
  readonly host: unknown;
  readonly port: unknown;
  readonly scheme?: "http" | "https" | undefined;
  readonly weight?: number | undefined;
  readonly priority?: number | undefined;
  readonly health?: Endpoint["health"];
  readonly version?: string | undefined;
  readonly zone?: string | undefined;
  readonly metadata?: Readonly<Record<string, string>>;
}

/** Makes an endpoint; `undefined` when host or port is none. A version and a zone are taken from the metadata as well. */
export function makeEndpoint(parts: EndpointParts): Endpoint | undefined {
  const { id, host, port, metadata = {}, weight = 1, priority = 0, health = "healthy", scheme } = parts;
  const address = readHost(host);
  const number = readPort(port);
  if (address === undefined || number === undefined) return undefined;
  const version = parts.version ?? metadata["version"] ?? "";
  const zone = parts.zone ?? metadata["zone"] ?? "";
  return {
    id,
    host: address,
    port: number,
    weight: Number.isFinite(weight) && weight >= 0 ? weight : 1,
    priority,
    health,
    metadata,
    ...(scheme === undefined ? {} : { scheme }),
    ...(version === "" ? {} : { version }),
    ...(zone === "" ? {} : { locality: { zone } }),
  };
}

/** The JSON object that a node holds; `undefined` when it is none. */
export function readJson({ data }: ZookeeperNode): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(textOf(data));
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

export function textOf(data: Uint8Array): string {
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString("utf8").trim();
}

/** The texts, numbers and truth values of an object, as texts; so many of them as an endpoint may have. */
export function strings(value: unknown): Record<string, string> {
  const found: Record<string, string> = {};
  if (!isRecord(value)) return found;
  let room = maxMetadataKeys;
  for (const [key, item] of Object.entries(value)) {
    const isScalar = typeof item === "string" || typeof item === "number" || typeof item === "boolean";
    if (!isScalar || key === "__proto__" || key.length > 128 || String(item).length > maxValueLength)
      continue;
    if (room-- === 0) break;
    found[key] = String(item);
  }
  return found;
}

/** `host:port`, `[::1]:8080`, `http://host:port`, `https://host`. */
export function readAddress(
  text: string,
): { host: string; port: number; scheme: "http" | "https" | undefined } | undefined {
  const isUrl = text.includes("://");
  const whole = isUrl ? text : `http://${text}`;
  if (!URL.canParse(whole)) return undefined;
  const url = new URL(whole);
  const isSecure = url.protocol === "https:" || url.searchParams.get("isSecure") === "true";
  if (url.protocol !== "http:" && url.protocol !== "https:") return undefined;
  // A URL leaves out the usual port; an address that has none is no address.
  if (!isUrl && !/:\d{1,5}$/.test(text)) return undefined;
  const port = url.port === "" ? (url.protocol === "https:" ? 443 : 80) : Number(url.port);
  return { host: url.hostname, port, scheme: isUrl ? (isSecure ? "https" : "http") : undefined };
}

/** A node without an address to call: it makes no sense, unless all it has are URLs of other protocols than HTTP. */
export function uncallable(addresses: readonly unknown[]): "ignored" | undefined {
  return addresses.length > 0 && addresses.every(isForeignUrl) ? "ignored" : undefined;
}

/** A weight as texts and numbers give it, so that the usual one is 1; 1 where it is none. */
export function relativeWeight(value: unknown, usual: number, base: number | undefined): number {
  const weight = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
  if (typeof weight !== "number" || !Number.isFinite(weight) || weight < 0) return 1;
  return weight / (base ?? usual);
}
