import { configError } from "../../../errors.ts";
import { checkNumber, checkObject, fieldPath } from "../../../option-checks.ts";
import type { LimitAlgorithmName, ResolvedAdaptiveConcurrency } from "./adaptive-concurrency-policy.ts";

const keys = [
  "algorithm",
  "initialLimit",
  "minLimit",
  "maxLimit",
  "smoothing",
  "queueFactor",
  "maxQueue",
  "queueTimeoutMs",
];

const names: readonly LimitAlgorithmName[] = ["adaptive", "gradient2", "vegas", "aimd"];

const standard: ResolvedAdaptiveConcurrency = {
  algorithm: "adaptive",
  initialLimit: 20,
  minLimit: 1,
  maxLimit: 1_000,
  smoothing: 1,
  queueFactor: 16,
  maxQueue: 1_000,
  queueTimeoutMs: Infinity,
};

/**
 * Checks adaptive concurrency and fills in what is missing. A default limit gives way to a given one (`maxLimit: 10` alone begins
 * with 10).
 * @param input `undefined` leaves it as `defaults` has it, `false` is none
 * @param defaults what it is laid over; `false` where there is none
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG`
 */
export function resolveAdaptiveConcurrency(
  input: unknown,
  path: string,
  defaults: ResolvedAdaptiveConcurrency | false = false,
): ResolvedAdaptiveConcurrency | false {
  if (input === false) return false;
  if (input === undefined) return defaults;
  const given = checkObject(input, path, keys, true);
  const base = defaults === false ? standard : defaults;
  const algorithm = resolveName(given["algorithm"], fieldPath(path, "algorithm")) ?? base.algorithm;
  const inherits = algorithm === base.algorithm;
  const queueRule = { min: 0, max: 1_000_000, integer: true };
  return Object.freeze({
    algorithm,
    ...resolveLimits(given, path, base),
    smoothing: resolveSmoothing(given["smoothing"], fieldPath(path, "smoothing"), algorithm, base),
    queueFactor:
      checkNumber(given["queueFactor"], fieldPath(path, "queueFactor"), { min: 0, max: 100 }) ??
      (inherits ? base.queueFactor : standardQueueFactor(algorithm)),
    maxQueue: checkNumber(given["maxQueue"], fieldPath(path, "maxQueue"), queueRule) ?? base.maxQueue,
    queueTimeoutMs:
      checkNumber(given["queueTimeoutMs"], fieldPath(path, "queueTimeoutMs"), { min: 1, max: 2 ** 31 - 1 }) ??
      base.queueTimeoutMs,
  });
}

function standardQueueFactor(algorithm: LimitAlgorithmName): number {
  return algorithm === "adaptive" ? 16 : 2;
}

function resolveName(input: unknown, path: string): LimitAlgorithmName | undefined {
  if (input === undefined) return undefined;
  const found = names.find((name) => name === input);
  if (found === undefined) throw configError(path, `one of ${names.join(", ")}`, input);
  return found;
}

function resolveLimits(
  given: Readonly<Record<string, unknown>>,
  path: string,
  base: ResolvedAdaptiveConcurrency,
): Pick<ResolvedAdaptiveConcurrency, "initialLimit" | "minLimit" | "maxLimit"> {
  const rule = { min: 1, max: 1_000_000, integer: true };
  const limit = (key: string): number | undefined => checkNumber(given[key], fieldPath(path, key), rule);
  const initial = limit("initialLimit");
  const min = limit("minLimit");
  const max = limit("maxLimit");
  const maxLimit = max ?? Math.max(base.maxLimit, initial ?? 0, min ?? 0);
  const minLimit = min ?? Math.min(base.minLimit, maxLimit, initial ?? Infinity);
  if (minLimit > maxLimit) {
    throw configError(
      fieldPath(path, "minLimit"),
      `at most ${fieldPath(path, "maxLimit")} (${maxLimit})`,
      min,
    );
  }
  if (initial !== undefined && (initial < minLimit || initial > maxLimit)) {
    throw configError(fieldPath(path, "initialLimit"), `a number from ${minLimit} to ${maxLimit}`, initial);
  }
  return {
    initialLimit: initial ?? Math.min(maxLimit, Math.max(minLimit, base.initialLimit)),
    minLimit,
    maxLimit,
  };
}

function resolveSmoothing(
  input: unknown,
  path: string,
  algorithm: LimitAlgorithmName,
  base: ResolvedAdaptiveConcurrency,
): number {
  const smoothing = checkNumber(input, path, { min: 0, max: 1, above: true });
  if (smoothing !== undefined && algorithm !== "gradient2" && algorithm !== "vegas") {
    throw configError(path, `left out with the algorithm ${algorithm}`, smoothing);
  }
  if (smoothing !== undefined) return smoothing;
  if (algorithm === base.algorithm) return base.smoothing;
  return algorithm === "gradient2" ? 0.2 : 1;
}
