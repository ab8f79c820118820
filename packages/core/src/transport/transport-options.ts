import { isIP } from "node:net";
import { createSecureContext } from "node:tls";

import { ProxylessError, configError } from "../errors.ts";
import { checkNumber, checkObject, fieldPath } from "../option-checks.ts";
import type { TlsOptions } from "./connector.ts";

/** How a service is connected to. */
export interface TransportOptions {
  /** `http` or `https` where the endpoint does not say; `https` when `tls` is given, else `http`. */
  readonly scheme?: "http" | "https";
  /** What goes into the `host` header (and SNI); the service's name by default. */
  readonly host?: string;
  /** Connections per endpoint at most, 1 to 10,000; 64 by default. Calls above that wait their turn, within their timeout. */
  readonly connections?: number;
  /**
   * Connections that are opened to each endpoint ahead of its calls, and again when they are lost, 0 to 100 and at most `connections`; 0
   * by default. An endpoint that comes later gets calls when they are there.
   */
  readonly minReadyConnections?: number;
  /** Unused connections are kept this long, 0 to 600,000 ms; 30,000 by default. A shorter hint from the server wins. */
  readonly keepAliveMs?: number;
  /** The whole pool of an unused endpoint goes after this long, 1,000 to 3,600,000 ms; 60,000 by default. */
  readonly idleMs?: number;
  /** Speak HTTP/2 where TLS negotiates it; false by default. */
  readonly http2?: boolean;
  readonly tls?: TlsOptions;
}

/** {@link TransportOptions} with everything filled in. */
export type ResolvedTransport = Required<Omit<TransportOptions, "tls">> & {
  readonly tls: TlsOptions | undefined;
  /** `host` without its port, empty for an IP address: the name that TLS verifies where no other is given. */
  readonly hostname: string;
};

const legalKeys = [
  "scheme",
  "host",
  "connections",
  "minReadyConnections",
  "keepAliveMs",
  "idleMs",
  "http2",
  "tls",
];
const hostPattern = /^[\w.~-]+(?::\d{1,5})?$/;

/**
 * Fills in and checks transport options.
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG` naming the field, what is legal and what came
 */
export function resolveTransport(
  options: TransportOptions | undefined,
  service: string,
  field: string,
): ResolvedTransport {
  checkObject(options, field, legalKeys);
  const given = options ?? {};
  const path = (key: keyof TransportOptions): string => fieldPath(field, key);
  const integer = (
    key: "connections" | "minReadyConnections" | "keepAliveMs" | "idleMs",
    min: number,
    max: number,
  ): number | undefined => checkNumber(given[key], path(key), { min, max, integer: true });
  const scheme: unknown = given.scheme ?? (given.tls === undefined ? "http" : "https");
  if (scheme !== "http" && scheme !== "https") throw configError(path("scheme"), '"http" or "https"', scheme);
  if (scheme === "http" && given.tls !== undefined) {
    throw configError(path("scheme"), '"https" where tls is given', scheme);
  }
  const host: unknown = given.host ?? service;
  if (typeof host !== "string" || !hostPattern.test(host)) {
    throw configError(path("host"), "a host name, with a port where needed", host);
  }
  const http2: unknown = given.http2 ?? false;
  if (typeof http2 !== "boolean") throw configError(path("http2"), "a boolean", http2);
  checkTls(given.tls, path("tls"));
  const hostname = host.replace(/:\d+$/, "");
  const connections = integer("connections", 1, 10_000) ?? 64;
  const most = Math.min(100, connections);
  return Object.freeze({
    scheme,
    host,
    hostname: isIP(hostname) === 0 ? hostname : "",
    http2,
    connections,
    minReadyConnections: integer("minReadyConnections", 0, most) ?? 0,
    keepAliveMs: integer("keepAliveMs", 0, 600_000) ?? 30_000,
    idleMs: integer("idleMs", 1_000, 3_600_000) ?? 60_000,
    tls: given.tls,
  });
}

const tlsKeys = [
  "ca",
  "cert",
  "key",
  "pfx",
  "passphrase",
  "minVersion",
  "maxVersion",
  "ciphers",
  "rejectUnauthorized",
  "checkServerIdentity",
  "serverName",
];

const tlsVersions: readonly unknown[] = ["TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"];

/** A misspelt or unusable TLS option must show at start, not as a connection that is less safe than it looks. */
function checkTls(tls: TlsOptions | undefined, field: string): void {
  if (tls === undefined) return;
  checkObject(tls, field, tlsKeys);
  const { checkServerIdentity, ciphers, maxVersion, minVersion, rejectUnauthorized } = tls;
  const serverName: unknown = tls.serverName;
  if (rejectUnauthorized !== undefined && typeof rejectUnauthorized !== "boolean") {
    throw configError(fieldPath(field, "rejectUnauthorized"), "a boolean", rejectUnauthorized);
  }
  if (checkServerIdentity !== undefined && typeof checkServerIdentity !== "function") {
    throw configError(fieldPath(field, "checkServerIdentity"), "a function", checkServerIdentity);
  }
  if (serverName !== undefined && !isHostName(serverName)) {
    throw configError(fieldPath(field, "serverName"), "a host name", serverName);
  }
  for (const [key, version] of Object.entries({ minVersion, maxVersion })) {
    if (version === undefined || tlsVersions.includes(version)) continue;
    throw configError(fieldPath(field, key), `one of ${tlsVersions.join(", ")}`, version);
  }
  if (tlsVersions.indexOf(minVersion ?? "TLSv1") > tlsVersions.indexOf(maxVersion ?? "TLSv1.3")) {
    throw configError(fieldPath(field, "minVersion"), `at most maxVersion (${maxVersion})`, minVersion);
  }
  if (ciphers !== undefined && typeof ciphers !== "string") {
    throw configError(fieldPath(field, "ciphers"), "a string", ciphers);
  }
  checkMaterial(tls, field);
}

/** Certificates and keys; an error tells which one it is and nothing of what is in it. */
function checkMaterial(tls: TlsOptions, field: string): void {
  if (tls.passphrase !== undefined && typeof tls.passphrase !== "string") {
    throw secretError(fieldPath(field, "passphrase"), "a string", tls.passphrase);
  }
  for (const key of ["ca", "cert", "key", "pfx"] as const) {
    const value: unknown = tls[key];
    const items: readonly unknown[] = Array.isArray(value) ? value : [value];
    if (value === undefined || items.every((item) => isMaterial(item, key))) continue;
    throw secretError(fieldPath(field, key), "a string, bytes or an array of them", value);
  }
  try {
    createSecureContext(tls);
  } catch (error) {
    const given = ["pfx", "key", "cert", "ca", "ciphers"].filter((key) => key in tls);
    const culprit = given.find((key) => failsAlone(tls, key));
    const path = culprit === undefined ? field : fieldPath(field, culprit);
    // Node quotes values of a wrong type.
    const reason = error instanceof Error ? error.message.replace(/\. Received .*$/s, "") : "TLS refuses it";
    throw new ProxylessError("ERR_PROXYLESS_CONFIG", `${path} cannot be used: ${reason}`, { field: path });
  }
}

/** Whether it is the option itself that TLS refuses, and not how it goes with the others. */
function failsAlone(tls: TlsOptions, key: string): boolean {
  try {
    const secured = key === "pfx" || key === "key" ? { passphrase: tls.passphrase } : undefined;
    createSecureContext({ ...secured, [key]: Reflect.get(tls, key) });
    return false;
  } catch {
    return true;
  }
}

function isMaterial(value: unknown, key: string): boolean {
  if (typeof value === "string" || ArrayBuffer.isView(value)) return true;
  if (typeof value !== "object" || value === null) return false;
  const own = key === "key" ? "pem" : key === "pfx" ? "buf" : undefined;
  return own !== undefined && own in value && isMaterial(Reflect.get(value, own), "");
}

function isHostName(value: unknown): boolean {
  return typeof value === "string" && hostPattern.test(value) && !value.includes(":") && isIP(value) === 0;
}

/** Like `configError`, without the value. */
function secretError(field: string, expected: string, received: unknown): ProxylessError {
  const what = Array.isArray(received) ? "array" : received === null ? "null" : typeof received;
  const message = `${field} must be ${expected}, got something of type ${what}`;
  return new ProxylessError("ERR_PROXYLESS_CONFIG", message, { field });
}
