import { configError } from "@proxyless/core";
import {
  isRecord,
  knownKeys,
  oneOf,
  optionalText,
  record,
  text,
  wholeNumber,
} from "@proxyless/core/discovery";

import { parseServer } from "./server-address.ts";
import type { ServerAddress } from "./server-address.ts";
import { isDomain } from "./service-name.ts";

/**
 * What to ask for. `srv`: SRV records, which bring port, priority and weight, and the addresses of their targets.
 * `address`: A and AAAA. `auto`: SRV when the name begins with an underscore; addresses when a `port` is given; else SRV,
 * and addresses with port 80 or 443 where there is none.
 */
export type DnsRecord = "auto" | "srv" | "address";

/**
 * Which addresses to use. `ipv6-first`, `ipv4-first`: both are asked for at once, and where a host has both, they race for a
 * connection, the one that is named with 250 ms of a start (RFC 8305). `ipv6`, `ipv4`: only those. `both`: all as equals.
 */
export type DnsFamily = "ipv6-first" | "ipv4-first" | "ipv6" | "ipv4" | "both";

/** What may differ from service to service. */
export interface DnsServiceOptions {
  /**
   * The name to look up; `{service}` stands for the service's name. A dot at the end keeps search domains out.
   * Default: `{service}`.
   */
  readonly name?: string;
  /** Default: `auto`. */
  readonly record?: DnsRecord;
  /** The port of addresses without an SRV record, 1 to 65,535. Default: 80, or 443 for `https`. */
  readonly port?: number;
  /** Default: `https` for a name that begins with `_https.`, else the service's own setting. */
  readonly scheme?: "http" | "https";
}

/** How to look services up in DNS. */
export interface DnsOptions extends DnsServiceOptions {
  /** Services that are looked up in another way. */
  readonly services?: Readonly<Record<string, DnsServiceOptions>>;
  /** Default: `ipv6-first`. */
  readonly family?: DnsFamily;
  /** The servers to ask, as `address` or `address:port` (`10.0.0.2`, `[fd00::2]:5353`). Default: those of `resolvConf`. */
  readonly servers?: string | readonly string[];
  /** Where the system's servers and search domains are written. Default: `/etc/resolv.conf`. */
  readonly resolvConf?: string;
  /** Domains to try a name in, `true` for those of `resolvConf`. Default: `true` without `servers`, else `false`. */
  readonly search?: boolean | readonly string[];
  /** A hosts file that is looked into first, or `false`. Default: `/etc/hosts` without `servers`, else `false`. */
  readonly hostsFile?: string | false;
  /** `udp` goes over to TCP by itself where an answer does not fit. Default: `udp`. */
  readonly transport?: "udp" | "tcp";
  /** How long one server may take for one answer, in milliseconds, 50 to 60,000. Default: 2,000. */
  readonly timeoutMs?: number;
  /** How often every server is asked that does not answer, 1 to 10. Default: 2. */
  readonly tries?: number;
  /** The least time between two looks, in milliseconds, 50 to 3,600,000. Default: 1,000. */
  readonly minRefreshMs?: number;
  /** The most time between two looks, in milliseconds, from `minRefreshMs` to 3,600,000. Default: 30,000. */
  readonly maxRefreshMs?: number;
  /**
   * An endpoint stays until so many answers in a row lack it, 1 to 100: for servers whose answers are a random part of the
   * whole. Default: 1.
   */
  readonly unionWindow?: number;
  /** How long an empty answer is held back while endpoints are known, in milliseconds, 0 to a day. Default: 120,000. */
  readonly emptyHoldMs?: number;
}

/** {@link DnsServiceOptions}, checked and complete. */
export interface ServiceSettings {
  readonly name: string;
  readonly record: DnsRecord;
  readonly port: number | undefined;
  readonly scheme: "http" | "https" | undefined;
}

/** {@link DnsOptions}, checked and complete. */
export interface Settings extends ServiceSettings {
  readonly services: ReadonlyMap<string, ServiceSettings>;
  readonly family: DnsFamily;
  /** Empty: those of the system. */
  readonly servers: readonly ServerAddress[];
  readonly resolvConf: string;
  /** `system`: those of the file. */
  readonly search: readonly string[] | "system";
  readonly hostsFile: string | undefined;
  readonly transport: "udp" | "tcp";
  readonly timeoutMs: number;
  readonly tries: number;
  readonly minRefreshMs: number;
  readonly maxRefreshMs: number;
  readonly unionWindow: number;
  readonly emptyHoldMs: number;
}

const serviceKeys = ["name", "record", "port", "scheme"];
const keys = [
  ...serviceKeys,
  "services",
  "family",
  "servers",
  "resolvConf",
  "search",
  "hostsFile",
  "transport",
  "timeoutMs",
  "tries",
  "minRefreshMs",
  "maxRefreshMs",
  "unionWindow",
  "emptyHoldMs",
];
const records = ["auto", "srv", "address"] as const;
const schemes = ["http", "https"] as const;
const families = ["ipv6-first", "ipv4-first", "ipv6", "ipv4", "both"] as const;
const nothing: ServiceSettings = { name: "{service}", record: "auto", port: undefined, scheme: undefined };
const day = 86_400_000;
const hour = 3_600_000;

/** Checks the options of a source; throws `ERR_PROXYLESS_CONFIG`. */
export function resolveOptions(options: DnsOptions): Settings {
  knownKeys("", record("options", options), keys);
  const own = serviceSettings("", options, nothing);
  const servers = serverList(options.servers);
  const isSystem = servers.length === 0;
  const minRefreshMs = wholeNumber("minRefreshMs", options.minRefreshMs, 1000, 50, hour);
  const most = Math.max(30_000, minRefreshMs);
  return Object.freeze({
    ...own,
    services: serviceMap(options.services, own),
    family: oneOf("family", options.family, families, "ipv6-first"),
    servers,
    resolvConf: optionalText("resolvConf", options.resolvConf) ?? "/etc/resolv.conf",
    search: searchList(options.search, isSystem),
    hostsFile: hostsPath(options.hostsFile, isSystem),
    transport: oneOf("transport", options.transport, ["udp", "tcp"], "udp"),
    timeoutMs: wholeNumber("timeoutMs", options.timeoutMs, 2000, 50, 60_000),
    tries: wholeNumber("tries", options.tries, 2, 1, 10),
    minRefreshMs,
    maxRefreshMs: wholeNumber("maxRefreshMs", options.maxRefreshMs, most, minRefreshMs, hour),
    unionWindow: wholeNumber("unionWindow", options.unionWindow, 1, 1, 100),
    emptyHoldMs: wholeNumber("emptyHoldMs", options.emptyHoldMs, 120_000, 0, day),
  });
}

function serviceSettings(path: string, options: DnsServiceOptions, base: ServiceSettings): ServiceSettings {
  const name = optionalText(`${path}name`, options.name) ?? base.name;
  // Any word of a name's letters shows whether the rest of the template can be one.
  if (!isDomain(name.replaceAll("{service}", "a"))) {
    throw configError(`${path}name`, "a DNS name, with {service} where the service's name stands", name);
  }
  const port = options.port ?? base.port;
  const scheme = options.scheme ?? base.scheme;
  return {
    name,
    record: oneOf(`${path}record`, options.record, records, base.record),
    port: port === undefined ? undefined : wholeNumber(`${path}port`, port, 80, 1, 65_535),
    scheme: scheme === undefined ? undefined : oneOf(`${path}scheme`, scheme, schemes, "http"),
  };
}

function serviceMap(value: unknown, base: ServiceSettings): ReadonlyMap<string, ServiceSettings> {
  const found = new Map<string, ServiceSettings>();
  if (value === undefined) return found;
  for (const [service, options] of Object.entries(record("services", value))) {
    const path = `services.${service}`;
    knownKeys(path, record(path, options), serviceKeys);
    if (isRecord(options)) found.set(service, serviceSettings(`${path}.`, options, base));
  }
  return found;
}

function serverList(value: unknown): readonly ServerAddress[] {
  if (value === undefined) return [];
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  if (list.length === 0) throw configError("servers", "an address or a non-empty array of addresses", value);
  return list.map((each, i) => {
    const field = list.length === 1 ? "servers" : `servers[${i}]`;
    const server = typeof each === "string" ? parseServer(each) : undefined;
    if (server === undefined) {
      throw configError(field, "an IP address, or one with a port (10.0.0.2:5353, [fd00::2]:5353)", each);
    }
    return server;
  });
}

function searchList(value: unknown, isSystem: boolean): readonly string[] | "system" {
  if (value === undefined) return isSystem ? "system" : [];
  if (typeof value === "boolean") return value ? "system" : [];
  if (!Array.isArray(value)) throw configError("search", "true, false or an array of domains", value);
  return value.map((each: unknown, i) => {
    const domain = text(`search[${i}]`, each);
    if (!isDomain(domain)) throw configError(`search[${i}]`, "a domain", each);
    return domain;
  });
}

function hostsPath(value: unknown, isSystem: boolean): string | undefined {
  if (value === undefined) return isSystem ? "/etc/hosts" : undefined;
  return value === false ? undefined : text("hostsFile", value);
}
