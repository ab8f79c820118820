import type { Attributes } from "@opentelemetry/api";

/** Both, without what is undefined. */
export function withDefined(attributes: Attributes, own: Attributes): Attributes {
  const all: Attributes = { ...attributes };
  for (const [name, value] of Object.entries(own)) if (value !== undefined) all[name] = value;
  return all;
}

/** @param endpoint `host:port`, an IPv6 address in brackets */
export function endpointAttributes(endpoint: string): Attributes {
  const colon = endpoint.lastIndexOf(":");
  const host = endpoint.slice(0, colon);
  return {
    "network.peer.address": host.startsWith("[") ? host.slice(1, -1) : host,
    "network.peer.port": Number(endpoint.slice(colon + 1)),
  };
}
