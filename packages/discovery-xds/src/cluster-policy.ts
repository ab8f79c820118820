import type { OutlierDetectionPolicy, ServicePolicy } from "@proxyless/core";

import { readBalancer } from "./balancer-policy.ts";
import { millisecondsOf } from "./basic-messages.ts";
import type { Wrapped } from "./basic-messages.ts";
import type { Cluster, OutlierDetection, Thresholds } from "./cluster-messages.ts";
import { within } from "./range.ts";

/** A cluster's policy in the mesh's words, and what of it the mesh has no words for. */
export interface MappedPolicy {
  readonly policy: ServicePolicy;
  /** Fields of the cluster, as Envoy calls them, that ask for something that is not done. */
  readonly leftOut: readonly string[];
}

/** A limit from here on is none: control planes write the largest number for "unlimited". */
const unlimited = 1_000_000;
const defaultPriority = 0;

/**
 * Maps what a cluster says onto a policy. Only what it says: without circuit breakers in the cluster there is no bulkhead
 * in the policy. Where it has outlier detection, the fields of it that are missing have Envoy's defaults.
 */
export function readClusterPolicy(cluster: Cluster): MappedPolicy {
  const leftOut: string[] = [];
  const { balancer, slowStart } = readBalancer(cluster, leftOut);
  const thresholds = cluster.circuitBreakers?.thresholds.find(({ priority }) => priority === defaultPriority);
  const bulkhead = readBulkhead(thresholds);
  const budget = readBudget(thresholds);
  if (isGiven(thresholds?.maxRetries)) leftOut.push("circuit_breakers.max_retries");
  const panic = cluster.commonLbConfig?.healthyPanicThreshold?.value;
  if (isThere(cluster.commonLbConfig?.zoneAwareLbConfig))
    leftOut.push("common_lb_config.zone_aware_lb_config");
  if (isThere(cluster.transportSocket)) leftOut.push("transport_socket");
  if (cluster.transportSocketMatches.length > 0) leftOut.push("transport_socket_matches");
  const connectMs = millisecondsOf(cluster.connectTimeout);
  return {
    policy: {
      ...(balancer === undefined ? {} : { balancer }),
      ...(isThere(cluster.outlierDetection)
        ? { outlierDetection: readOutlierDetection(cluster.outlierDetection) }
        : {}),
      ...(bulkhead === undefined ? {} : { bulkhead }),
      ...(budget === undefined ? {} : { retry: { budget } }),
      ...(panic === undefined ? {} : { panicThreshold: within(panic, 0, 100) }),
      ...(slowStart === undefined ? {} : { slowStart }),
      ...(connectMs === undefined ? {} : { timeout: { connectMs: within(connectMs, 1, 2 ** 31 - 1) } }),
    },
    leftOut,
  };
}

function readOutlierDetection(message: OutlierDetection): OutlierDetectionPolicy {
  const baseEjectionMs = within(millisecondsOf(message.baseEjectionTime) ?? 30_000, 1, 86_400_000);
  const maxEjectionMs = within(
    millisecondsOf(message.maxEjectionTime) ?? 300_000,
    baseEjectionMs,
    86_400_000,
  );
  const consecutive = (
    count: Wrapped<number> | null | undefined,
    enforcing: Wrapped<number> | null | undefined,
    usual: number,
  ): false | { readonly count: number; readonly enforcing: number } => {
    const times = count?.value ?? 5;
    return times === 0 ? false : { count: within(times, 1, 1_000_000), enforcing: percent(enforcing, usual) };
  };
  return {
    intervalMs: within(millisecondsOf(message.interval) ?? 10_000, 100, 3_600_000),
    baseEjectionMs,
    maxEjectionMs,
    maxEjectionPercent: percent(message.maxEjectionPercent, 10),
    splitExternalLocalOriginErrors: message.splitExternalLocalOriginErrors,
    consecutive5xx: consecutive(message.consecutive5xx, message.enforcingConsecutive5xx, 100),
    consecutiveGatewayFailure: consecutive(
      message.consecutiveGatewayFailure,
      message.enforcingConsecutiveGatewayFailure,
      0,
    ),
    // Without the split there is nothing that it could count.
    ...(message.splitExternalLocalOriginErrors
      ? {
          consecutiveLocalOriginFailure: consecutive(
            message.consecutiveLocalOriginFailure,
            message.enforcingConsecutiveLocalOriginFailure,
            100,
          ),
        }
      : {}),
    successRate: {
      enforcing: percent(message.enforcingSuccessRate, 100),
      minimumHosts: within(message.successRateMinimumHosts?.value ?? 5, 2, 1_000_000),
      requestVolume: within(message.successRateRequestVolume?.value ?? 100, 1, 1_000_000),
      stdevFactor: within((message.successRateStdevFactor?.value ?? 1900) / 1000, 0, 10),
    },
    failurePercentage: {
      enforcing: percent(message.enforcingFailurePercentage, 0),
      threshold: within(message.failurePercentageThreshold?.value ?? 85, 1, 100),
      minimumHosts: within(message.failurePercentageMinimumHosts?.value ?? 5, 1, 1_000_000),
      requestVolume: within(message.failurePercentageRequestVolume?.value ?? 50, 1, 1_000_000),
    },
    successfulHealthCheckUnejects: message.successfulActiveHealthCheckUnejectHost?.value ?? true,
  };
}

/**
 * `max_requests` bounds HTTP/2, `max_connections` HTTP/1.1: here the smaller one bounds calls in flight. As many as
 * `max_pending_requests` wait, as they do there for a connection.
 */
function readBulkhead(
  thresholds: Thresholds | undefined,
): { readonly maxConcurrent: number; readonly maxQueue: number } | undefined {
  const { maxConnections, maxPendingRequests, maxRequests } = thresholds ?? {};
  const most = Math.min(maxConnections?.value ?? unlimited, maxRequests?.value ?? unlimited);
  if (most >= unlimited) return undefined;
  const maxQueue = within(maxPendingRequests?.value ?? 0, 0, unlimited);
  return { maxConcurrent: Math.max(1, most), maxQueue };
}

function readBudget(thresholds: Thresholds | undefined): { readonly ratio: number } | undefined {
  const budget = thresholds?.retryBudget;
  if (!isThere(budget)) return undefined;
  return { ratio: within((budget.budgetPercent?.value ?? 20) / 100, 0, 1) };
}

function percent(value: Wrapped<number> | null | undefined, usual: number): number {
  return within(value?.value ?? usual, 0, 100);
}

function isGiven(value: Wrapped<number> | null | undefined): boolean {
  return isThere(value) && value.value < unlimited;
}

function isThere<T>(value: T | null | undefined): value is T {
  return value !== null && value !== undefined;
}
