import { configError } from "../errors.ts";
import { checkNumber, checkObject, fieldPath } from "../option-checks.ts";

/** How an endpoint that is new, or back, gets to its full share. */
export interface SlowStartPolicy {
  /** How long it takes, in milliseconds, 1,000 to 3,600,000. */
  readonly windowMs: number;
  /** 1 grows evenly; more begins faster, less slower; 0.1 to 10; 1 by default (Envoy's). */
  readonly aggression?: number | undefined;
  /** Of its weight, that it has at the least; above 0 to 100; 10 by default. */
  readonly minWeightPercent?: number | undefined;
}

/** {@link SlowStartPolicy} with every field known. */
export interface ResolvedSlowStart {
  readonly windowMs: number;
  readonly aggression: number;
  readonly minWeightPercent: number;
}

/** So many answers prove an endpoint warm even where time alone would be enough for one that nobody asked. */
const WARM_REQUESTS = 10;

/**
 * @param input what the user wrote; `undefined` and `false` for none
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG`
 */
export function resolveSlowStart(input: unknown, path: string): ResolvedSlowStart | false {
  if (input === undefined || input === false) return false;
  const given = checkObject(input, path, ["windowMs", "aggression", "minWeightPercent"], true);
  const windowMs = checkNumber(given["windowMs"], fieldPath(path, "windowMs"), {
    min: 1_000,
    max: 3_600_000,
  });
  if (windowMs === undefined)
    throw configError(fieldPath(path, "windowMs"), "a number from 1000 to 3600000", windowMs);
  const aggression = checkNumber(given["aggression"], fieldPath(path, "aggression"), { min: 0.1, max: 10 });
  const percent = { min: 0, max: 100, above: true };
  const minimum = checkNumber(given["minWeightPercent"], fieldPath(path, "minWeightPercent"), percent);
  return Object.freeze({ windowMs, aggression: aggression ?? 1, minWeightPercent: minimum ?? 10 });
}

/**
 * The part of its weight that an endpoint has which began to warm up `ageMs` ago and has had `requests` since. Envoy's
 * `max(minimum, (age / window)^(1 / aggression))`, held back while it has hardly been asked: time alone warms nothing up, and
 * an endpoint that left the window unasked would be as cold as before with its full share. Full is 1.
 */
export function slowStartFactor(policy: ResolvedSlowStart, ageMs: number, requests: number): number {
  const { aggression, minWeightPercent, windowMs } = policy;
  const progress = Math.min(1, Math.max(ageMs, 1_000) / windowMs);
  // Nobody waits for requests for ever: in twice the window time alone is enough.
  const asked = Math.min(1, Math.max((1 + requests) / WARM_REQUESTS, ageMs / (2 * windowMs)));
  return Math.max(minWeightPercent / 100, Math.min(progress, asked) ** (1 / aggression));
}
