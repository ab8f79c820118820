import type { Endpoint } from "@proxyless/core";
import { hostPort, isRecord } from "@proxyless/core/discovery";

import type { InstanceToWrite, ZookeeperCodec } from "./codec.ts";
import { makeEndpoint, readAddress, readJson, relativeWeight, strings, uncallable } from "./fields.ts";

function isListed({ status }: InstanceToWrite): boolean {
  return status === "up" || status === "degraded";
}

/** Kratos: one URL per protocol; the first that HTTP clients can speak to is used. */
export const kratos: ZookeeperCodec = {
  name: "kratos",
  path: "/microservices/{service}",
  decode: (node, context) => {
    const json = readJson(node);
    const urls = json?.["endpoints"];
    if (json === undefined || !Array.isArray(urls)) return undefined;
    // The services of other names that share a prefix are elsewhere in a tree; a wrong name is a wrong node.
    const metadata = strings(json["metadata"]);
    const texts: readonly unknown[] = urls;
    for (const text of texts) {
      const address = typeof text === "string" && text.startsWith("http") ? readAddress(text) : undefined;
      if (address === undefined) continue;
      const endpoint = makeEndpoint({
        ...address,
        id: node.name,
        version: typeof json["version"] === "string" ? json["version"] : undefined,
        weight: relativeWeight(metadata["weight"], 100, context.weightBase),
        metadata,
      });
      return endpoint === undefined ? undefined : [endpoint];
    }
    return uncallable(texts);
  },
  encode: (instance) => {
    if (!isListed(instance)) return undefined;
    const { id, service, version = "", zone, metadata, scheme, host, port, weight } = instance;
    return {
      name: id,
      data: JSON.stringify({
        id,
        name: service,
        version,
        metadata: {
          ...metadata,
          ...(zone === undefined ? {} : { zone }),
          ...(weight === 1 ? {} : { weight: String(weight * 100) }),
        },
        endpoints: [`${scheme}://${hostPort(host, port)}`],
      }),
    };
  },
};

/** go-micro: the addresses are in `nodes`; `endpoints` are its methods. */
export const goMicro: ZookeeperCodec = {
  name: "goMicro",
  path: "/micro-registry/{service}",
  decode: (node, context) => {
    const json = readJson(node);
    const nodes = json?.["nodes"];
    if (json === undefined || !Array.isArray(nodes)) return undefined;
    const common = strings(json["metadata"]);
    const version = typeof json["version"] === "string" ? json["version"] : undefined;
    const entries: readonly unknown[] = nodes;
    const endpoints = entries.flatMap((entry, i): readonly Endpoint[] => {
      if (!isRecord(entry)) return [];
      const address = String(entry["address"]);
      // Its first version wrote the port beside the address.
      const place =
        typeof entry["port"] === "number" && entry["port"] > 0
          ? { host: address, port: entry["port"] }
          : readAddress(address);
      if (place === undefined) return [];
      const metadata = { ...common, ...strings(entry["metadata"]) };
      const endpoint = makeEndpoint({
        ...place,
        id: i === 0 ? node.name : `${node.name}/${i}`,
        version,
        weight: relativeWeight(metadata["weight"], 1, context.weightBase),
        metadata,
      });
      return endpoint === undefined ? [] : [endpoint];
    });
    if (endpoints.length > 0) return endpoints;
    return uncallable(entries.map((entry) => (isRecord(entry) ? entry["address"] : entry)));
  },
  encode: (instance) => {
    if (!isListed(instance)) return undefined;
    const { id, service, version = "", zone, metadata, host, port, weight } = instance;
    const own = {
      ...metadata,
      ...(zone === undefined ? {} : { zone }),
      ...(weight === 1 ? {} : { weight: String(weight) }),
    };
    return {
      name: id.replaceAll("/", "-"),
      data: JSON.stringify({
        name: service,
        version,
        metadata: null,
        endpoints: [],
        nodes: [{ id, address: hostPort(host, port), metadata: own }],
      }),
    };
  },
};

/** Hertz and Kitex: the address is the node's name, weight and tags are its data. */
export const hertz: ZookeeperCodec = {
  name: "hertz",
  path: "/{service}",
  decode: (node, context) => {
    const address = readAddress(node.name);
    const json = readJson(node);
    if (address === undefined || json === undefined) return undefined;
    const { Weight: weight } = json;
    const metadata = strings(json["Tags"]);
    const isUsual = typeof weight !== "number" || weight <= 0;
    const endpoint = makeEndpoint({
      ...address,
      id: node.name,
      weight: isUsual ? 1 : relativeWeight(weight, 10, context.weightBase),
      metadata,
    });
    return endpoint === undefined ? undefined : [endpoint];
  },
  encode: (instance) => {
    if (!isListed(instance)) return undefined;
    const { host, port, weight, version, zone, metadata } = instance;
    const tags = {
      ...metadata,
      ...(version === undefined ? {} : { version }),
      ...(zone === undefined ? {} : { zone }),
    };
    return { name: hostPort(host, port), data: JSON.stringify({ Weight: weight * 10, Tags: tags }) };
  },
};
