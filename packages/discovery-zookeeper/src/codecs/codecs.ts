import { isRecord } from "@proxyless/core/discovery";

import type { ZookeeperCodec, ZookeeperNode } from "./codec.ts";
import { curator, springCloud } from "./curator.ts";
import { dubbo, dubboInterface } from "./dubbo.ts";
import { readJson } from "./fields.ts";
import { goMicro, hertz, kratos } from "./go-frameworks.ts";
import { json, text } from "./plain.ts";
import { serverset } from "./serverset.ts";

/**
 * Reads each node as what it looks like: every format has a mark that no other one has. A node without a known mark makes
 * no sense. It writes as Spring Cloud does.
 */
const auto: ZookeeperCodec = {
  name: "auto",
  path: "/services/{service}",
  decode: (node, context) => codecOf(node)?.decode(node, context),
  arrange: (nodes, context) =>
    nodes.some(({ node }) => node.name.startsWith("vector_"))
      ? serverset.arrange?.(nodes, context)
      : undefined,
  encode: (instance) => springCloud.encode?.(instance),
};

function codecOf(node: ZookeeperNode): ZookeeperCodec | undefined {
  if (/^[a-z][a-z0-9+.-]*%3A%2F%2F/i.test(node.name)) return dubboInterface;
  const fields = readJson(node);
  if (fields === undefined) return text;
  const {
    payload,
    serviceType,
    serviceEndpoint,
    vector,
    nodes,
    endpoints,
    Weight: weight,
    Tags: tags,
  } = fields;
  if (serviceEndpoint !== undefined || (vector !== undefined && node.name.startsWith("vector_")))
    return serverset;
  if (serviceType !== undefined || (isRecord(payload) && payload["@class"] !== undefined)) return dubbo;
  if (Array.isArray(nodes)) return goMicro;
  if (Array.isArray(endpoints)) return kratos;
  if (weight !== undefined || tags !== undefined) return hertz;
  return json;
}

/** The formats that are known: what other frameworks write into ZooKeeper, and read there. */
export const codecs: {
  readonly auto: ZookeeperCodec;
  readonly curator: ZookeeperCodec;
  readonly springCloud: ZookeeperCodec;
  readonly dubbo: ZookeeperCodec;
  readonly dubboInterface: ZookeeperCodec;
  readonly serverset: ZookeeperCodec;
  readonly kratos: ZookeeperCodec;
  readonly goMicro: ZookeeperCodec;
  readonly hertz: ZookeeperCodec;
  readonly json: ZookeeperCodec;
  readonly text: ZookeeperCodec;
} = Object.freeze({
  auto,
  curator,
  springCloud,
  dubbo,
  dubboInterface,
  serverset,
  kratos,
  goMicro,
  hertz,
  json,
  text,
});
