import type { Endpoint, Health } from "@proxyless/core";
import { isRecord } from "@proxyless/core/discovery";
import type { RegistrationStatus } from "@proxyless/core/discovery";

import type { DecodeContext, InstanceToWrite, ZookeeperCodec, ZookeeperNode } from "./codec.ts";
import { makeEndpoint, readAddress, readJson, relativeWeight, strings } from "./fields.ts";

type Fields = Readonly<Record<string, unknown>>;

const uriSpec = {
  parts: [
    { value: "scheme", variable: true },
    { value: "://", variable: false },
    { value: "address", variable: true },
    { value: ":", variable: false },
    { value: "port", variable: true },
  ],
};

/** What Spring Cloud's `instance_status` means; everything but `UP` keeps its own clients away. */
const healthOf: Readonly<Record<string, Health>> = {
  UP: "healthy",
  STARTING: "starting",
  DOWN: "unhealthy",
  OUT_OF_SERVICE: "draining",
};

const wordOf: Readonly<Record<RegistrationStatus, string>> = {
  starting: "STARTING",
  up: "UP",
  // Spring Cloud has no word for it, and would call an instance of any other word no more.
  degraded: "UP",
  down: "DOWN",
  "out-of-service": "OUT_OF_SERVICE",
};

/** Curator's `ServiceInstance`, whatever its payload. */
export const curator: ZookeeperCodec = {
  name: "curator",
  path: "/services/{service}",
  decode: decodeCurator,
  encode: (instance) => {
    // Without a payload there is no place for a status but this one.
    const isListed = instance.status === "up" || instance.status === "degraded";
    return { name: instance.id, data: writeCurator(instance, null, isListed ? {} : { enabled: false }) };
  },
};

/** Spring Cloud Zookeeper: Curator's `ServiceInstance` with metadata and a status in its payload. */
export const springCloud: ZookeeperCodec = {
  name: "springCloud",
  path: "/services/{service}",
  decode: decodeCurator,
  encode: (instance) => ({
    name: instance.id,
    data: writeCurator(instance, {
      "@class": "org.springframework.cloud.zookeeper.discovery.ZookeeperInstance",
      id: instance.id,
      name: instance.service,
      metadata: metadataOf(instance),
    }),
  }),
};

/** Reads a Curator instance; also one with Spring Cloud's or Dubbo's payload. */
function decodeCurator(node: ZookeeperNode, context: DecodeContext): readonly Endpoint[] | undefined {
  const json = readJson(node);
  if (json === undefined) return undefined;
  const endpoint = readCurator(node.name, json, context);
  return endpoint === undefined ? undefined : [endpoint];
}

/** The same of parsed JSON; `port` is another one to use than its own. */
export function readCurator(
  id: string,
  json: Fields,
  context: DecodeContext,
  port?: number,
): Endpoint | undefined {
  const metadata = payloadMetadata(json["payload"]);
  const isSecure = typeof json["sslPort"] === "number";
  const own = isSecure ? json["sslPort"] : json["port"];
  const address =
    typeof own === "number" || port !== undefined
      ? { host: json["address"], port: port ?? own, scheme: isSecure ? ("https" as const) : undefined }
      : writtenOut(json["uriSpec"]);
  if (address === undefined) return undefined;
  const status = metadata["instance_status"]?.toUpperCase();
  return makeEndpoint({
    ...address,
    id,
    weight: relativeWeight(metadata["weight"], 1, context.weightBase),
    // Absent means yes: Curator leaves it out for the sake of its older versions.
    health:
      json["enabled"] === false
        ? "draining"
        : status === undefined
          ? "healthy"
          : (healthOf[status] ?? "unknown"),
    metadata,
  });
}

/** Spring Cloud and Dubbo keep it in `metadata`; a payload of one's own may be the metadata itself. */
function payloadMetadata(payload: unknown): Record<string, string> {
  if (!isRecord(payload)) return {};
  return strings(isRecord(payload["metadata"]) ? payload["metadata"] : withoutClass(payload));
}

function withoutClass(payload: Fields): Fields {
  return Object.fromEntries(Object.entries(payload).filter(([key]) => key !== "@class"));
}

/** A URI that is written out instead of made of variables. */
function writtenOut(spec: unknown): ReturnType<typeof readAddress> {
  if (!isRecord(spec) || !Array.isArray(spec["parts"])) return undefined;
  const parts: readonly unknown[] = spec["parts"];
  let text = "";
  for (const part of parts) {
    if (!isRecord(part) || part["variable"] === true || typeof part["value"] !== "string") return undefined;
    text += part["value"];
  }
  return readAddress(text);
}

/** In the order of fields that Curator's serializer has. */
function writeCurator(instance: InstanceToWrite, payload: object | null, more: object = {}): string {
  const { service, id, host, port, scheme, registeredAt } = instance;
  return JSON.stringify({
    name: service,
    id,
    address: host,
    port,
    sslPort: scheme === "https" ? port : null,
    payload,
    registrationTimeUTC: Math.round(registeredAt),
    serviceType: "DYNAMIC",
    uriSpec,
    ...more,
  });
}

function metadataOf(instance: InstanceToWrite): Record<string, string> {
  const { metadata, version, zone, weight, status } = instance;
  return {
    ...metadata,
    ...(version === undefined ? {} : { version }),
    ...(zone === undefined ? {} : { zone }),
    ...(weight === 1 ? {} : { weight: String(weight) }),
    instance_status: wordOf[status],
  };
}
