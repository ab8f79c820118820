import type { Any, Duration, Int64, Nothing, Percent, Wrapped } from "./basic-messages.ts";
import type { ClusterLoadAssignment } from "./endpoint-messages.ts";

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
