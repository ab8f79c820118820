import { isUtf8 } from "node:buffer";

import type { Endpoint } from "@proxyless/core";
import { isForeignUrl, isRecord } from "@proxyless/core/discovery";

import { makeAddress, readAddress } from "./address.ts";
import type { EtcdReading } from "./codec.ts";
import { endpointOf, readHealth, readMetadata, readWeight } from "./labels.ts";

/** One entry on its way to endpoints. */
export interface Entry {
  readonly key: string;
  readonly reading: EtcdReading;
}

/** The fields of a value that is a JSON object. */
export type Fields = Readonly<Record<string, unknown>>;

/** Reads the fields of one format; `undefined` when they are of another. */
export type Shape = (fields: Fields, entry: Entry) => readonly Endpoint[] | "skip" | undefined;

/** A value as text; `undefined` when it is none. */
function textOf(value: Uint8Array): string | undefined {
  return isUtf8(value) ? Buffer.from(value).toString("utf8") : undefined;
}

/** A value as the fields of a JSON object; `undefined` when it is none. */
export function fieldsOf(value: Uint8Array): Fields | undefined {
  const text = textOf(value);
  if (text === undefined || !text.trimStart().startsWith("{")) return undefined;
  try {
    const json: unknown = JSON.parse(text);
    return isRecord(json) ? json : undefined;
  } catch {
    return undefined;
  }
}

/** `{"Op":0,"Addr":"h:p","Metadata":any}`, of etcd's own `naming/endpoints`. */
export const grpcNamingShape: Shape = (fields, { key, reading }) => {
  if (!("Addr" in fields)) return undefined;
  // Another operation than "add", or no address, is nobody; etcd's own reader leaves both out.
  if (fields["Addr"] === "" || (fields["Op"] !== undefined && fields["Op"] !== 0)) return [];
  const address = readAddress(fields["Addr"]);
  if (address === undefined) return uncallable([fields["Addr"]]);
  const metadata = readMetadata(fields["Metadata"]);
  const weight = readWeight(metadata["weight"], reading.weightBase ?? 1);
  return [endpointOf({ id: key, address, metadata, weight })];
};

/** `{"id","name","version","metadata","endpoints":["http://h:p?isSecure=false","grpc://h:p"]}`, of Kratos. */
export const kratosShape: Shape = (fields, { key, reading }) => {
  const { endpoints, name } = fields;
  if (!Array.isArray(endpoints) || "nodes" in fields) return undefined;
  if (typeof name === "string" && name !== reading.service) return [];
  const address = endpoints.map(readAddress).find((one) => one?.scheme !== undefined);
  if (address === undefined) return uncallable(endpoints);
  const metadata = readMetadata(fields["metadata"]);
  const weight = readWeight(metadata["weight"], reading.weightBase ?? 100);
  return [endpointOf({ id: key, address, metadata, weight, version: fields["version"] })];
};

/** `{"name","version","metadata","endpoints":[…],"nodes":[{"id","address":"h:p","metadata"}]}`, of go-micro. */
export const goMicroShape: Shape = (fields, { key, reading }) => {
  const { name, nodes } = fields;
  if (!Array.isArray(nodes)) return undefined;
  if (typeof name === "string" && name !== reading.service) return [];
  const found: Endpoint[] = [];
  for (const node of nodes) {
    if (!isRecord(node)) continue;
    // Old versions have the port apart.
    const address = readAddress(node["address"]) ?? makeAddress(node["address"], node["port"]);
    if (address === undefined) continue;
    const metadata = readMetadata(node["metadata"]);
    const weight = readWeight(metadata["weight"], reading.weightBase ?? 1);
    const id = nodes.length === 1 || typeof node["id"] !== "string" ? key : `${key}#${node["id"]}`;
    found.push(endpointOf({ id, address, metadata, weight, version: fields["version"] }));
  }
  if (found.length > 0) return found;
  return uncallable(nodes.map((node: unknown) => (isRecord(node) ? node["address"] : node)));
};

/** `{"network":"tcp","address":"h:p","weight":10,"tags":{}}`, of Kitex and Hertz. */
export const kitexShape: Shape = (fields, { key, reading }) => {
  if (typeof fields["network"] !== "string" || !("address" in fields)) return undefined;
  const address = readAddress(fields["address"]);
  if (address === undefined) return uncallable([fields["address"]]);
  const metadata = readMetadata(fields["tags"]);
  const given = readWeight(fields["weight"], reading.weightBase ?? 10);
  // Kitex takes none, and less, for its default.
  const weight = given === undefined || given === 0 ? 1 : given;
  return [endpointOf({ id: key, address, metadata, weight })];
};

/**
 * Everything else that is an object: `host` and `port`, or an `address`, `addr` or `url`; SkyDNS and CoreDNS write the
 * first. `health`, `weight`, `priority`, `version`, `zone`, `region`, `scheme` and `metadata` are taken where they are.
 */
export const plainShape: Shape = (fields, { key, reading }) => {
  const { host, port, metadata: given, health, weight, priority, version } = fields;
  const where = fields["address"] ?? fields["addr"] ?? fields["url"];
  const address = makeAddress(host, port) ?? readAddress(where) ?? makeAddress(where, port);
  if (address === undefined) return uncallable([where]);
  const { zone, region, scheme } = fields;
  const metadata = readMetadata(given);
  const places = readMetadata({ zone, region, scheme });
  const endpoint = endpointOf({
    id: key,
    address,
    metadata: { ...metadata, ...places },
    weight: readWeight(weight ?? metadata["weight"], reading.weightBase ?? 1),
    version,
    priority,
  });
  return [{ ...endpoint, metadata, health: readHealth(health) ?? endpoint.health }];
};

/** Text that is the address itself, of go-zero and go-kit. */
export function readBareAddress(
  value: Uint8Array,
  { key }: Pick<Entry, "key">,
): readonly Endpoint[] | "skip" {
  const text = textOf(value)?.trim();
  const address = readAddress(text);
  return address === undefined ? uncallable([text]) : [endpointOf({ id: key, address, metadata: {} })];
}

/** An entry without an address to call: it makes no sense, unless all it has are URLs of other protocols than HTTP. */
function uncallable(addresses: readonly unknown[]): readonly Endpoint[] | "skip" {
  return addresses.length > 0 && addresses.every(isForeignUrl) ? [] : "skip";
}
