import type {
  DeltaDiscoveryRequest,
  DeltaDiscoveryResponse,
  DiscoveryRequest,
  DiscoveryResponse,
  Resource,
} from "./ads-messages.ts";
import type { Duration, Int64, Nothing, Wrapped } from "./basic-messages.ts";
import type { Cluster, LoadBalancingPolicy, SlowStartConfig } from "./cluster-messages.ts";
import type { ClusterLoadAssignment, LbEndpoint, LocalityLbEndpoints } from "./endpoint-messages.ts";

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
  LocalityLbEndpoints: LocalityLbEndpoints;
  LbEndpoint: LbEndpoint;
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
