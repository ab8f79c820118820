import type { CallSums } from "./call-counter.ts";
import type { Command, CommandCircuit } from "./commands.ts";
import type { Latencies } from "./latencies.ts";

/** The percentiles that Hystrix tells. */
const percentiles = [0, 25, 50, 75, 90, 95, 99, 99.5, 100] as const;

/** What one record is made of. */
export interface HystrixSubject {
  readonly command: Command;
  /** The calls that pass the circuit, over {@link windowMs}. */
  readonly sums: CallSums;
  readonly windowMs: number;
  /** Milliseconds since 1970. */
  readonly at: number;
}

/** The values of a record: Turbine adds up numbers that are whole, and counts what is true and what is false. */
export type HystrixValue = string | number | boolean | null | Readonly<Record<string, number>>;

/**
 * A `HystrixCommand` record with every field that Hystrix 1.5 writes. What Hystrix has no word for is told as the nearest: calls that
 * a limit refused as rejected by a semaphore, callers that gave up as bad requests, shared answers as answers from the cache.
 *
 * Of several processes it is what Turbine makes of theirs. Counts are sums. What differs says how many have which value. Latencies and
 * percentages are told as many times as there are processes, because readers divide them by `reportingHosts`; here they are those of
 * all calls, where Turbine can only add up percentiles.
 */
export function hystrixRecord(subject: HystrixSubject): Readonly<Record<string, HystrixValue>> {
  const { at, command, sums, windowMs } = subject;
  const { circuits, inFlight, name, service: group } = command;
  const { counts, latencies } = sums;
  const errors = counts.failure + counts.timeout + counts.circuit + counts.refused;
  const requests = errors + counts.success;
  const hosts = circuits.length;
  const latency = latencyMap(latencies, hosts);
  const meanMs = hosts * Math.round(latencies.meanMs);
  const of = <T extends number | boolean>(valueOf: (circuit: CommandCircuit) => T): T | string =>
    agreed(circuits.map((circuit) => valueOf(circuit)));
  const totalMs = of((circuit) => circuit.totalMs);
  const maxConcurrent = of((circuit) => circuit.maxConcurrent);
  return {
    type: "HystrixCommand",
    name,
    group,
    currentTime: Math.round(at),
    isCircuitBreakerOpen: of(({ mode, state }) => state === "open" && mode !== "metrics-only"),
    errorPercentage: requests === 0 ? 0 : hosts * Math.floor((100 * errors) / requests),
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
    propertyValue_circuitBreakerRequestVolumeThreshold: of(({ minCalls }) => minCalls),
    propertyValue_circuitBreakerSleepWindowInMilliseconds: of(({ openMs }) => openMs),
    propertyValue_circuitBreakerErrorThresholdPercentage: of(({ failureRatio }) =>
      Math.round(100 * failureRatio),
    ),
    propertyValue_circuitBreakerForceOpen: of(({ mode }) => mode === "forced-open"),
    propertyValue_circuitBreakerForceClosed: of(({ mode }) => mode === "forced-closed"),
    propertyValue_circuitBreakerEnabled: of(({ mode }) => mode !== "metrics-only"),
    propertyValue_executionIsolationStrategy: "SEMAPHORE",
    propertyValue_executionIsolationThreadTimeoutInMilliseconds: totalMs,
    propertyValue_executionTimeoutInMilliseconds: totalMs,
    propertyValue_executionIsolationThreadInterruptOnTimeout: true,
    propertyValue_executionIsolationThreadPoolKeyOverride: null,
    propertyValue_executionIsolationSemaphoreMaxConcurrentRequests: maxConcurrent,
    propertyValue_fallbackIsolationSemaphoreMaxConcurrentRequests: maxConcurrent,
    propertyValue_metricsRollingStatisticalWindowInMilliseconds: windowMs,
    propertyValue_requestCacheEnabled: of(({ isCached }) => isCached),
    propertyValue_requestLogEnabled: false,
    reportingHosts: hosts,
    threadPool: group,
  };
}

function latencyMap(latencies: Latencies, hosts: number): Readonly<Record<string, number>> {
  return Object.fromEntries(
    percentiles.map((percent) => [String(percent), hosts * Math.round(latencies.percentile(percent) ?? 0)]),
  );
}

/**
 * What all say; else how many say what, as JSON in a string: `{"false":3,"true":1}`. Turbine writes it like that for other Turbines, and
 * one that got an object where a boolean was would break off.
 */
function agreed<T extends number | boolean>(values: readonly T[]): T | string {
  const counts = new Map<T, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  const [first] = values;
  if (first !== undefined && counts.size === 1) return first;
  const entries = Array.from(counts, ([value, count]) => [String(value), count] as const);
  return JSON.stringify(Object.fromEntries(entries.toSorted(([one], [other]) => (one < other ? -1 : 1))));
}
