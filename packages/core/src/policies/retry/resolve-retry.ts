import { configError } from "../../errors.ts";
import {
  checkArray,
  checkChoice,
  checkChoices,
  checkFlag,
  checkNumber,
  checkObject,
  fieldPath,
} from "../../option-checks.ts";
import { resolveStatuses } from "../statuses.ts";
import { jitters } from "./backoff.ts";
import { resetHeaders } from "./retry-after.ts";
import { retryConditions } from "./retry-on.ts";
import type { ResolvedRetriableHeader, RetryCondition } from "./retry-on.ts";
import type { ResolvedBudget, ResolvedRetry } from "./retry-policy.ts";

const anyMs = { min: 0, max: 2 ** 31 - 1 };

export const retryDefaults: ResolvedRetry = Object.freeze({
  maxAttempts: 3,
  on: Object.freeze(["connect-failure", "refused-stream", "reset", "retriable-status-codes"] as const),
  statuses: Object.freeze([408, 429, 502, 503, 504]),
  headers: Object.freeze([]),
  classify: undefined,
  baseDelayMs: 25,
  maxDelayMs: 250,
  jitter: "full",
  resetHeaders: Object.freeze(["retry-after"] as const),
  maxRetryAfterMs: 300_000,
  replayBytes: 65_536,
  chainStop: true,
  exclude: "hosts",
  resume: false,
});

/** The keys of a route's retry policy. */
export const routeRetryKeys: readonly string[] = Object.keys(retryDefaults);

const exclusions = ["hosts", "priorities", "none"] as const;
const headerName = /^[\w!#$%&'*+.^`|~-]{1,256}$/;

/**
 * Checks a retry policy and lays it over `defaults`.
 * @param keys what may stand in it
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG`
 */
export function resolveRetry(
  input: unknown,
  path: string,
  defaults: ResolvedRetry,
  keys: readonly string[],
): ResolvedRetry | false {
  if (input === false) return false;
  const given = checkObject(input, path, keys, true);
  const at = (key: string): string => fieldPath(path, key);
  const number = (key: string, min: number, max: number): number | undefined =>
    checkNumber(given[key], at(key), { min, max, integer: true });
  const maxAttempts = number("maxAttempts", 1, 10);
  const on = checkChoices(given["on"], at("on"), retryConditions);
  const statuses = resolveStatuses(given["statuses"], at("statuses"));
  const headers = resolveHeaders(given["headers"], at("headers"));
  const resume = checkFlag(given["resume"], at("resume"));
  const refuse = (key: string, limit: string): never => {
    throw configError(at(key), limit, given[key]);
  };
  const effective = on ?? defaults.on;
  const lacks = (word: RetryCondition): boolean => !effective.includes(word);
  const isByStatus = !lacks("retriable-status-codes");
  if (statuses !== undefined && statuses.length > 0 && !isByStatus)
    refuse("statuses", `left out unless ${at("on")} has retriable-status-codes`);
  if (headers !== undefined && headers.length > 0 && lacks("retriable-headers"))
    refuse("headers", `left out unless ${at("on")} has retriable-headers`);
  const attempts = maxAttempts ?? defaults.maxAttempts;
  if (resume === true && attempts === 1)
    refuse("resume", `false while ${at("maxAttempts")} is 1: going on with a download is an attempt`);
  return Object.freeze({
    maxAttempts: attempts,
    on: effective,
    statuses: statuses ?? (isByStatus ? inheritedStatuses(defaults) : none),
    headers: headers ?? (lacks("retriable-headers") ? none : defaults.headers),
    classify: resolveClassifier(given["classify"], at("classify")) ?? defaults.classify,
    ...resolveDelays(given, path, defaults),
    jitter: checkChoice(given["jitter"], at("jitter"), jitters) ?? defaults.jitter,
    resetHeaders:
      checkChoices(given["resetHeaders"], at("resetHeaders"), resetHeaders) ?? defaults.resetHeaders,
    maxRetryAfterMs: number("maxRetryAfterMs", 0, 86_400_000) ?? defaults.maxRetryAfterMs,
    replayBytes: number("replayBytes", 0, 16_777_216) ?? defaults.replayBytes,
    chainStop: checkFlag(given["chainStop"], at("chainStop")) ?? defaults.chainStop,
    exclude: checkChoice(given["exclude"], at("exclude"), exclusions) ?? defaults.exclude,
    resume: resume ?? (defaults.resume && attempts > 1),
  });
}

const none = Object.freeze([]);

/** A service that retries no status has no list of them; a route of it that does begins with the usual one. */
function inheritedStatuses({ on, statuses }: ResolvedRetry): readonly number[] {
  const isNone = statuses.length === 0 && !on.includes("retriable-status-codes");
  return isNone ? retryDefaults.statuses : statuses;
}

/** @throws ProxylessError `ERR_PROXYLESS_CONFIG` */
export function resolveBudget(input: unknown, path: string): ResolvedBudget {
  const given = checkObject(input, path, ["ratio", "minPerSecond"]);
  const ratio = checkNumber(given["ratio"], fieldPath(path, "ratio"), { min: 0, max: 1 });
  const minimum = { min: 0, max: 1_000_000 };
  const minPerSecond = checkNumber(given["minPerSecond"], fieldPath(path, "minPerSecond"), minimum);
  return Object.freeze({ ratio: ratio ?? 0.2, minPerSecond: minPerSecond ?? 10 });
}

function resolveDelays(
  given: Readonly<Record<string, unknown>>,
  path: string,
  defaults: ResolvedRetry,
): { readonly baseDelayMs: number; readonly maxDelayMs: number } {
  const base = checkNumber(given["baseDelayMs"], fieldPath(path, "baseDelayMs"), anyMs);
  const max = checkNumber(given["maxDelayMs"], fieldPath(path, "maxDelayMs"), anyMs);
  const maxDelayMs = max ?? Math.max(defaults.maxDelayMs, base ?? 0);
  const baseDelayMs = base ?? Math.min(defaults.baseDelayMs, maxDelayMs);
  if (baseDelayMs > maxDelayMs) {
    const field = fieldPath(path, "baseDelayMs");
    throw configError(field, `at most ${fieldPath(path, "maxDelayMs")} (${maxDelayMs})`, base);
  }
  return { baseDelayMs, maxDelayMs };
}

function resolveHeaders(input: unknown, path: string): readonly ResolvedRetriableHeader[] | undefined {
  return checkArray(input, path, "headers as { name, value }")?.map((entry, index) => {
    const field = `${path}[${index}]`;
    const { name, value } = checkObject(entry ?? null, field, ["name", "value"]);
    if (typeof name !== "string" || !headerName.test(name)) {
      throw configError(fieldPath(field, "name"), "the name of a header", name);
    }
    if (value !== undefined && typeof value !== "string") {
      throw configError(fieldPath(field, "value"), "a string", value);
    }
    return Object.freeze({ name: name.toLowerCase(), value });
  });
}

function resolveClassifier(input: unknown, path: string): ResolvedRetry["classify"] {
  if (input === undefined) return undefined;
  if (typeof input !== "function") throw configError(path, "a function", input);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what a function takes and returns cannot be checked
  return input as ResolvedRetry["classify"];
}
