import type { Endpoint, Health } from "@proxyless/core";
import { hostPort, isRecord } from "@proxyless/core/discovery";
import type { RegistrationStatus } from "@proxyless/core/discovery";

import type { DecodedNode, ZookeeperCodec, ZookeeperNode } from "./codec.ts";
import { makeEndpoint, readJson, strings } from "./fields.ts";

const healthOf: Readonly<Record<string, Health>> = {
  ALIVE: "healthy",
  WARNING: "degraded",
  STARTING: "starting",
  STOPPING: "draining",
  STOPPED: "draining",
  DEAD: "unhealthy",
};

const wordOf: Readonly<Record<RegistrationStatus, string>> = {
  starting: "STARTING",
  up: "ALIVE",
  degraded: "WARNING",
  down: "DEAD",
  "out-of-service": "STOPPING",
};

/** One rule of a vector: whom it is for, and how its weight is multiplied. */
interface VectorRule {
  readonly key: string;
  readonly value: string;
  readonly weight: number;
}

/** Finagle's serversets: one `member_` node per instance, and `vector_` nodes that weigh them. */
export const serverset: ZookeeperCodec = {
  name: "serverset",
  path: "/{service}",
  decode: (node, context) => {
    if (!node.name.startsWith("member_")) return "ignored";
    const json = readJson(node);
    if (json === undefined) return undefined;
    const named = isRecord(json["additionalEndpoints"]) ? json["additionalEndpoints"] : {};
    const chosen = context.endpointName === undefined ? undefined : named[context.endpointName];
    const address = chosen ?? json["serviceEndpoint"];
    if (!isRecord(address)) return undefined;
    const shard = json["shard"];
    const endpoint = makeEndpoint({
      id: node.name,
      host: address["host"],
      port: address["port"],
      health: healthOf[String(json["status"])] ?? "unknown",
      metadata: {
        ...strings(json["metadata"]),
        ...(typeof shard === "number" ? { shard: String(shard) } : {}),
      },
    });
    return endpoint === undefined ? undefined : [endpoint];
  },
  arrange: (nodes) => {
    const rules = nodes.flatMap(({ node }) => (node.name.startsWith("vector_") ? readVector(node) : []));
    if (rules.length === 0) return undefined;
    const endpoints = nodes.flatMap((decoded) => decoded.endpoints);
    const inet = new Map(nodes.map((decoded) => [decoded.node.name, inetOf(decoded)]));
    return endpoints.map((endpoint) => weighed(endpoint, inet.get(endpoint.id), rules));
  },
  encode: (instance) => {
    const { host, port, metadata, version, zone, status } = instance;
    const { shard, ...others } = metadata;
    const all = {
      ...others,
      ...(version === undefined ? {} : { version }),
      ...(zone === undefined ? {} : { zone }),
    };
    const address = { host, port };
    return {
      name: "member_",
      isSequential: true,
      data: JSON.stringify({
        serviceEndpoint: address,
        additionalEndpoints: { [instance.scheme]: address },
        status: wordOf[status],
        ...(shard === undefined || !/^\d+$/.test(shard) ? {} : { shard: Number(shard) }),
        ...(Object.keys(all).length === 0 ? {} : { metadata: all }),
      }),
    };
  },
};

/** A vector that makes no sense weighs nothing: Finagle leaves it out as well. */
function readVector(node: ZookeeperNode): readonly VectorRule[] {
  const vector = readJson(node)?.["vector"];
  if (!Array.isArray(vector)) return [];
  const entries: readonly unknown[] = vector;
  return entries.flatMap((entry) => {
    if (!isRecord(entry) || typeof entry["select"] !== "string") return [];
    const [, key, value] = /^(inet|member|shard)=(.+)$/.exec(entry["select"]) ?? [];
    const { weight } = entry;
    if (key === undefined || value === undefined) return [];
    const isWeight = typeof weight === "number" && Number.isFinite(weight) && weight >= 0;
    return [{ key, value, weight: isWeight ? weight : 1 }];
  });
}

/** The main address of a member, which vectors select by, whichever of its endpoints is used. */
function inetOf({ node }: DecodedNode): string | undefined {
  const address = readJson(node)?.["serviceEndpoint"];
  return isRecord(address) ? hostPort(String(address["host"]), Number(address["port"])) : undefined;
}

/** Weights are multiplied over every rule that selects the member. */
function weighed(endpoint: Endpoint, inet: string | undefined, rules: readonly VectorRule[]): Endpoint {
  let { weight } = endpoint;
  const own: Readonly<Record<string, string | undefined>> = {
    inet,
    member: endpoint.id,
    shard: endpoint.metadata["shard"],
  };
  for (const rule of rules) if (own[rule.key] === rule.value) weight *= rule.weight;
  return { ...endpoint, weight };
}
