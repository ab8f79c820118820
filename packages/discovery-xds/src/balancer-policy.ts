import type { BalancerPolicy, SlowStartPolicy } from "@proxyless/core";

import { millisecondsOf, numberOf } from "./basic-messages.ts";
import type { Int64, Wrapped } from "./basic-messages.ts";
import type { Cluster, LoadBalancingPolicy, SlowStartConfig } from "./cluster-messages.ts";
import { codecOf } from "./codec.ts";
import type { Messages } from "./messages.ts";
import { within } from "./range.ts";

/** What chooses the endpoint, as far as the cluster says it. */
export interface BalancerChoice {
  readonly balancer: BalancerPolicy | undefined;
  readonly slowStart: SlowStartPolicy | undefined;
}

const undecided: BalancerChoice = { balancer: undefined, slowStart: undefined };
const extensions = "type.googleapis.com/envoy.extensions.load_balancing_policies.";
const maxDepth = 8;
const maxRing = 8_388_608;
const maxTable = 5_000_011;

/**
 * Reads `load_balancing_policy`, of which the first entry that is known here counts (gRPC A52), else `lb_policy`. Round
 * robin goes by weight, as Envoy's does. A cluster that names none has Envoy's default, which is round robin.
 */
export function readBalancer(cluster: Cluster, leftOut: string[]): BalancerChoice {
  if (cluster.loadBalancingPolicy !== null && cluster.loadBalancingPolicy !== undefined) {
    const found = firstKnown(cluster.loadBalancingPolicy, 0);
    if (found === undefined) leftOut.push("load_balancing_policy");
    return found ?? undecided;
  }
  switch (cluster.lbPolicy) {
    case 0:
      return roundRobin(cluster.roundRobinLbConfig?.slowStartConfig);
    case 1: {
      const config = cluster.leastRequestLbConfig;
      return leastRequest(config?.choiceCount, config?.slowStartConfig);
    }
    case 2: {
      const config = cluster.ringHashLbConfig;
      return ringHash(config?.minimumRingSize, config?.maximumRingSize);
    }
    case 3:
      return { ...undecided, balancer: { type: "random" } };
    case 5:
      return maglev(cluster.maglevLbConfig?.tableSize);
    default:
      leftOut.push("lb_policy");
      return undecided;
  }
}

function firstKnown(list: LoadBalancingPolicy, depth: number): BalancerChoice | undefined {
  for (const { typedExtensionConfig } of list.policies) {
    const config = typedExtensionConfig?.typedConfig;
    if (config === null || config === undefined || !config.typeUrl.startsWith(extensions)) continue;
    const known = kinds[config.typeUrl.slice(extensions.length)];
    const found = known?.(config.value, depth);
    if (found !== undefined) return found;
  }
  return undefined;
}

const kinds: Readonly<Record<string, (bytes: Uint8Array, depth: number) => BalancerChoice | undefined>> = {
  "round_robin.v3.RoundRobin": (bytes) => roundRobin(codecOf("RoundRobin").decode(bytes).slowStartConfig),
  "least_request.v3.LeastRequest": (bytes) => {
    const config = codecOf("LeastRequest").decode(bytes);
    const isFull = config.selectionMethod === 1 || config.enableFullScan?.value === true;
    return leastRequest(config.choiceCount, config.slowStartConfig, isFull);
  },
  "random.v3.Random": () => ({ ...undecided, balancer: { type: "random" } }),
  "ring_hash.v3.RingHash": (bytes) => {
    const config = codecOf("RingHash").decode(bytes);
    const factor = config.consistentHashingLbConfig?.hashBalanceFactor ?? config.hashBalanceFactor;
    return ringHash(config.minimumRingSize, config.maximumRingSize, factor);
  },
  "maglev.v3.Maglev": (bytes) => {
    const config = codecOf("Maglev").decode(bytes);
    return maglev(config.tableSize, config.consistentHashingLbConfig?.hashBalanceFactor);
  },
  "client_side_weighted_round_robin.v3.ClientSideWeightedRoundRobin": (bytes) =>
    reported(codecOf("ClientSideWeightedRoundRobin").decode(bytes)),
  // The weights of localities are in those of the endpoints already; what it wraps is what chooses.
  "wrr_locality.v3.WrrLocality": (bytes, depth) => {
    const { endpointPickingPolicy } = codecOf("WrrLocality").decode(bytes);
    const isThere = endpointPickingPolicy !== null && endpointPickingPolicy !== undefined;
    return isThere && depth < maxDepth ? firstKnown(endpointPickingPolicy, depth + 1) : undefined;
  },
};

function roundRobin(slow: SlowStartConfig | null | undefined): BalancerChoice {
  return { balancer: { type: "weighted-round-robin" }, slowStart: readSlowStart(slow) };
}

function leastRequest(
  choices: Wrapped<number> | null | undefined,
  slow: SlowStartConfig | null | undefined,
  isFull = false,
): BalancerChoice {
  const number = choices?.value;
  const drawn = number === undefined ? {} : { choices: within(number, 2, 10) };
  const balancer: BalancerPolicy = { type: "least-request", ...(isFull ? { choices: "all" } : drawn) };
  return { balancer, slowStart: readSlowStart(slow) };
}

function ringHash(
  min: Wrapped<Int64> | null | undefined,
  max: Wrapped<Int64> | null | undefined,
  factor?: Wrapped<number> | null,
): BalancerChoice {
  const least = min === null || min === undefined ? undefined : sizeOf(min, maxRing);
  const most = max === null || max === undefined ? undefined : sizeOf(max, maxRing);
  return {
    ...undecided,
    balancer: {
      type: "ring-hash",
      ...(least === undefined ? {} : { minRingSize: Math.min(least, most ?? least) }),
      ...(most === undefined ? {} : { maxRingSize: most }),
      ...boundedBy(factor),
    },
  };
}

function maglev(table: Wrapped<Int64> | null | undefined, factor?: Wrapped<number> | null): BalancerChoice {
  const size = table === null || table === undefined ? undefined : sizeOf(table, maxTable);
  return {
    ...undecided,
    balancer: {
      type: "maglev",
      // Envoy refuses what is no prime; so does the mesh.
      ...(size !== undefined && isPrime(size) ? { tableSize: size } : {}),
      ...boundedBy(factor),
    },
  };
}

function reported(config: Messages["ClientSideWeightedRoundRobin"]): BalancerChoice {
  const blackout = millisecondsOf(config.blackoutPeriod);
  const expiration = millisecondsOf(config.weightExpirationPeriod);
  const update = millisecondsOf(config.weightUpdatePeriod);
  const penalty = config.errorUtilizationPenalty?.value;
  return {
    ...undecided,
    balancer: {
      type: "client-side-weighted-round-robin",
      ...(blackout === undefined ? {} : { blackoutPeriodMs: within(blackout, 0, 3_600_000) }),
      ...(expiration === undefined ? {} : { weightExpirationPeriodMs: within(expiration, 0, 86_400_000) }),
      ...(update === undefined ? {} : { weightUpdatePeriodMs: within(update, 100, 3_600_000) }),
      ...(penalty === undefined ? {} : { errorUtilizationPenalty: within(penalty, 0, 1000) }),
      ...(config.metricNames.length === 0
        ? {}
        : { metricNamesForComputingUtilization: [...config.metricNames] }),
    },
  };
}

function readSlowStart(config: SlowStartConfig | null | undefined): SlowStartPolicy | undefined {
  const window = millisecondsOf(config?.slowStartWindow);
  if (window === undefined || window === 0) return undefined;
  const aggression = config?.aggression?.defaultValue;
  const least = config?.minWeightPercent?.value;
  return {
    windowMs: within(window, 1000, 3_600_000),
    ...(aggression === undefined ? {} : { aggression: within(aggression, 0.1, 10) }),
    ...(least === undefined || !(least > 0) ? {} : { minWeightPercent: within(least, 0, 100) }),
  };
}

function boundedBy(factor: Wrapped<number> | null | undefined): { boundedLoad?: { factor: number } } {
  // Percent of the mean load; 100 and less would let nobody have it.
  const value = factor?.value ?? 0;
  return value > 100 ? { boundedLoad: { factor: Math.min(value / 100, 10) } } : {};
}

function sizeOf(value: Wrapped<Int64>, most: number): number {
  return within(numberOf(value.value), 1, most);
}

function isPrime(value: number): boolean {
  if (value < 2) return false;
  for (let divisor = 2; divisor * divisor <= value; divisor++) if (value % divisor === 0) return false;
  return true;
}
