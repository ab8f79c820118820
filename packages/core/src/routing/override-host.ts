import { configError } from "../errors.ts";
import { isHeader } from "../header-list.ts";
import { checkObject, fieldPath } from "../option-checks.ts";
import { readAddress } from "./endpoint-address.ts";

/**
 * Lets a header of the request name the endpoint that it goes to (Envoy's `override_host`): `host:port`, or several of them, best
 * first, separated by commas. Each attempt takes the first that is an endpoint of the service, may be picked and was not tried;
 * where there is none the balancer chooses. A call's own `endpoint` option comes before the header.
 */
export interface OverrideHostPolicy {
  /** Name of the header, in any case; `x-proxyless-endpoint` by default. It is not sent on. */
  readonly header?: string | undefined;
}

/** {@link OverrideHostPolicy} with every field known. */
export interface ResolvedOverrideHost {
  /** In lower case. */
  readonly header: string;
}

const headerName = /^[\w!#$%&'*+.^`|~-]{1,256}$/;
/** Headers without which a request would not arrive, or arrive as another. */
const reserved: ReadonlySet<string> = new Set([
  "host",
  "connection",
  "content-length",
  "content-type",
  "transfer-encoding",
  "authorization",
  "cookie",
]);
/** More are of no use: a call makes ten attempts at most. */
const maxAddresses = 10;

/**
 * Checks how a header names endpoints; undefined, for not at all, where nothing is given.
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG`
 */
export function resolveOverrideHost(input: unknown, path: string): ResolvedOverrideHost | undefined {
  if (input === undefined || input === false) return undefined;
  const { header = "x-proxyless-endpoint" } = checkObject(input, path, ["header"], true);
  if (typeof header !== "string" || !headerName.test(header) || reserved.has(header.toLowerCase())) {
    throw configError(fieldPath(path, "header"), "the name of a header of its own", header);
  }
  return Object.freeze({ header: header.toLowerCase() });
}

/**
 * The endpoints that a request asks for, best first, as `host:port`; empty where it asks for none. What cannot be an address is left
 * out, and so is everything beyond the tenth.
 * @param headers name, value, name, value…
 */
export function overrideAddresses(
  { header }: ResolvedOverrideHost,
  headers: readonly string[],
): readonly string[] {
  let found: string[] | undefined;
  for (let i = 0; i + 1 < headers.length; i += 2) {
    if (!isHeader(headers[i]!, header)) continue;
    found ??= [];
    for (const part of headers[i + 1]!.split(",", maxAddresses)) {
      const address = readAddress(part.trim());
      if (address !== undefined && found.length < maxAddresses) found.push(address);
    }
  }
  return found ?? none;
}

/** The headers without the one that names endpoints: it is meant for the mesh, and the callee is not to learn of the others. */
export function withoutOverride(
  { header }: ResolvedOverrideHost,
  headers: readonly string[],
): readonly string[] {
  if (!headers.some((text, i) => i % 2 === 0 && isHeader(text, header))) return headers;
  return headers.filter((_, i) => !isHeader(headers[i - (i % 2)]!, header));
}

const none: readonly string[] = Object.freeze([]);
