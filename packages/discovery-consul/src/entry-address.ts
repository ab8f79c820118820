import { isForeignUrl, isRecord, readHost, readPort } from "@proxyless/core/discovery";

/** Where an instance is reached. */
export interface EntryAddress {
  readonly host: string;
  readonly port: number;
  readonly scheme: "http" | "https" | undefined;
}

/** The parts of a health entry that say where it is. */
export interface EntryPlaces {
  readonly node: Readonly<Record<string, unknown>>;
  readonly service: Readonly<Record<string, unknown>>;
}

/**
 * Picks the address of an entry: the wanted tagged address, else the HTTP URL that Kratos puts into a tagged address,
 * else the service's address, else its node's.
 * @returns `ignored` when what it has are URLs of other protocols than HTTP; `undefined` when none of it is an address
 */
export function readAddress(
  { node, service }: EntryPlaces,
  addressTag: string | undefined,
): EntryAddress | "ignored" | undefined {
  const tagged = isRecord(service["TaggedAddresses"]) ? service["TaggedAddresses"] : {};
  if (addressTag !== undefined) {
    const wanted = readTagged(tagged[addressTag], service["Port"]);
    if (wanted !== undefined) return wanted;
  }
  for (const scheme of ["http", "https"]) {
    const url = tagged[scheme];
    if (isRecord(url) && typeof url["Address"] === "string" && url["Address"].includes("://")) {
      return readUrl(url["Address"]);
    }
  }
  // The service's own address is then one of these, without its protocol.
  if (Object.entries(tagged).some(isForeignDoor)) return "ignored";
  const own = service["Address"];
  const host = typeof own === "string" && own !== "" ? own : node["Address"];
  if (isForeignUrl(host)) return "ignored";
  if (typeof host === "string" && host.includes("://")) return readUrl(host);
  return makeAddress(host, service["Port"], undefined);
}

/** A tagged address of Kratos, which names it after the scheme of its URL, where that is not HTTP. */
function isForeignDoor([name, value]: readonly [string, unknown]): boolean {
  const url = isRecord(value) ? value["Address"] : undefined;
  return typeof url === "string" && url.startsWith(`${name}://`) && isForeignUrl(url);
}

/** Consul writes `Address` and `Port`; its documentation and some writers use lower case. */
function readTagged(value: unknown, servicePort: unknown): EntryAddress | undefined {
  if (!isRecord(value)) return undefined;
  const host = value["Address"] ?? value["address"];
  const port = value["Port"] ?? value["port"];
  if (typeof host === "string" && host.includes("://")) return readUrl(host);
  return makeAddress(host, port === undefined || port === 0 ? servicePort : port, undefined);
}

/** `http://10.0.0.1:8000?isSecure=false`, as Kratos writes it. */
function readUrl(text: string): EntryAddress | undefined {
  if (!URL.canParse(text)) return undefined;
  const url = new URL(text);
  if (url.protocol !== "http:" && url.protocol !== "https:") return undefined;
  const isSecure = url.protocol === "https:" || url.searchParams.get("isSecure") === "true";
  const port = url.port === "" ? (url.protocol === "https:" ? 443 : 80) : Number(url.port);
  return makeAddress(url.hostname, port, isSecure ? "https" : "http");
}

/** `10.0.0.1:8080`, `name:80` or `[::1]:80`. */
export function readHostPort(text: string): { readonly host: string; readonly port: number } | undefined {
  const match = /^(\[[^\]]+\]|[^:[\]]+):(\d{1,5})$/.exec(text);
  const made = match === null ? undefined : makeAddress(match[1], Number(match[2]), undefined);
  return made === undefined ? undefined : { host: made.host, port: made.port };
}

function makeAddress(host: unknown, port: unknown, scheme: EntryAddress["scheme"]): EntryAddress | undefined {
  const plain = readHost(host);
  if (plain === undefined || typeof port !== "number" || readPort(port) === undefined) return undefined;
  return { host: plain, port, scheme };
}
