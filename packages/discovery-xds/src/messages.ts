/** What a message field holds that is not there. */
type Nothing = null | undefined;

/** 64-bit numbers are objects, unless they fit into 32 bits and somebody wrote them as numbers. */
export type Int64 = number | { toNumber(): number };

export interface Any {
  readonly typeUrl: string;
  readonly value: Uint8Array;
}

export interface Duration {
  readonly seconds?: Int64 | undefined;
  readonly nanos?: number | undefined;
}

export interface Wrapped<T> {
  readonly value: T;
}

interface Percent {
  readonly value: number;
}

export interface Value {
  readonly nullValue?: number | Nothing;
  readonly numberValue?: number | Nothing;
  readonly stringValue?: string | Nothing;
  readonly boolValue?: boolean | Nothing;
  readonly structValue?: Struct | Nothing;
  readonly listValue?: { readonly values: readonly Value[] } | Nothing;
}

export interface Struct {
  readonly fields: Readonly<Record<string, Value>>;
}

interface Status {
  readonly code: number;
  readonly message: string;
}

export interface LocalityMessage {
  readonly region?: string;
  readonly zone?: string;
  readonly subZone?: string;
}

export interface Node {
  readonly id: string;
  readonly cluster?: string | undefined;
  readonly metadata?: Struct | undefined;
  readonly locality?: LocalityMessage | undefined;
  readonly userAgentName: string;
  readonly userAgentVersion: string;
  readonly clientFeatures: readonly string[];
}

export interface DiscoveryRequest {
  readonly versionInfo?: string | undefined;
  readonly node?: Node | undefined;
  readonly resourceNames?: readonly string[];
  readonly typeUrl: string;
  readonly responseNonce?: string | undefined;
  readonly errorDetail?: Status | undefined;
}

export interface DiscoveryResponse {
  readonly versionInfo: string;
  readonly resources: readonly Any[];
  readonly typeUrl: string;
  readonly nonce: string;
}

export interface DeltaDiscoveryRequest {
  readonly node?: Node | undefined;
  readonly typeUrl: string;
  readonly subscribe?: readonly string[] | undefined;
  readonly unsubscribe?: readonly string[] | undefined;
  readonly initialResourceVersions?: Readonly<Record<string, string>> | undefined;
  readonly responseNonce?: string | undefined;
  readonly errorDetail?: Status | undefined;
}

export interface DeltaDiscoveryResponse {
  readonly systemVersionInfo: string;
  readonly resources: readonly Resource[];
  readonly typeUrl: string;
  readonly nonce: string;
  readonly removedResources: readonly string[];
}

interface Resource {
  readonly name: string;
  readonly version: string;
  readonly resource?: Any | Nothing;
  readonly ttl?: Duration | Nothing;
}

interface SocketAddress {
  readonly protocol: number;
  readonly address: string;
  readonly portValue: number;
}

export interface Address {
  readonly socketAddress?: SocketAddress | Nothing;
}

export interface LbEndpoint {
  readonly endpoint?:
    | {
        readonly address?: Address | Nothing;
        readonly hostname: string;
        readonly additionalAddresses: readonly { readonly address?: Address | Nothing }[];
      }
    | Nothing;
  readonly healthStatus: number;
  readonly metadata?: { readonly filterMetadata: Readonly<Record<string, Struct>> } | Nothing;
  readonly loadBalancingWeight?: Wrapped<number> | Nothing;
}

export interface LocalityLbEndpoints {
  readonly locality?: LocalityMessage | Nothing;
  readonly lbEndpoints: readonly LbEndpoint[];
  readonly loadBalancingWeight?: Wrapped<number> | Nothing;
  readonly priority: number;
}

export interface ClusterLoadAssignment {
  readonly clusterName: string;
  readonly endpoints: readonly LocalityLbEndpoints[];
  readonly policy?:
    | {
        readonly dropOverloads: readonly {
          readonly category: string;
          readonly dropPercentage?: { readonly numerator: number; readonly denominator: number } | Nothing;
        }[];
        readonly overprovisioningFactor?: Wrapped<number> | Nothing;
        readonly endpointStaleAfter?: Duration | Nothing;
      }
    | Nothing;
}

export interface SlowStartConfig {
  readonly slowStartWindow?: Duration | Nothing;
  readonly aggression?: { readonly defaultValue: number } | Nothing;
  readonly minWeightPercent?: Percent | Nothing;
}

export interface LoadBalancingPolicy {
  readonly policies: readonly {
    readonly typedExtensionConfig?: { readonly typedConfig?: Any | Nothing } | Nothing;
  }[];
}

export interface Thresholds {
  readonly priority: number;
  readonly maxConnections?: Wrapped<number> | Nothing;
  readonly maxPendingRequests?: Wrapped<number> | Nothing;
  readonly maxRequests?: Wrapped<number> | Nothing;
  readonly maxRetries?: Wrapped<number> | Nothing;
  readonly retryBudget?:
    | { readonly budgetPercent?: Percent | Nothing; readonly minRetryConcurrency?: Wrapped<number> | Nothing }
    | Nothing;
}

export interface OutlierDetection {
  readonly consecutive5xx?: Wrapped<number> | Nothing;
  readonly interval?: Duration | Nothing;
  readonly baseEjectionTime?: Duration | Nothing;
  readonly maxEjectionPercent?: Wrapped<number> | Nothing;
  readonly enforcingConsecutive5xx?: Wrapped<number> | Nothing;
  readonly enforcingSuccessRate?: Wrapped<number> | Nothing;
  readonly successRateMinimumHosts?: Wrapped<number> | Nothing;
  readonly successRateRequestVolume?: Wrapped<number> | Nothing;
  readonly successRateStdevFactor?: Wrapped<number> | Nothing;
  readonly consecutiveGatewayFailure?: Wrapped<number> | Nothing;
  readonly enforcingConsecutiveGatewayFailure?: Wrapped<number> | Nothing;
  readonly splitExternalLocalOriginErrors: boolean;
  readonly consecutiveLocalOriginFailure?: Wrapped<number> | Nothing;
  readonly enforcingConsecutiveLocalOriginFailure?: Wrapped<number> | Nothing;
  readonly failurePercentageThreshold?: Wrapped<number> | Nothing;
  readonly enforcingFailurePercentage?: Wrapped<number> | Nothing;
  readonly failurePercentageMinimumHosts?: Wrapped<number> | Nothing;
  readonly failurePercentageRequestVolume?: Wrapped<number> | Nothing;
  readonly maxEjectionTime?: Duration | Nothing;
  readonly successfulActiveHealthCheckUnejectHost?: Wrapped<boolean> | Nothing;
}

export interface Cluster {
  readonly name: string;
  readonly type: number;
  readonly edsClusterConfig?: { readonly serviceName: string } | Nothing;
  readonly connectTimeout?: Duration | Nothing;
  readonly lbPolicy: number;
  readonly circuitBreakers?: { readonly thresholds: readonly Thresholds[] } | Nothing;
  readonly outlierDetection?: OutlierDetection | Nothing;
  readonly ringHashLbConfig?:
    | {
        readonly minimumRingSize?: Wrapped<Int64> | Nothing;
        readonly maximumRingSize?: Wrapped<Int64> | Nothing;
      }
    | Nothing;
  readonly transportSocket?: { readonly name: string } | Nothing;
  readonly transportSocketMatches: readonly { readonly name: string }[];
  readonly commonLbConfig?:
    | {
        readonly healthyPanicThreshold?: Percent | Nothing;
        readonly zoneAwareLbConfig?: object | Nothing;
      }
    | Nothing;
  readonly loadAssignment?: ClusterLoadAssignment | Nothing;
  readonly leastRequestLbConfig?:
    | {
        readonly choiceCount?: Wrapped<number> | Nothing;
        readonly slowStartConfig?: SlowStartConfig | Nothing;
      }
    | Nothing;
  readonly clusterType?: { readonly name: string } | Nothing;
  readonly loadBalancingPolicy?: LoadBalancingPolicy | Nothing;
  readonly maglevLbConfig?: { readonly tableSize?: Wrapped<Int64> | Nothing } | Nothing;
  readonly roundRobinLbConfig?: { readonly slowStartConfig?: SlowStartConfig | Nothing } | Nothing;
}

interface HashBalance {
  readonly hashBalanceFactor?: Wrapped<number> | Nothing;
}

/** The messages that are read and written by themselves. */
export interface Messages {
  DiscoveryRequest: DiscoveryRequest;
  DiscoveryResponse: DiscoveryResponse;
  DeltaDiscoveryRequest: DeltaDiscoveryRequest;
  DeltaDiscoveryResponse: DeltaDiscoveryResponse;
  Resource: Resource;
  Cluster: Cluster;
  ClusterLoadAssignment: ClusterLoadAssignment;
  RoundRobin: { readonly slowStartConfig?: SlowStartConfig | Nothing };
  LeastRequest: {
    readonly choiceCount?: Wrapped<number> | Nothing;
    readonly slowStartConfig?: SlowStartConfig | Nothing;
    readonly enableFullScan?: Wrapped<boolean> | Nothing;
    readonly selectionMethod: number;
  };
  RingHash: HashBalance & {
    readonly minimumRingSize?: Wrapped<Int64> | Nothing;
    readonly maximumRingSize?: Wrapped<Int64> | Nothing;
    readonly consistentHashingLbConfig?: HashBalance | Nothing;
  };
  Maglev: {
    readonly tableSize?: Wrapped<Int64> | Nothing;
    readonly consistentHashingLbConfig?: HashBalance | Nothing;
  };
  ClientSideWeightedRoundRobin: {
    readonly blackoutPeriod?: Duration | Nothing;
    readonly weightExpirationPeriod?: Duration | Nothing;
    readonly weightUpdatePeriod?: Duration | Nothing;
    readonly errorUtilizationPenalty?: Wrapped<number> | Nothing;
    readonly metricNames: readonly string[];
  };
  WrrLocality: { readonly endpointPickingPolicy?: LoadBalancingPolicy | Nothing };
}

/** A 64-bit number; what is beyond 2^53 loses its last digits. */
export function numberOf(value: Int64 | Nothing): number {
  if (value === null || value === undefined) return 0;
  return typeof value === "number" ? value : value.toNumber();
}

/** Milliseconds of a duration; `undefined` where there is none. */
export function millisecondsOf(duration: Duration | Nothing): number | undefined {
  if (duration === null || duration === undefined) return undefined;
  return numberOf(duration.seconds) * 1000 + (duration.nanos ?? 0) / 1e6;
}
