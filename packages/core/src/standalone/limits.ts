import { configError } from "../errors.ts";
import type { AdaptiveConcurrencyPolicy } from "../policies/limit/adaptive-concurrency/adaptive-concurrency-policy.ts";
import type { AdaptiveLimiterState } from "../policies/limit/adaptive-concurrency/adaptive-limiter.ts";
import type { AdaptiveThrottlingPolicy } from "../policies/limit/adaptive-throttling-policy.ts";
import type { AdaptiveThrottleState } from "../policies/limit/adaptive-throttling.ts";
import type { BulkheadPolicy } from "../policies/limit/bulkhead-policy.ts";
import type { BulkheadState } from "../policies/limit/bulkhead.ts";
import { resolveLimits } from "../policies/limit/limits-policy.ts";
import type { LimitsPolicy, ResolvedLimits } from "../policies/limit/limits-policy.ts";
import { Limits } from "../policies/limit/limits.ts";
import type { LimitsState } from "../policies/limit/limits.ts";
import type { RateLimitPolicy } from "../policies/limit/rate-limit-policy.ts";
import type { RateLimiterState } from "../policies/limit/rate-limiter.ts";
import { commonOptions, judgingKeys } from "./common-options.ts";
import type { CommonOptions } from "./common-options.ts";
import { Judgement } from "./judgement.ts";
import { LimitStage } from "./limit-stage.ts";
import type { Lessons } from "./limit-stage.ts";
import { offPolicy } from "./off-policy.ts";
import { policyOf } from "./pipeline.ts";
import type { JudgingOptions, Policy, PolicyOptions, PolicyView } from "./policy.ts";
import type { Span } from "./stage.ts";

/** What a limit that learns is made with besides its policy. */
export interface LoadOptions extends JudgingOptions {
  /**
   * Whether a failure means that what was called has too much to do; asked with undefined for a result that is a failure. By default every
   * failure does to `adaptiveThrottling`, and none to `adaptiveConcurrency`, which goes by how long calls take.
   */
  isOverload?(error: unknown): boolean;
}

/** A limit around functions. */
export interface StandaloneLimit<P, S> extends Policy {
  /** Takes another policy. What was counted and learnt stays, and so does who waits. */
  update(policy: P): void;
  inspect(): S & PolicyView;
}

/** A bulkhead around functions. */
export type StandaloneBulkhead = StandaloneLimit<BulkheadPolicy, BulkheadState>;
/** A rate limit around functions. */
export type StandaloneRateLimit = StandaloneLimit<RateLimitPolicy, RateLimiterState>;
/** Adaptive concurrency around functions. */
export type StandaloneAdaptiveConcurrency = StandaloneLimit<AdaptiveConcurrencyPolicy, AdaptiveLimiterState>;
/** Adaptive throttling around functions. */
export type StandaloneAdaptiveThrottling = StandaloneLimit<AdaptiveThrottlingPolicy, AdaptiveThrottleState>;

/**
 * So many calls run at once, and some more wait.
 * @param policy as for a service; `false` for none
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG`
 */
export function bulkhead(policy: false, options?: PolicyOptions): Policy;
export function bulkhead(policy: BulkheadPolicy, options?: PolicyOptions): StandaloneBulkhead;
export function bulkhead(
  policy: BulkheadPolicy | false,
  options?: PolicyOptions,
): Policy | StandaloneBulkhead;
export function bulkhead(
  policy: BulkheadPolicy | false,
  options: PolicyOptions = {},
): Policy | StandaloneBulkhead {
  const common = commonOptions(options, "bulkhead");
  if (policy === false) return offPolicy;
  return limit("bulkhead", policy, common, undefined, policy.queueTimeoutMs, "queueTimeoutMs");
}

/**
 * So many calls begin per second, or so many of each `key`.
 * @param policy as for a service; `false` for none
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG`
 */
export function rateLimit(policy: false, options?: PolicyOptions): Policy;
export function rateLimit(policy: RateLimitPolicy, options?: PolicyOptions): StandaloneRateLimit;
export function rateLimit(
  policy: RateLimitPolicy | false,
  options?: PolicyOptions,
): Policy | StandaloneRateLimit;
export function rateLimit(
  policy: RateLimitPolicy | false,
  options: PolicyOptions = {},
): Policy | StandaloneRateLimit {
  const common = commonOptions(options, "rateLimit");
  if (policy === false) return offPolicy;
  return limit("rateLimit", policy, common, undefined, policy.maxWaitMs, "maxWaitMs");
}

/**
 * As many calls run at once as what they call can do, found out by how long they take.
 * @param policy as for a service; `false` for none
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG`
 */
export function adaptiveConcurrency(policy: false, options?: LoadOptions): Policy;
export function adaptiveConcurrency(
  policy?: AdaptiveConcurrencyPolicy,
  options?: LoadOptions,
): StandaloneAdaptiveConcurrency;
export function adaptiveConcurrency(
  policy?: AdaptiveConcurrencyPolicy | false,
  options?: LoadOptions,
): Policy | StandaloneAdaptiveConcurrency;
export function adaptiveConcurrency(
  policy: AdaptiveConcurrencyPolicy | false = {},
  options: LoadOptions = {},
): Policy | StandaloneAdaptiveConcurrency {
  const common = commonOptions(options, "adaptiveConcurrency", [...judgingKeys, "isOverload"]);
  if (policy === false) return offPolicy;
  const lessons = {
    judgement: new Judgement(options),
    isOverload: (error: unknown) => options.isOverload?.(error) === true,
  };
  return limit("adaptiveConcurrency", policy, common, lessons, policy.queueTimeoutMs, "queueTimeoutMs");
}

/**
 * Holds calls back by chance, the more of them the more fail.
 * @param policy as for a service; `false` for none
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG`
 */
export function adaptiveThrottling(policy: false, options?: LoadOptions): Policy;
export function adaptiveThrottling(
  policy?: AdaptiveThrottlingPolicy,
  options?: LoadOptions,
): StandaloneAdaptiveThrottling;
export function adaptiveThrottling(
  policy?: AdaptiveThrottlingPolicy | false,
  options?: LoadOptions,
): Policy | StandaloneAdaptiveThrottling;
export function adaptiveThrottling(
  policy: AdaptiveThrottlingPolicy | false = {},
  options: LoadOptions = {},
): Policy | StandaloneAdaptiveThrottling {
  const common = commonOptions(options, "adaptiveThrottling", [...judgingKeys, "isOverload"]);
  if (policy === false) return offPolicy;
  const lessons = {
    judgement: new Judgement(options),
    isOverload: (error: unknown) => options.isOverload?.(error) !== false,
  };
  return limit("adaptiveThrottling", policy, common, lessons, undefined, "");
}

/** @param waitMs a wait that the user asked for, by the field of the policy that says so */
function limit<K extends keyof LimitsPolicy>(
  kind: K,
  policy: Exclude<LimitsPolicy[K], false | undefined>,
  { clock, name, random }: CommonOptions,
  lessons: Lessons | undefined,
  waitMs: number | undefined,
  field: string,
): StandaloneLimit<Exclude<LimitsPolicy[K], false | undefined>, NonNullable<LimitsState[K]>> {
  const limits = new Limits(resolved(kind, policy), { clock, random });
  const inspect = (): NonNullable<LimitsState[K]> & PolicyView => {
    const state = limits.inspect(clock.now())[kind];
    if (state === undefined) throw new Error(`${kind} is not there`);
    return { kind, name, ...state };
  };
  const spans: readonly Span[] = waitMs === undefined ? [] : [{ field: `${kind}.${field}`, ms: waitMs }];
  const stage = new LimitStage({
    limits,
    clock,
    name,
    inspect,
    holds: kind !== "rateLimit",
    lessons,
    spans,
  });
  return policyOf<never, Omit<ReturnType<typeof limit<K>>, "execute">>([stage], {
    update: (next) => {
      limits.update(resolved(kind, next), clock.now());
    },
    inspect,
  });
}

function resolved(kind: keyof LimitsPolicy, policy: unknown): ResolvedLimits {
  if (policy === false || policy === undefined) throw configError(kind, "an object", policy);
  return resolveLimits({ [kind]: policy }, "");
}
