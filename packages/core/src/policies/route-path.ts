import { configError } from "../errors.ts";
import { checkArray, checkObject, fieldPath } from "../option-checks.ts";
import type { ResolvedMatch } from "./policy.ts";

const methodToken = /^[\w!#$%&'*+.^`|~-]{1,40}$/;
/** What may stand in a segment: the `pchar` of RFC 3986, section 3.3, without the asterisk, which is ours. */
const literalSegment = /^[\w.~!$&'()+,;=:@%-]*$/;
const parameterSegment = /^\{[^{}/*?#\s]+\}$/;

/**
 * Checks what a route matches.
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG`
 */
export function resolveMatch(input: unknown, path: string): ResolvedMatch {
  if (input === undefined) throw configError(path, "an object with a path", input);
  const given = checkObject(input, path, ["method", "path"]);
  return Object.freeze({
    methods: resolveMethods(given["method"], fieldPath(path, "method")),
    path: checkRoutePath(given["path"], fieldPath(path, "path")),
  });
}

/** Whether everything `later` could match is taken by `earlier`; only equal paths are compared. */
export function shadows(earlier: ResolvedMatch, later: ResolvedMatch): boolean {
  if (nameless(earlier.path) !== nameless(later.path)) return false;
  if (earlier.methods === undefined) return true;
  return later.methods?.every((method) => earlier.methods?.includes(method) === true) ?? false;
}

function resolveMethods(input: unknown, path: string): readonly string[] | undefined {
  if (input === undefined) return undefined;
  if (typeof input === "string") return Object.freeze([checkMethod(input, path)]);
  const given = checkArray(input, path, "methods, or one method");
  if (given === undefined || given.length === 0) throw configError(path, "at least one method", input);
  return Object.freeze([...new Set(given.map((method, index) => checkMethod(method, `${path}[${index}]`)))]);
}

function checkMethod(input: unknown, path: string): string {
  if (typeof input === "string" && methodToken.test(input)) return input.toUpperCase();
  throw configError(path, "an HTTP method", input);
}

function checkRoutePath(input: unknown, path: string): string {
  const expected = "a path such as /orders/{id} or /orders/*";
  if (typeof input !== "string" || !input.startsWith("/")) throw configError(path, expected, input);
  const segments = input.slice(1).split("/");
  const last = segments.length - 1;
  for (const [index, segment] of segments.entries()) {
    if (index === last && segment === "*") continue;
    if (!literalSegment.test(segment) && !parameterSegment.test(segment))
      throw configError(path, expected, input);
  }
  return input;
}

function nameless(path: string): string {
  return path.replaceAll(/\{[^{}]*\}/g, "{}");
}
