import type { Endpoint } from "@proxyless/core";
import { hostPort, isRecord } from "@proxyless/core/discovery";

import type { DecodeContext, ZookeeperCodec, ZookeeperNode } from "./codec.ts";
import {
  makeEndpoint,
  readAddress,
  readJson,
  relativeWeight,
  strings,
  textOf,
  uncallable,
} from "./fields.ts";

const healths: readonly Endpoint["health"][] = [
  "healthy",
  "degraded",
  "unhealthy",
  "draining",
  "starting",
  "unknown",
];

const healthOf = {
  starting: "starting",
  up: "healthy",
  degraded: "degraded",
  down: "unhealthy",
  "out-of-service": "draining",
} as const;

/** An address as text: go-kit's instance strings, `host:port` or a URL; where a node is empty, its name is the text. */
export const text: ZookeeperCodec = {
  name: "text",
  path: "/services/{service}",
  decode: (node) => {
    const written = textOf(node.data);
    const own = written === "" ? node.name : written;
    const address = readAddress(own);
    const endpoint = address === undefined ? undefined : makeEndpoint({ ...address, id: node.name });
    return endpoint === undefined ? uncallable([own]) : [endpoint];
  },
  encode: ({ id, host, port, scheme, status }) => {
    if (status !== "up" && status !== "degraded") return undefined;
    return { name: id, data: scheme === "https" ? `https://${hostPort(host, port)}` : hostPort(host, port) };
  },
};

/** A plain JSON object: `host` (or `address`, also with its port) and `port`, and what an endpoint has besides. */
export const json: ZookeeperCodec = {
  name: "json",
  path: "/services/{service}",
  decode: (node, context) => decodeJson(node, context),
  encode: ({ id, host, port, scheme, weight, version, zone, metadata, status }) => ({
    name: id,
    data: JSON.stringify({
      host,
      port,
      scheme,
      weight,
      ...(version === undefined ? {} : { version }),
      ...(zone === undefined ? {} : { zone }),
      health: healthOf[status],
      metadata,
    }),
  }),
};

function decodeJson(
  node: ZookeeperNode,
  context: DecodeContext,
): readonly Endpoint[] | "ignored" | undefined {
  const fields = readJson(node);
  if (fields === undefined) return undefined;
  const { host = fields["address"] ?? fields["ip"], port, scheme, weight, version, zone, health } = fields;
  const isKnown = scheme === "http" || scheme === "https";
  const written = port === undefined && typeof host === "string" ? readAddress(host) : undefined;
  const place = written ?? { host, port, scheme: undefined };
  const metadata = strings(isRecord(fields["metadata"]) ? fields["metadata"] : fields["tags"]);
  const said = healths.find((each) => each === health);
  const endpoint = makeEndpoint({
    ...place,
    id: node.name,
    scheme: isKnown ? scheme : place.scheme,
    weight: relativeWeight(weight ?? metadata["weight"], 1, context.weightBase),
    version: typeof version === "string" ? version : undefined,
    zone: typeof zone === "string" ? zone : undefined,
    metadata,
    ...(said === undefined ? {} : { health: said }),
  });
  return endpoint === undefined ? uncallable([host]) : [endpoint];
}
