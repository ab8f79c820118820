import { cookieValue } from "../balancers/request-parts.ts";
import type { GateReason, GateReasonKind } from "../endpoints/gate/gate-record.ts";
import { configError } from "../errors.ts";
import { checkNumber, checkObject, fieldPath } from "../option-checks.ts";
import { readAddress } from "./endpoint-address.ts";

/** The cookie of a session. */
export interface SessionCookiePolicy {
  /** Its name. */
  readonly name: string;
  /** The paths it is for: this one and what lies below it; `/` by default. */
  readonly path?: string | undefined;
  /** How long clients keep it, in milliseconds, 0 to 31,536,000,000 (a year); 0, the default, for as long as the client runs. */
  readonly ttlMs?: number | undefined;
}

/**
 * Keeps a client on one endpoint by a cookie that names it (Envoy's `stateful_session`, gRFC A55).
 *
 * A request that carries the cookie goes to that endpoint while it is present; one that is draining still gets the requests of its
 * sessions, one that is unhealthy or ejected does not. Otherwise the balancer chooses, and the response sets the cookie anew.
 */
export interface StatefulSessionPolicy {
  readonly cookie: SessionCookiePolicy;
  /** The call fails where its session's endpoint cannot be had, instead of going to another; false by default. */
  readonly strict?: boolean | undefined;
}

/** {@link StatefulSessionPolicy} with every field known. */
export interface ResolvedStatefulSession {
  readonly cookie: { readonly name: string; readonly path: string; readonly ttlMs: number };
  readonly strict: boolean;
}

/** RFC 6265, section 4.1.1. */
const cookieName = /^[\w!#$%&'*+.^`|~-]{1,256}$/;
const cookiePath = /^\/[!-:<-~]{0,1023}$/;
const maxTtlMs = 31_536_000_000;
/** Of the longest address in base64, in quotes. */
const maxValueLength = 350;
const base64 = /^[\w+/-]+={0,2}$/;

/**
 * Checks how sessions are kept; undefined, for not at all, where nothing is given.
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG`
 */
export function resolveStatefulSession(input: unknown, path: string): ResolvedStatefulSession | undefined {
  if (input === undefined || input === false) return undefined;
  const given = checkObject(input, path, ["cookie", "strict"], true);
  const { strict = false } = given;
  if (typeof strict !== "boolean") throw configError(fieldPath(path, "strict"), "true or false", strict);
  const at = fieldPath(path, "cookie");
  const cookie = checkObject(given["cookie"], at, ["name", "path", "ttlMs"]);
  const { name, path: scope = "/" } = cookie;
  if (typeof name !== "string" || !cookieName.test(name)) {
    throw configError(fieldPath(at, "name"), "the name of a cookie", name);
  }
  if (typeof scope !== "string" || !cookiePath.test(scope)) {
    throw configError(fieldPath(at, "path"), 'a path that begins with "/"', scope);
  }
  const ttlMs = checkNumber(cookie["ttlMs"], fieldPath(at, "ttlMs"), { min: 0, max: maxTtlMs }) ?? 0;
  return Object.freeze({ cookie: Object.freeze({ name, path: scope, ttlMs }), strict });
}

/**
 * Whether a request's path is one that the session's cookie is for (RFC 6265, section 5.1.4).
 * @param path with or without a query
 */
export function isInSession({ cookie }: ResolvedStatefulSession, path: string): boolean {
  const scope = cookie.path;
  if (scope === "/") return true;
  if (!path.startsWith(scope)) return false;
  const next = path[scope.length];
  return scope.endsWith("/") || next === undefined || next === "/" || next === "?";
}

/**
 * The endpoint of the session that a request belongs to, as `host:port`; undefined where it has none. A cookie that was tampered
 * with counts as none: it is up to the caller that the address is one of the service's endpoints.
 * @param headers name, value, name, value…
 */
export function sessionAddress(
  { cookie }: ResolvedStatefulSession,
  headers: readonly string[],
): string | undefined {
  const value = cookieValue(headers, cookie.name);
  if (value === undefined || value.length > maxValueLength) return undefined;
  const bare = value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value;
  return base64.test(bare) ? readAddress(Buffer.from(bare, "base64").toString("latin1")) : undefined;
}

/** The value of the `set-cookie` header that puts a client into the session of an endpoint. */
export function sessionCookie({ cookie }: ResolvedStatefulSession, address: string): string {
  const value = Buffer.from(address, "latin1").toString("base64url");
  // Clients count in seconds, and 0 of them would delete the cookie.
  const age = cookie.ttlMs === 0 ? "" : `; Max-Age=${Math.ceil(cookie.ttlMs / 1_000)}`;
  return `${cookie.name}=${value}${age}; Path=${cookie.path}; HttpOnly`;
}

/**
 * Whether a session may go on at an endpoint, given everything that speaks against it for new requests. What keeps new ones away
 * (draining, no weight, another priority or subset) is no reason to break up a session; being unhealthy, ejected or overloaded is.
 */
export function mayGoOn(reasons: readonly GateReason[]): boolean {
  return reasons.every(({ kind }) => harmless.has(kind));
}

const harmless: ReadonlySet<GateReasonKind> = new Set([
  "draining",
  "weight 0",
  "worse priority",
  "too few healthy",
  "other zone",
  "other subset",
  "not in subset",
]);
