import type { CircuitView, Json, PolicyValues, ServiceView } from "@proxyless/core";

import type { CallSums } from "./call-counter.ts";
import type { Latencies } from "./latencies.ts";

/** The percentiles that Hystrix tells. */
const percentiles = [0, 25, 50, 75, 90, 95, 99, 99.5, 100] as const;

/** What one record is made of. */
export interface HystrixSubject {
  readonly name: string;
  readonly group: string;
  readonly circuit: CircuitView;
  /** The calls that pass the circuit, over {@link windowMs}. */
  readonly sums: CallSums;
  readonly windowMs: number;
  readonly inFlight: number;
  /** What is in force for these calls, as `mesh.inspect()` shows it. */
  readonly policy: PolicyValues;
  /** Milliseconds since 1970. */
  readonly at: number;
}

/** The values of a record: Turbine adds up numbers that are whole, and counts what is true and what is false. */
export type HystrixValue = string | number | boolean | null | Readonly<Record<string, number>>;

/**
 * A `HystrixCommand` record with every field that Hystrix 1.5 writes. What Hystrix has no word for is told as the nearest: calls that
 * a limit refused as rejected by a semaphore, callers that gave up as bad requests, shared answers as answers from the cache.
 */
export function hystrixRecord(subject: HystrixSubject): Readonly<Record<string, HystrixValue>> {
  const { at, circuit, group, inFlight, name, policy, sums, windowMs } = subject;
  const { counts, latencies } = sums;
  const errors = counts.failure + counts.timeout + counts.circuit + counts.refused;
  const requests = errors + counts.success;
  const latency = latencyMap(latencies);
  const meanMs = Math.round(latencies.meanMs);
  const rules = policyGroup(policy, "circuit");
  const totalMs = numberOf(policyGroup(policy, "timeout"), "totalMs") ?? 0;
  const maxConcurrent = numberOf(policyGroup(policy, "bulkhead"), "maxConcurrent") ?? 0;
  return {
    type: "HystrixCommand",
    name,
    group,
    currentTime: Math.round(at),
    isCircuitBreakerOpen: circuit.state === "open" && circuit.mode !== "metrics-only",
    errorPercentage: requests === 0 ? 0 : Math.floor((100 * errors) / requests),
    errorCount: errors,
    requestCount: requests,
    rollingCountBadRequests: counts.ignored,
    rollingCountCollapsedRequests: 0,
    rollingCountEmit: 0,
    rollingCountExceptionsThrown: errors,
    rollingCountFailure: counts.failure,
    rollingCountFallbackEmit: 0,
    rollingCountFallbackFailure: counts.fallbackFailed,
    rollingCountFallbackMissing: 0,
    rollingCountFallbackRejection: 0,
    rollingCountFallbackSuccess: counts.fallback,
    rollingCountResponsesFromCache: counts.cached,
    rollingCountSemaphoreRejected: counts.refused,
    rollingCountShortCircuited: counts.circuit,
    rollingCountSuccess: counts.success,
    rollingCountThreadPoolRejected: 0,
    rollingCountTimeout: counts.timeout,
    currentConcurrentExecutionCount: inFlight,
    rollingMaxConcurrentExecutionCount: Math.max(inFlight, sums.maxInFlight),
    latencyExecute_mean: meanMs,
    latencyExecute: latency,
    latencyTotal_mean: meanMs,
    latencyTotal: latency,
    propertyValue_circuitBreakerRequestVolumeThreshold: numberOf(rules, "minCalls") ?? 0,
    propertyValue_circuitBreakerSleepWindowInMilliseconds: numberOf(rules, "openMs") ?? 0,
    propertyValue_circuitBreakerErrorThresholdPercentage: Math.round(
      100 * (numberOf(rules, "failureRatio") ?? 1),
    ),
    propertyValue_circuitBreakerForceOpen: circuit.mode === "forced-open",
    propertyValue_circuitBreakerForceClosed: circuit.mode === "forced-closed",
    propertyValue_circuitBreakerEnabled: circuit.mode !== "metrics-only",
    propertyValue_executionIsolationStrategy: "SEMAPHORE",
    propertyValue_executionIsolationThreadTimeoutInMilliseconds: totalMs,
    propertyValue_executionTimeoutInMilliseconds: totalMs,
    propertyValue_executionIsolationThreadInterruptOnTimeout: true,
    propertyValue_executionIsolationThreadPoolKeyOverride: null,
    propertyValue_executionIsolationSemaphoreMaxConcurrentRequests: maxConcurrent,
    propertyValue_fallbackIsolationSemaphoreMaxConcurrentRequests: maxConcurrent,
    propertyValue_metricsRollingStatisticalWindowInMilliseconds: windowMs,
    propertyValue_requestCacheEnabled: policy["cache"] !== undefined && policy["cache"] !== false,
    propertyValue_requestLogEnabled: false,
    reportingHosts: 1,
    threadPool: group,
  };
}

/** The values in force for a route of a service, or for the service itself. */
export function policyOf(service: ServiceView | undefined, route: string | undefined): PolicyValues {
  const policy = service?.policy;
  const part = policy?.routes.find(({ match }) => match.path === route) ?? policy;
  return part?.values ?? {};
}

function latencyMap(latencies: Latencies): Readonly<Record<string, number>> {
  return Object.fromEntries(
    percentiles.map((percent) => [String(percent), Math.round(latencies.percentile(percent) ?? 0)]),
  );
}

function policyGroup(values: PolicyValues, key: string): PolicyValues {
  const group = values[key];
  return isGroup(group) ? group : {};
}

function isGroup(value: Json | undefined): value is PolicyValues {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function numberOf(values: PolicyValues, key: string): number | undefined {
  const value = values[key];
  return typeof value === "number" ? Math.round(value * 1000) / 1000 : undefined;
}
