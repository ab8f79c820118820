import { fieldPath } from "../option-checks.ts";
import type { CachePolicy, ResolvedCache } from "./cache/cache-policy.ts";
import { resolveCache } from "./cache/resolve-cache.ts";
import type { CoalescePolicy, ResolvedCoalesce } from "./coalesce/coalesce-policy.ts";
import { resolveCoalesce } from "./coalesce/resolve-coalesce.ts";
import type { FallbackPolicy, ResolvedFallback } from "./fallback/fallback-policy.ts";
import { resolveFallback } from "./fallback/resolve-fallback.ts";
import type { FaultPolicy, ResolvedFault } from "./fault/fault-policy.ts";
import { resolveFault } from "./fault/resolve-fault.ts";

/** What may answer in place of a call, or befall it; nothing by default. */
export interface AroundPolicy {
  /** What is answered where the call fails. */
  readonly fallback?: false | FallbackPolicy | undefined;
  /** Answers that HTTP allows to be used again. */
  readonly cache?: boolean | CachePolicy | undefined;
  /** One call for identical ones at the same time. */
  readonly coalesce?: boolean | CoalescePolicy | undefined;
  /** Failures and delays on purpose. */
  readonly faultInjection?: false | FaultPolicy | undefined;
}

/** {@link AroundPolicy} with every field known. */
export interface ResolvedAround {
  readonly fallback: ResolvedFallback | false;
  readonly cache: ResolvedCache | false;
  readonly coalesce: ResolvedCoalesce | false;
  readonly faultInjection: ResolvedFault | false;
}

/** The keys of an {@link AroundPolicy}, for policies that hold them among others. */
export const aroundKeys: readonly (keyof AroundPolicy)[] = [
  "fallback",
  "cache",
  "coalesce",
  "faultInjection",
];

/**
 * Checks what is around the calls of a service or route.
 * @param given the policy; its other fields are left alone
 * @param base what a route inherits
 * @param service the name of the service, which cannot stand in for itself
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG`
 */
export function resolveAround(
  given: Readonly<Record<string, unknown>>,
  prefix: string,
  base?: ResolvedAround,
  service?: string,
): ResolvedAround {
  const at = (key: keyof AroundPolicy): string => fieldPath(prefix, key);
  return Object.freeze({
    fallback: resolveFallback(given["fallback"], at("fallback"), base?.fallback, service),
    cache: resolveCache(given["cache"], at("cache"), base?.cache),
    coalesce: resolveCoalesce(given["coalesce"], at("coalesce"), base?.coalesce),
    faultInjection: resolveFault(given["faultInjection"], at("faultInjection"), base?.faultInjection),
  });
}
