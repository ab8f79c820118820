import { hostPort, isRecord } from "@proxyless/core/discovery";

import type { InstanceToWrite, ZookeeperCodec } from "./codec.ts";
import { readCurator } from "./curator.ts";
import { makeEndpoint, readJson, relativeWeight, strings } from "./fields.ts";

/** Dubbo's protocols that HTTP clients can speak to. */
const httpProtocols = new Set(["tri", "rest", "http", "https"]);
const usualWeight = 100;

/**
 * Dubbo 3 at the level of applications: Curator's `ServiceInstance`, with the ports of each protocol in its metadata. It is only read:
 * a consumer uses an instance after it asked its RPC `MetadataService` which interfaces the instance has.
 */
export const dubbo: ZookeeperCodec = {
  name: "dubbo",
  path: "/services/{service}",
  decode: (node, context) => {
    const json = readJson(node);
    const payload = json?.["payload"];
    if (json === undefined) return undefined;
    const metadata = isRecord(payload) && isRecord(payload["metadata"]) ? payload["metadata"] : {};
    const ports = metadata["dubbo.endpoints"];
    if (ports === undefined) {
      const plain = readCurator(node.name, json, context);
      return plain === undefined ? undefined : [plain];
    }
    const port = httpPort(ports);
    if (typeof port !== "number") return port;
    const endpoint = readCurator(node.name, json, context, port);
    if (endpoint === undefined) return undefined;
    return [{ ...endpoint, weight: relativeWeight(metadata["weight"], usualWeight, context.weightBase) }];
  },
};

/** The port of the first protocol that HTTP clients can speak to; `ignored` when there is none. */
function httpPort(text: unknown): number | "ignored" | undefined {
  try {
    const list: unknown = JSON.parse(String(text));
    if (!Array.isArray(list)) return undefined;
    const entries: readonly unknown[] = list;
    for (const entry of entries) {
      if (!isRecord(entry) || typeof entry["port"] !== "number") continue;
      if (httpProtocols.has(String(entry["protocol"]))) return entry["port"];
    }
    return "ignored";
  } catch {
    return undefined;
  }
}

/** Dubbo at the level of interfaces: the node's name is the whole URL of the provider. */
export const dubboInterface: ZookeeperCodec = {
  name: "dubboInterface",
  path: "/dubbo/{service}/providers",
  readsData: false,
  decode: ({ name }, context) => {
    const url = readProvider(name);
    if (url === undefined) return undefined;
    const [, protocol = "", address = ""] = url;
    if (!httpProtocols.has(protocol)) return "ignored";
    const parameters = strings(Object.fromEntries(new URLSearchParams(url[3] ?? "")));
    const [, host, port] = /^(?:[^@]*@)?(\[[^\]]+\]|[^:]+):(\d{1,5})$/.exec(address) ?? [];
    const { version, group, weight, disabled, enabled } = parameters;
    // The whole name may be longer than an id can be, and has what changes with every start.
    const rest = [group, version].filter((part) => part !== undefined && part !== "").join(":");
    const endpoint = makeEndpoint({
      id: `${protocol}://${address}${rest === "" ? "" : `/${rest}`}`,
      host,
      port,
      scheme: protocol === "https" || parameters["ssl-enabled"] === "true" ? "https" : undefined,
      weight: relativeWeight(weight, usualWeight, context.weightBase),
      health: disabled === "true" || enabled === "false" ? "draining" : "healthy",
      metadata: { ...parameters, protocol },
    });
    return endpoint === undefined ? undefined : [endpoint];
  },
  encode: (instance) => {
    if (instance.status !== "up" && instance.status !== "degraded") return undefined;
    const { service, host, port, registeredAt, weight, metadata, scheme } = instance;
    const protocol = metadata["protocol"] ?? "rest";
    const parameters: Record<string, string> = {
      application: service,
      ...parametersOf(instance),
      category: "providers",
      dubbo: "2.0.2",
      dynamic: "true",
      interface: service,
      side: "provider",
      timestamp: String(Math.round(registeredAt)),
      ...(weight === 1 ? {} : { weight: String(weight * usualWeight) }),
      ...(scheme === "https" ? { "ssl-enabled": "true" } : {}),
    };
    const query = Object.keys(parameters)
      .toSorted()
      .map((key) => `${key}=${(parameters[key] ?? "").replaceAll(/[%&=+#]/g, encodeURIComponent)}`)
      .join("&");
    return {
      name: javaEncoded(`${protocol}://${hostPort(host, port)}/${service}?${query}`),
      data: host,
    };
  },
};

/** Protocol, address and parameters of an encoded provider URL. */
function readProvider(name: string): RegExpExecArray | undefined {
  try {
    const text = decodeURIComponent(name.replaceAll("+", " "));
    return /^([a-z][a-z0-9+.-]*):\/\/([^/?#]+)(?:\/[^?#]*)?(?:\?(.*))?$/s.exec(text) ?? undefined;
  } catch {
    return undefined;
  }
}

function parametersOf({ metadata, version }: InstanceToWrite): Record<string, string> {
  const { protocol: _, ...rest } = metadata;
  return { ...rest, ...(version === undefined ? {} : { version }) };
}

/** As `java.net.URLEncoder` does it, so that the names are the same as Dubbo's own. */
function javaEncoded(text: string): string {
  return encodeURIComponent(text)
    .replaceAll("%20", "+")
    .replaceAll(/[!'()~]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
}
