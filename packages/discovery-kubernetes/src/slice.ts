import { isIP } from "node:net";

import type { Health } from "@proxyless/core";
import { isRecord } from "@proxyless/core/discovery";

/** One port of a slice. */
export interface SlicePort {
  /** `""` for the only port of a service, which needs no name. */
  readonly name: string;
  /** `undefined`: the slice leaves the number to whoever calls. */
  readonly port: number | undefined;
  readonly appProtocol: string | undefined;
}

/** One endpoint of a slice, before it is known which port is wanted. */
export interface SliceEndpoint {
  /** The same in all slices that list it: the pod's uid, else what it names, else nothing. */
  readonly identity: string | undefined;
  readonly address: string;
  readonly family: 4 | 6;
  readonly health: Health;
  readonly zone: string | undefined;
  readonly region: string | undefined;
  readonly node: string | undefined;
  readonly hintedZones: readonly string[];
  readonly hintedNodes: readonly string[];
  /** What it is part of, without the zone. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** What an EndpointSlice says besides its endpoints. */
export interface SliceHead {
  readonly name: string;
  readonly service: string;
  /** Of all its addresses; `undefined` where they are names. */
  readonly family: 4 | 6 | undefined;
  readonly ports: readonly SlicePort[];
  /** Who wrote it. */
  readonly manager: string | undefined;
}

/** Its endpoints. */
interface ReadEndpoints {
  readonly endpoints: readonly SliceEndpoint[];
  /** Endpoints that could not be read, and those whose addresses are names. */
  readonly skipped: number;
  /** Some of its endpoints have no identity. */
  readonly hasNameless: boolean;
}

/** Where the endpoints of a slice stand in the line that told of it. */
interface Writing {
  readonly line: string;
  /** Begin and end of each endpoint in turn. */
  readonly spans: readonly number[];
}

/** An EndpointSlice, read. */
export interface Slice extends SliceHead, ReadEndpoints {
  /** `undefined` where it is not known how they were written. */
  readonly writing: Writing | undefined;
}

type Fields = Readonly<Record<string, unknown>>;

const serviceLabel = "kubernetes.io/service-name";
const managerLabel = "endpointslice.kubernetes.io/managed-by";

/**
 * Reads an EndpointSlice of `discovery.k8s.io` v1 or v1beta1. A bad endpoint is skipped and counted.
 * @returns `undefined` when it has no name or belongs to no service, so that nobody can tell what it is about
 */
export function readSlice(raw: unknown): Slice | undefined {
  const head = readHead(raw);
  if (head === undefined || !isRecord(raw)) return undefined;
  // Go writes an empty list as null.
  const listed = raw["endpoints"] ?? [];
  const items: readonly unknown[] = Array.isArray(listed) ? listed : [listed];
  return { ...head, ...readEndpoints(head, items), writing: undefined };
}

/** Reads what is not its endpoints. @returns `undefined` as {@link readSlice} does */
export function readHead(raw: unknown): SliceHead | undefined {
  if (!isRecord(raw) || !isRecord(raw["metadata"])) return undefined;
  const { name, labels } = raw["metadata"];
  const service = isRecord(labels) ? labels[serviceLabel] : undefined;
  if (typeof name !== "string" || name === "" || typeof service !== "string") return undefined;
  const manager = isRecord(labels) ? textOf(labels[managerLabel]) : undefined;
  return { name, service, family: familyOf(raw["addressType"]), ports: readPorts(raw["ports"]), manager };
}

/**
 * Reads the endpoints of a slice.
 * @param known those of them that were read before
 */
export function readEndpoints(
  { family, manager }: SliceHead,
  items: readonly unknown[],
  known: readonly (SliceEndpoint | undefined)[] = [],
): ReadEndpoints {
  const endpoints: SliceEndpoint[] = [];
  let hasNameless = false;
  for (let i = 0; i < items.length; i++) {
    const endpoint =
      family === undefined ? undefined : (known[i] ?? readSliceEndpoint(items[i], family, manager));
    if (endpoint === undefined) continue;
    endpoints.push(endpoint);
    hasNameless ||= endpoint.identity === undefined;
  }
  return { endpoints, skipped: items.length - endpoints.length, hasNameless };
}

function familyOf(type: unknown): 4 | 6 | undefined {
  if (type === "IPv4") return 4;
  return type === "IPv6" ? 6 : undefined;
}

/** TCP ports only. */
function readPorts(raw: unknown): readonly SlicePort[] {
  if (!Array.isArray(raw)) return [];
  const ports: SlicePort[] = [];
  for (const item of raw) {
    if (!isRecord(item)) continue;
    const { name, port, protocol, appProtocol } = item;
    if ((protocol ?? "TCP") !== "TCP") continue;
    const isNumber = typeof port === "number" && Number.isInteger(port) && port >= 1 && port <= 65_535;
    if (!isNumber && port !== undefined && port !== null) continue;
    ports.push({
      name: textOf(name) ?? "",
      port: isNumber ? port : undefined,
      appProtocol: textOf(appProtocol),
    });
  }
  return ports;
}

function readSliceEndpoint(
  raw: unknown,
  family: 4 | 6,
  manager: string | undefined,
): SliceEndpoint | undefined {
  if (!isRecord(raw) || !Array.isArray(raw["addresses"])) return undefined;
  // Those after the first have no meaning (the API says so).
  const address: unknown = raw["addresses"][0];
  if (typeof address !== "string" || isIP(address) !== family) return undefined;
  const topology = strings(raw["topology"] ?? raw["deprecatedTopology"]);
  const target = isRecord(raw["targetRef"]) ? raw["targetRef"] : {};
  const node = textOf(raw["nodeName"]) ?? topology["kubernetes.io/hostname"];
  return {
    identity: identityOf(target),
    address,
    family,
    health: readHealth(raw["conditions"]),
    zone: textOf(raw["zone"]) ?? topology["topology.kubernetes.io/zone"],
    region: topology["topology.kubernetes.io/region"],
    node,
    hintedZones: hintedNames(raw["hints"], "forZones"),
    hintedNodes: hintedNames(raw["hints"], "forNodes"),
    metadata: readMetadata(target, { node, hostname: textOf(raw["hostname"]), managedBy: manager }),
  };
}

/**
 * `ready` unsaid means true; `serving` unsaid means the same as `ready`; `terminating` unsaid means false. Whoever
 * terminates has said goodbye, whether or not it still serves.
 */
function readHealth(raw: unknown): Health {
  const conditions = isRecord(raw) ? raw : {};
  const ready = conditions["ready"] ?? true;
  const serving = conditions["serving"] ?? ready;
  if (conditions["terminating"] === true) return serving === true ? "draining" : "unhealthy";
  return ready === true && serving === true ? "healthy" : "unhealthy";
}

function identityOf(target: Fields): string | undefined {
  const uid = textOf(target["uid"]);
  if (uid !== undefined) return uid;
  const name = textOf(target["name"]);
  if (name === undefined) return undefined;
  return [textOf(target["kind"]) ?? "", textOf(target["namespace"]) ?? "", name].join("/");
}

function hintedNames(hints: unknown, key: string): readonly string[] {
  const list: unknown = isRecord(hints) ? hints[key] : undefined;
  if (!Array.isArray(list)) return [];
  return list.flatMap((item: unknown) => (isRecord(item) ? (textOf(item["name"]) ?? []) : []));
}

function readMetadata(
  target: Fields,
  more: Readonly<Record<string, string | undefined>>,
): Readonly<Record<string, string>> {
  const metadata: Record<string, string> = {};
  const name = textOf(target["name"]);
  const kind = textOf(target["kind"]);
  if (name !== undefined) metadata[kind === undefined || kind === "Pod" ? "pod" : "target"] = name;
  const namespace = textOf(target["namespace"]);
  if (namespace !== undefined) metadata["namespace"] = namespace;
  for (const [key, value] of Object.entries(more)) if (value !== undefined) metadata[key] = value;
  return metadata;
}

function strings(value: unknown): Readonly<Record<string, string>> {
  if (!isRecord(value)) return {};
  return Object.fromEntries(
    Object.entries(value).filter((item): item is [string, string] => textOf(item[1]) !== undefined),
  );
}

/** Longer texts are in nobody's names. */
function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" && value.length <= 253 ? value : undefined;
}
