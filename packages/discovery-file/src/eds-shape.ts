import type { Health, Locality } from "@proxyless/core";
import { hostPort, isRecord } from "@proxyless/core/discovery";
import type { Sliceable } from "@proxyless/core/discovery";

import { numberOf, textsOf } from "./draft.ts";
import type { Draft, ServiceDrafts } from "./draft.ts";

/** As many entries as are read in one piece. */
const piece = 64;

type Tree = Readonly<Record<string, unknown>>;

const healths: Readonly<Record<string, Health>> = {
  UNKNOWN: "unknown",
  HEALTHY: "healthy",
  UNHEALTHY: "unhealthy",
  DRAINING: "draining",
  TIMEOUT: "unhealthy",
  DEGRADED: "degraded",
};
/** The same as numbers, as protobuf's JSON may have enumerations. */
const healthOrder = ["UNKNOWN", "HEALTHY", "UNHEALTHY", "DRAINING", "TIMEOUT", "DEGRADED"];

/**
 * Reads Envoy's endpoint discovery as a file: a DiscoveryResponse (`resources`) of ClusterLoadAssignments, or one of these
 * alone, in protobuf's own spelling (`lb_endpoints`) or that of its JSON (`lbEndpoints`).
 * @returns what is wrong where there is no assignment in it
 */
export function* readEds(tree: Tree): Sliceable<ServiceDrafts | string> {
  const resources = field(tree, "resources");
  if (resources !== undefined && !Array.isArray(resources)) return "resources must be a list";
  const assignments: readonly unknown[] = resources ?? [tree];
  const found = new Map<string, readonly Draft[]>();
  for (const each of assignments) {
    const cluster = isRecord(each) ? field(each, "cluster_name") : undefined;
    if (!isRecord(each) || typeof cluster !== "string" || cluster === "") {
      return "a resource is no ClusterLoadAssignment with a cluster_name";
    }
    const localities = field(each, "endpoints") ?? [];
    if (!Array.isArray(localities)) return `endpoints of ${cluster} must be a list`;
    const drafts: Draft[] = [];
    for (const locality of localities) yield* readLocality(locality, drafts);
    found.set(cluster, drafts);
  }
  return found;
}

function* readLocality(tree: unknown, drafts: Draft[]): Sliceable<void> {
  const endpoints = isRecord(tree) ? (field(tree, "lb_endpoints") ?? []) : undefined;
  if (!isRecord(tree) || !Array.isArray(endpoints)) {
    drafts.push(undefined);
    return;
  }
  const written = tree["locality"];
  const parts = isRecord(written) ? written : {};
  const locality: Locality = {
    ...named("region", parts["region"]),
    ...named("zone", parts["zone"]),
    ...named("subZone", field(parts, "sub_zone")),
  };
  const priority = numberOf(tree["priority"]) ?? 0;
  for (const [i, each] of endpoints.entries()) {
    if (i % piece === 0) yield;
    drafts.push(readEndpoint(each, locality, priority));
  }
}

function readEndpoint(tree: unknown, locality: Locality, priority: number): Draft {
  if (!isRecord(tree)) return undefined;
  const endpoint = tree["endpoint"];
  const address = isRecord(endpoint) ? endpoint["address"] : undefined;
  const socket = isRecord(address) ? field(address, "socket_address") : undefined;
  if (!isRecord(socket)) return undefined;
  const host = socket["address"];
  const port = field(socket, "port_value");
  if (typeof host !== "string" || typeof port !== "number") return undefined;
  const weight = field(tree, "load_balancing_weight");
  const metadata = metadataOf(tree["metadata"]);
  const { version } = metadata;
  return {
    id: hostPort(host, port),
    host,
    port,
    // A wrapped number of protobuf is a bare one in its JSON; some writers keep the wrapping.
    weight: numberOf(isRecord(weight) ? weight["value"] : weight) ?? 1,
    priority,
    ...(Object.keys(locality).length === 0 ? {} : { locality }),
    health: healthOf(field(tree, "health_status")),
    ...(version === undefined || version === "" ? {} : { version }),
    metadata,
  };
}

/** The plain values of `envoy.lb`, by which Envoy itself tells endpoints apart. */
function metadataOf(tree: unknown): Readonly<Record<string, string>> {
  const filters = isRecord(tree) ? field(tree, "filter_metadata") : undefined;
  const balancing = isRecord(filters) ? filters["envoy.lb"] : undefined;
  return isRecord(balancing) ? textsOf(balancing) : {};
}

function healthOf(value: unknown): Health {
  const name = typeof value === "number" ? healthOrder[value] : value;
  // What newer versions may add says nothing that is known to be good.
  return value === undefined ? "unknown" : (healths[String(name)] ?? "unhealthy");
}

function named<K extends string>(key: K, value: unknown): Readonly<Partial<Record<K, string>>> {
  const empty: Partial<Record<K, string>> = {};
  if (typeof value !== "string" || value === "") return empty;
  empty[key] = value;
  return empty;
}

/** A field under its protobuf name or its JSON name. */
function field(tree: Tree, snake: string): unknown {
  const camel = snake.replaceAll(/_(?<letter>[a-z])/gu, (_, letter: string) => letter.toUpperCase());
  return tree[snake] ?? tree[camel];
}
