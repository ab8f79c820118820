import { configError } from "../errors.ts";
import { hostPort } from "./host.ts";
import type { Endpoint } from "./source.ts";
import { isLoose, isProblem, readEndpoint } from "./validate-endpoint.ts";

/**
 * An endpoint as people write it in code: `"host:port"`, `"[::1]:8080"`, `"http://host:port"`, `"https://host"` (443
 * when no port is given, 80 for `http`), or an object with at least `host` and `port`. `id` is `host:port` when
 * absent, `weight` 1, `priority` 0 and `health` `healthy`.
 */
export type EndpointInput = string | (Pick<Endpoint, "host" | "port"> & Partial<Endpoint>);

const fields: ReadonlySet<string> = new Set<keyof Endpoint>([
  "id",
  "host",
  "port",
  "scheme",
  "serverName",
  "weight",
  "priority",
  "locality",
  "health",
  "version",
  "metadata",
]);

/**
 * @param field path of the option, for the error
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG` naming the field, what is legal and what came
 */
export function toEndpoint(input: unknown, field: string): Endpoint {
  const parts = typeof input === "string" ? parseAddress(input, field) : input;
  if (!isLoose(parts)) {
    throw configError(field, `"host:port", a URL or an object with host and port`, input);
  }
  for (const key of Object.keys(parts)) {
    if (!fields.has(key)) throw configError(`${field}.${key}`, `one of ${[...fields].join(", ")}`, key);
  }
  const { id, health } = parts;
  const read = readEndpoint({ ...parts, health: health ?? "healthy", id: id ?? "unnamed" });
  if (!isProblem(read)) {
    const { held: _, ...endpoint } = read;
    return Object.freeze({ ...endpoint, id: id === undefined ? hostPort(read.host, read.port) : read.id });
  }
  const path = typeof input === "string" || read.field === "entry" ? field : `${field}.${read.field}`;
  throw configError(path, read.expected, read.received);
}

/**
 * A list of them, with unique ids and addresses.
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG` like {@link toEndpoint}, and for a duplicate
 */
export function toEndpoints(inputs: unknown, field: string): readonly Endpoint[] {
  if (!Array.isArray(inputs)) throw configError(field, "an array of endpoints", inputs);
  const seen = new Set<string>();
  const endpoints = inputs.map((input: unknown, i) => toEndpoint(input, `${field}[${i}]`));
  for (const [i, { id, host, port }] of endpoints.entries()) {
    const address = hostPort(host, port);
    if (seen.has(`id ${id}`)) throw configError(`${field}[${i}].id`, "unique", id);
    if (seen.has(`at ${address}`)) throw configError(`${field}[${i}]`, "a unique address", address);
    seen.add(`id ${id}`).add(`at ${address}`);
  }
  return Object.freeze(endpoints);
}

interface Address {
  readonly scheme?: "http" | "https";
  readonly host: string;
  readonly port: number;
}

const plainAddress = /^(?:\[(?<v6>[^\]]*)\]|(?<host>[^:/?#@[\]]+)):(?<port>\d{1,5})$/u;

function parseAddress(input: string, field: string): Address {
  const match = plainAddress.exec(input)?.groups;
  if (match !== undefined) {
    return { host: match["v6"] ?? match["host"] ?? "", port: Number(match["port"]) };
  }
  if (input.includes("@")) {
    // The part before the @ may be a password: it stays out of the message.
    throw configError(field, "an address without credentials", "an address with credentials");
  }
  const url = URL.parse(input);
  const scheme = url?.protocol === "http:" ? "http" : "https";
  if (url === null || (url.protocol !== "http:" && url.protocol !== "https:")) {
    throw configError(field, `"host:port" or an http(s) URL`, input);
  }
  if (url.pathname !== "/" || url.search !== "" || url.hash !== "") {
    throw configError(field, `an address without path, query and fragment`, input);
  }
  const port = url.port === "" ? (scheme === "http" ? 80 : 443) : Number(url.port);
  return { scheme, host: url.hostname.replaceAll(/[[\]]/gu, ""), port };
}

/** A service name as a key of an option. @throws ProxylessError `ERR_PROXYLESS_CONFIG` for an empty one */
export function toServiceName(name: unknown, field: string): string {
  if (typeof name === "string" && name !== "") return name;
  throw configError(field, "a service name of at least one character", name);
}
