import { configError } from "../../errors.ts";
import { checkNumber, checkObject, fieldPath } from "../../option-checks.ts";
import type { ResolvedTimeout } from "./timeout-policy.ts";

/** Node fires timers beyond this at once. */
const positiveMs = { min: 1, max: 2 ** 31 - 1 };

export const timeoutDefaults: ResolvedTimeout = Object.freeze({
  totalMs: 30_000,
  attemptMs: 10_000,
  connectMs: 1_000,
  queueMs: undefined,
  headersMs: undefined,
  bodyIdleMs: 300_000,
  streamMs: undefined,
});

const keys = Object.keys(timeoutDefaults);

/**
 * Checks time limits and lays them over `defaults`. A default that would contradict a given value gives way to it.
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG`
 */
export function resolveTimeout(input: unknown, path: string, defaults: ResolvedTimeout): ResolvedTimeout {
  const given = checkObject(input, path, keys);
  const number = (key: keyof ResolvedTimeout): number | undefined =>
    checkNumber(given[key], fieldPath(path, key), positiveMs);
  const total = number("totalMs");
  const attempt = number("attemptMs");
  const connect = number("connectMs");
  const queueMs = number("queueMs");
  const headersMs = number("headersMs");
  const totalMs =
    total ?? Math.max(defaults.totalMs, attempt ?? 0, connect ?? 0, queueMs ?? 0, headersMs ?? 0);
  const attemptMs =
    attempt ?? Math.min(totalMs, Math.max(defaults.attemptMs, connect ?? 0, queueMs ?? 0, headersMs ?? 0));
  const connectMs = connect ?? Math.min(defaults.connectMs, attemptMs);
  const within = (key: string, value: number | undefined, limit: string, max: number): void => {
    if (value === undefined || value <= max) return;
    throw configError(fieldPath(path, key), `at most ${fieldPath(path, limit)} (${max})`, value);
  };
  within("attemptMs", attempt, "totalMs", totalMs);
  const limit = attempt === undefined ? "totalMs" : "attemptMs";
  within("connectMs", connect, limit, attemptMs);
  within("queueMs", queueMs, limit, attemptMs);
  within("headersMs", headersMs, limit, attemptMs);
  const bodyIdleMs = number("bodyIdleMs");
  const streamMs = number("streamMs");
  within("bodyIdleMs", bodyIdleMs, "streamMs", streamMs ?? Infinity);
  const below = (inherited: number | undefined): number | undefined =>
    inherited === undefined ? undefined : Math.min(inherited, attemptMs);
  return Object.freeze({
    totalMs,
    attemptMs,
    connectMs,
    queueMs: queueMs ?? below(defaults.queueMs),
    headersMs: headersMs ?? below(defaults.headersMs),
    bodyIdleMs: bodyIdleMs ?? Math.min(defaults.bodyIdleMs, streamMs ?? Infinity),
    streamMs: streamMs ?? defaults.streamMs,
  });
}
