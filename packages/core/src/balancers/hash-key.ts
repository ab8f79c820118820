import { configError } from "../errors.ts";
import { headerValue } from "../header-list.ts";
import { checkArray, checkObject, fieldPath } from "../option-checks.ts";
import { emptyHash, xxhash64 } from "../xxhash64.ts";
import type { Hash64 } from "../xxhash64.ts";
import type { PickContext, PickRequest } from "./picker.ts";
import { cookieValue, pathParameter, queryValue } from "./request-parts.ts";

/** A part of the request that is hashed: exactly one of `header`, `cookie`, `query` and `pathParameter`. */
export interface HashOnPolicy {
  /** Name of a header, in any case. Several of that name count as one, joined by commas. */
  readonly header?: string | undefined;
  /** Name of a cookie that the request carries. */
  readonly cookie?: string | undefined;
  /** Name of a query parameter; its first value counts. */
  readonly query?: string | undefined;
  /** Name of a parameter of the path's template: `id` for `/orders/{id}`. Only for calls that name a template. */
  readonly pathParameter?: string | undefined;
  /** Where this, or anything before it, was found, what follows is not looked at. False by default. */
  readonly terminal?: boolean | undefined;
}

/** {@link HashOnPolicy}, checked. */
export interface ResolvedHashOn {
  readonly part: "header" | "cookie" | "query" | "pathParameter";
  /** Of a header, in lower case. */
  readonly name: string;
  readonly terminal: boolean;
}

const parts = ["header", "cookie", "query", "pathParameter"] as const;
const tokenName = /^[\w!#$%&'*+.^`|~-]{1,256}$/;
const plainName = /^[^\s&=#{}/]{1,256}$/u;
const maxParts = 16;

/**
 * Checks what a balancer hashes of a request; nothing by default.
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG`
 */
export function resolveHashOn(input: unknown, path: string): readonly ResolvedHashOn[] {
  const given = checkArray(input, path, "objects with a header, cookie, query or pathParameter") ?? [];
  if (given.length > maxParts) throw configError(path, `an array of at most ${maxParts}`, given);
  return Object.freeze(given.map((part, index) => resolvePart(part, `${path}[${index}]`)));
}

function resolvePart(input: unknown, path: string): ResolvedHashOn {
  const given = checkObject(input, path, [...parts, "terminal"]);
  const [part, ...more] = parts.filter((name) => given[name] !== undefined);
  if (part === undefined || more.length > 0) {
    throw configError(path, `an object with one of ${parts.join(", ")}`, input);
  }
  const { terminal = false } = given;
  if (typeof terminal !== "boolean") {
    throw configError(fieldPath(path, "terminal"), "true or false", terminal);
  }
  const name = given[part];
  const isToken = part === "header" || part === "cookie";
  if (typeof name !== "string" || !(isToken ? tokenName : plainName).test(name)) {
    const legal = isToken ? `the name of a ${part}` : "a name of 1 to 256 characters without any of &=#{}/";
    throw configError(fieldPath(path, part), legal, name);
  }
  return Object.freeze({ part, name: part === "header" ? name.toLowerCase() : name, terminal });
}

const one = emptyHash();

/**
 * Hashes what the request is to be placed by: the call's own key, or what `hashOn` names of the request, combined as Envoy and
 * gRPC do, `h = rotl(h, 1) ^ XXH64(part)`. Empty values count as absent, or everybody without a name would be one customer.
 * @returns whether there was anything; `into` is as it was where not
 */
export function hashKeyOf(
  hashOn: readonly ResolvedHashOn[],
  { hashKey, request }: PickContext,
  into: Hash64,
): boolean {
  if (hashKey !== undefined && hashKey !== "") {
    xxhash64(hashKey, into);
    return true;
  }
  let found = false;
  for (let i = 0; i < hashOn.length; i++) {
    const policy = hashOn[i]!;
    const value = valueOf(policy, request);
    if (value !== undefined && found) {
      xxhash64(value, one);
      const { hi, lo } = into;
      into.hi = ((hi << 1) | (lo >>> 31)) ^ one.hi;
      into.lo = ((lo << 1) | (hi >>> 31)) ^ one.lo;
    } else if (value !== undefined) {
      xxhash64(value, into);
      found = true;
    }
    if (policy.terminal && found) break;
  }
  return found;
}

function valueOf({ name, part }: ResolvedHashOn, request: PickRequest): string | undefined {
  if (part === "header") return headerValue(request.headers, name);
  if (part === "cookie") return cookieValue(request.headers, name);
  return part === "query" ? queryValue(request.path, name) : pathParameter(request, name);
}
