import { configError } from "../../errors.ts";
import { fieldPath } from "../../option-checks.ts";
import type {
  AdaptiveConcurrencyPolicy,
  ResolvedAdaptiveConcurrency,
} from "./adaptive-concurrency/adaptive-concurrency-policy.ts";
import { resolveAdaptiveConcurrency } from "./adaptive-concurrency/resolve-adaptive-concurrency.ts";
import type { AdaptiveThrottlingPolicy, ResolvedAdaptiveThrottling } from "./adaptive-throttling-policy.ts";
import type { BulkheadPolicy, ResolvedBulkhead } from "./bulkhead-policy.ts";
import type { RateLimitPolicy, ResolvedRateLimit } from "./rate-limit-policy.ts";
import { resolveAdaptiveThrottling } from "./resolve-adaptive-throttling.ts";
import { resolveBulkhead } from "./resolve-bulkhead.ts";
import { resolveRateLimit } from "./resolve-rate-limit.ts";

/** What keeps a service from being overloaded by this process; nothing by default. `false` turns off what would be inherited. */
export interface LimitsPolicy {
  readonly rateLimit?: false | RateLimitPolicy | undefined;
  readonly adaptiveThrottling?: false | AdaptiveThrottlingPolicy | undefined;
  /** Not together with a bulkhead: its `maxLimit` is one. */
  readonly adaptiveConcurrency?: false | AdaptiveConcurrencyPolicy | undefined;
  readonly bulkhead?: false | BulkheadPolicy | undefined;
}

/** {@link LimitsPolicy} with every field known. */
export interface ResolvedLimits {
  readonly rateLimit: ResolvedRateLimit | false;
  readonly adaptiveThrottling: ResolvedAdaptiveThrottling | false;
  readonly adaptiveConcurrency: ResolvedAdaptiveConcurrency | false;
  readonly bulkhead: ResolvedBulkhead | false;
}

/** The keys of a {@link LimitsPolicy}, for policies that hold them among others. */
export const limitsKeys: readonly (keyof LimitsPolicy)[] = [
  "rateLimit",
  "adaptiveThrottling",
  "adaptiveConcurrency",
  "bulkhead",
];

/** Nothing is limited. */
export const noLimits: ResolvedLimits = Object.freeze({
  rateLimit: false,
  adaptiveThrottling: false,
  adaptiveConcurrency: false,
  bulkhead: false,
});

/**
 * Checks the limits among the fields of a policy and fills in what is missing.
 * @param given the policy; its other fields are left alone
 * @param prefix path of the policy in error messages
 * @param defaults what they are laid over
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG`
 */
export function resolveLimits(
  given: Readonly<Record<string, unknown>>,
  prefix: string,
  defaults: ResolvedLimits = noLimits,
): ResolvedLimits {
  const at = (key: keyof LimitsPolicy): string => fieldPath(prefix, key);
  const adaptiveConcurrency = resolveAdaptiveConcurrency(
    given["adaptiveConcurrency"],
    at("adaptiveConcurrency"),
    defaults.adaptiveConcurrency,
  );
  const bulkhead = resolveBulkhead(given["bulkhead"], at("bulkhead"), defaults.bulkhead);
  if (adaptiveConcurrency !== false && bulkhead !== false) {
    const expected = `false or left out together with ${at("adaptiveConcurrency")}, whose maxLimit bounds calls in flight as well`;
    throw configError(at("bulkhead"), expected, given["bulkhead"] ?? bulkhead);
  }
  return Object.freeze({
    rateLimit: resolveRateLimit(given["rateLimit"], at("rateLimit"), defaults.rateLimit),
    adaptiveThrottling: resolveAdaptiveThrottling(
      given["adaptiveThrottling"],
      at("adaptiveThrottling"),
      defaults.adaptiveThrottling,
    ),
    adaptiveConcurrency,
    bulkhead,
  });
}
