import { configError, errorCodes } from "../../errors.ts";
import type { ErrorCode } from "../../errors.ts";
import { checkArray, checkNumber, checkObject, fieldPath } from "../../option-checks.ts";
import { resolveAnswer } from "../answer.ts";
import { resolveHeaderNames } from "../header-names.ts";
import { resolveStoreSize } from "../store-size.ts";
import type { FallbackFunction, ResolvedFallback, ResolvedStale } from "./fallback-policy.ts";

const keys = ["on", "stale", "service", "run", "value", "timeoutMs"];
const anyTime = { min: 1, max: 2 ** 31 - 1 };

/**
 * Checks a fallback; `false`, for none, where nothing is given.
 * @param defaults the service's fallback, which a route's `undefined` inherits; one of its own replaces it as a whole
 * @param service the service it is for, which cannot be its own fallback
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG`
 */
export function resolveFallback(
  input: unknown,
  path: string,
  defaults: ResolvedFallback | false = false,
  service?: string,
): ResolvedFallback | false {
  if (input === undefined) return defaults;
  if (input === false) return false;
  const given = checkObject(input, path, keys, true);
  const on = checkObject(given["on"], fieldPath(path, "on"), ["statuses", "errors"]);
  const stale = resolveStale(given["stale"], fieldPath(path, "stale"));
  const other = resolveService(given["service"], fieldPath(path, "service"), service);
  const run = resolveFunction(given["run"], fieldPath(path, "run"));
  const { value } = given;
  if (stale === undefined && other === undefined && run === undefined && value === undefined) {
    throw configError(path, "given at least one of stale, service, run and value", input);
  }
  const timeoutMs = checkNumber(given["timeoutMs"], fieldPath(path, "timeoutMs"), anyTime);
  if (timeoutMs !== undefined && other === undefined && run === undefined) {
    throw configError(
      fieldPath(path, "timeoutMs"),
      "left out without a service or a function to wait for",
      timeoutMs,
    );
  }
  return Object.freeze({
    statuses: resolveStatuses(on["statuses"], `${fieldPath(path, "on")}.statuses`),
    errors: resolveErrors(on["errors"], `${fieldPath(path, "on")}.errors`),
    stale,
    service: other,
    run,
    value: value === undefined ? undefined : resolveAnswer(value, fieldPath(path, "value"), 200),
    timeoutMs,
  });
}

function resolveStale(input: unknown, path: string): ResolvedStale | undefined {
  if (input === undefined) return undefined;
  const given = checkObject(input, path, ["maxAgeMs", "maxEntries", "maxBytes", "maxEntryBytes", "headers"]);
  const maxAgeMs = checkNumber(given["maxAgeMs"], fieldPath(path, "maxAgeMs"), anyTime);
  if (maxAgeMs === undefined)
    throw configError(fieldPath(path, "maxAgeMs"), "given, in milliseconds", maxAgeMs);
  return Object.freeze({
    maxAgeMs,
    ...resolveStoreSize(given, path),
    headers: resolveHeaderNames(given["headers"], fieldPath(path, "headers")),
  });
}

function resolveService(input: unknown, path: string, own: string | undefined): string | undefined {
  if (input === undefined) return undefined;
  if (typeof input === "string" && input !== "" && input !== own) return input;
  throw configError(path, "the name of another service", input);
}

function resolveFunction(input: unknown, path: string): FallbackFunction | undefined {
  if (input === undefined || isFunction(input)) return input;
  throw configError(path, "a function", input);
}

function isFunction(value: unknown): value is FallbackFunction {
  return typeof value === "function";
}

function resolveStatuses(input: unknown, path: string): readonly number[] | undefined {
  const given = checkArray(input, path, "statuses from 400 to 599");
  if (given === undefined) return undefined;
  const statuses = given.map((value, index) => {
    const field = `${path}[${index}]`;
    const status = checkNumber(value, field, { min: 400, max: 599, integer: true });
    if (status === undefined) throw configError(field, "a status from 400 to 599", value);
    return status;
  });
  return Object.freeze([...new Set(statuses)]);
}

function resolveErrors(input: unknown, path: string): readonly ErrorCode[] | undefined {
  const given = checkArray(input, path, "codes of errors");
  if (given === undefined) return undefined;
  const codes = given.map((value, index) => {
    const code = errorCodes.find((one) => one === value);
    if (code === undefined) throw configError(`${path}[${index}]`, "the code of a ProxylessError", value);
    return code;
  });
  return Object.freeze([...new Set(codes)]);
}
