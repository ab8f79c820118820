/** A field as `[number, type]`, or `[number, type, "repeated"]`; a map as `[number, value type, "map"]`. */
export type FieldRow = readonly [id: number, type: string, rule?: "repeated" | "map"];

/** Messages by a short name of ours: names are not on the wire, numbers and types are. */
export type MessageTable = Readonly<Record<string, Readonly<Record<string, FieldRow>>>>;

/** Messages that are one of their fields: that one is written even where it is empty, false or 0. */
export const oneofs: Readonly<Record<string, readonly string[]>> = {
  Value: ["nullValue", "numberValue", "stringValue", "boolValue", "structValue", "listValue"],
};

const uint = "UInt32Value";

/**
 * The part of Envoy's v3 API that is read and written here, and nothing else of it: what is not listed is skipped when
 * it is read. Numbers as in `envoy/service/discovery/v3`, `envoy/config/{core,cluster,endpoint}/v3`, `envoy/type/v3`,
 * `envoy/extensions/load_balancing_policies` and `google/protobuf`.
 */
export const messageTable: MessageTable = {
  Any: { typeUrl: [1, "string"], value: [2, "bytes"] },
  Duration: { seconds: [1, "int64"], nanos: [2, "int32"] },
  UInt32Value: { value: [1, "uint32"] },
  UInt64Value: { value: [1, "uint64"] },
  BoolValue: { value: [1, "bool"] },
  DoubleValue: { value: [1, "double"] },
  FloatValue: { value: [1, "float"] },
  Struct: { fields: [1, "Value", "map"] },
  ListValue: { values: [1, "Value", "repeated"] },
  Value: {
    nullValue: [1, "int32"],
    numberValue: [2, "double"],
    stringValue: [3, "string"],
    boolValue: [4, "bool"],
    structValue: [5, "Struct"],
    listValue: [6, "ListValue"],
  },
  Status: { code: [1, "int32"], message: [2, "string"] },

  Locality: { region: [1, "string"], zone: [2, "string"], subZone: [3, "string"] },
  Node: {
    id: [1, "string"],
    cluster: [2, "string"],
    metadata: [3, "Struct"],
    locality: [4, "Locality"],
    userAgentName: [6, "string"],
    userAgentVersion: [7, "string"],
    clientFeatures: [10, "string", "repeated"],
  },
  DiscoveryRequest: {
    versionInfo: [1, "string"],
    node: [2, "Node"],
    resourceNames: [3, "string", "repeated"],
    typeUrl: [4, "string"],
    responseNonce: [5, "string"],
    errorDetail: [6, "Status"],
  },
  DiscoveryResponse: {
    versionInfo: [1, "string"],
    resources: [2, "Any", "repeated"],
    typeUrl: [4, "string"],
    nonce: [5, "string"],
  },
  DeltaDiscoveryRequest: {
    node: [1, "Node"],
    typeUrl: [2, "string"],
    subscribe: [3, "string", "repeated"],
    unsubscribe: [4, "string", "repeated"],
    initialResourceVersions: [5, "string", "map"],
    responseNonce: [6, "string"],
    errorDetail: [7, "Status"],
  },
  DeltaDiscoveryResponse: {
    systemVersionInfo: [1, "string"],
    resources: [2, "Resource", "repeated"],
    typeUrl: [4, "string"],
    nonce: [5, "string"],
    removedResources: [6, "string", "repeated"],
  },
  Resource: {
    version: [1, "string"],
    resource: [2, "Any"],
    name: [3, "string"],
    ttl: [6, "Duration"],
  },

  ClusterLoadAssignment: {
    clusterName: [1, "string"],
    // Each a `LocalityLbEndpoints`, which is read apart.
    endpoints: [2, "bytes", "repeated"],
    policy: [4, "AssignmentPolicy"],
  },
  AssignmentPolicy: {
    dropOverloads: [2, "DropOverload", "repeated"],
    overprovisioningFactor: [3, uint],
    endpointStaleAfter: [4, "Duration"],
  },
  DropOverload: { category: [1, "string"], dropPercentage: [2, "FractionalPercent"] },
  FractionalPercent: { numerator: [1, "uint32"], denominator: [2, "int32"] },
  LocalityLbEndpoints: {
    // 2 is an `LbEndpoint`, repeated: they are read one by one.
    locality: [1, "Locality"],
    loadBalancingWeight: [3, uint],
    priority: [5, "uint32"],
  },
  LbEndpoint: {
    endpoint: [1, "Endpoint"],
    healthStatus: [2, "int32"],
    metadata: [3, "Metadata"],
    loadBalancingWeight: [4, uint],
  },
  Endpoint: {
    address: [1, "Address"],
    hostname: [3, "string"],
  },
  Address: { socketAddress: [1, "SocketAddress"] },
  SocketAddress: { protocol: [1, "int32"], address: [2, "string"], portValue: [3, "uint32"] },
  Metadata: { filterMetadata: [1, "Struct", "map"] },

  Cluster: {
    name: [1, "string"],
    type: [2, "int32"],
    edsClusterConfig: [3, "EdsClusterConfig"],
    connectTimeout: [4, "Duration"],
    lbPolicy: [6, "int32"],
    circuitBreakers: [10, "CircuitBreakers"],
    outlierDetection: [19, "OutlierDetection"],
    ringHashLbConfig: [23, "RingHashLbConfig"],
    transportSocket: [24, "NamedConfig"],
    commonLbConfig: [27, "CommonLbConfig"],
    loadAssignment: [33, "ClusterLoadAssignment"],
    leastRequestLbConfig: [37, "LeastRequestLbConfig"],
    clusterType: [38, "NamedConfig"],
    loadBalancingPolicy: [41, "LoadBalancingPolicy"],
    transportSocketMatches: [43, "NamedConfig", "repeated"],
    maglevLbConfig: [52, "MaglevLbConfig"],
    roundRobinLbConfig: [56, "RoundRobinLbConfig"],
  },
  NamedConfig: { name: [1, "string"] },
  EdsClusterConfig: { serviceName: [2, "string"] },
  CommonLbConfig: {
    healthyPanicThreshold: [1, "Percent"],
    zoneAwareLbConfig: [2, "ZoneAwareLbConfig"],
  },
  ZoneAwareLbConfig: { routingEnabled: [1, "Percent"], minClusterSize: [2, "UInt64Value"] },
  Percent: { value: [1, "double"] },
  RuntimeDouble: { defaultValue: [1, "double"] },
  SlowStartConfig: {
    slowStartWindow: [1, "Duration"],
    aggression: [2, "RuntimeDouble"],
    minWeightPercent: [3, "Percent"],
  },
  RoundRobinLbConfig: { slowStartConfig: [1, "SlowStartConfig"] },
  LeastRequestLbConfig: { choiceCount: [1, uint], slowStartConfig: [3, "SlowStartConfig"] },
  RingHashLbConfig: { minimumRingSize: [1, "UInt64Value"], maximumRingSize: [4, "UInt64Value"] },
  MaglevLbConfig: { tableSize: [1, "UInt64Value"] },
  CircuitBreakers: { thresholds: [1, "Thresholds", "repeated"] },
  Thresholds: {
    priority: [1, "int32"],
    maxConnections: [2, uint],
    maxPendingRequests: [3, uint],
    maxRequests: [4, uint],
    maxRetries: [5, uint],
    retryBudget: [8, "RetryBudget"],
  },
  RetryBudget: { budgetPercent: [1, "Percent"], minRetryConcurrency: [2, uint] },
  OutlierDetection: {
    consecutive5xx: [1, uint],
    interval: [2, "Duration"],
    baseEjectionTime: [3, "Duration"],
    maxEjectionPercent: [4, uint],
    enforcingConsecutive5xx: [5, uint],
    enforcingSuccessRate: [6, uint],
    successRateMinimumHosts: [7, uint],
    successRateRequestVolume: [8, uint],
    successRateStdevFactor: [9, uint],
    consecutiveGatewayFailure: [10, uint],
    enforcingConsecutiveGatewayFailure: [11, uint],
    splitExternalLocalOriginErrors: [12, "bool"],
    consecutiveLocalOriginFailure: [13, uint],
    enforcingConsecutiveLocalOriginFailure: [14, uint],
    failurePercentageThreshold: [16, uint],
    enforcingFailurePercentage: [17, uint],
    failurePercentageMinimumHosts: [19, uint],
    failurePercentageRequestVolume: [20, uint],
    maxEjectionTime: [21, "Duration"],
    successfulActiveHealthCheckUnejectHost: [23, "BoolValue"],
  },

  LoadBalancingPolicy: { policies: [1, "LoadBalancingPolicyEntry", "repeated"] },
  LoadBalancingPolicyEntry: { typedExtensionConfig: [4, "TypedExtensionConfig"] },
  TypedExtensionConfig: { name: [1, "string"], typedConfig: [2, "Any"] },
  RoundRobin: { slowStartConfig: [1, "SlowStartConfig"] },
  LeastRequest: {
    choiceCount: [1, uint],
    slowStartConfig: [3, "SlowStartConfig"],
    enableFullScan: [5, "BoolValue"],
    selectionMethod: [6, "int32"],
  },
  Random: {},
  RingHash: {
    minimumRingSize: [2, "UInt64Value"],
    maximumRingSize: [3, "UInt64Value"],
    hashBalanceFactor: [5, uint],
    consistentHashingLbConfig: [6, "ConsistentHashingLbConfig"],
  },
  Maglev: { tableSize: [1, "UInt64Value"], consistentHashingLbConfig: [2, "ConsistentHashingLbConfig"] },
  ConsistentHashingLbConfig: { hashBalanceFactor: [2, uint] },
  ClientSideWeightedRoundRobin: {
    blackoutPeriod: [3, "Duration"],
    weightExpirationPeriod: [4, "Duration"],
    weightUpdatePeriod: [5, "Duration"],
    errorUtilizationPenalty: [6, "FloatValue"],
    metricNames: [7, "string", "repeated"],
  },
  WrrLocality: { endpointPickingPolicy: [1, "LoadBalancingPolicy"] },
};
