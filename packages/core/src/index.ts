export { createMesh } from "./mesh.ts";
export type { Mesh, MeshView, ReadOptions, ServiceClientOptions } from "./mesh.ts";
export type { LeaveOptions, MeshRegistration } from "./registration/membership.ts";
export type {
  HealthAnswer,
  HealthFunction,
  LeaveSignal,
  RegisterBehaviour,
  RegisterOptions,
} from "./registration/register-options.ts";
export type { RegistrationView } from "./registration/registrations.ts";
export type { MeshOptions, ServiceOptions } from "./mesh-options.ts";
export type {
  CallHooks,
  Hooked,
  HookedAttempt,
  HookedAttemptEnd,
  HookedCall,
  HookedCallEnd,
} from "./engine/hooks.ts";
export { errorTypeOfAttempt, errorTypeOfCall, knownMethod } from "./engine/attribute-values.ts";
export { inAttempt } from "./engine/own-requests.ts";
export { plainText } from "./plain-text.ts";
export type { CircuitControl, CircuitState } from "./engine/circuits.ts";
export type { CircuitSnapshot } from "./policies/circuit/circuit-snapshot.ts";
export type { CircuitView } from "./policies/circuit/circuit-types.ts";
export type { CircuitEngine, CircuitMode, CircuitPolicy } from "./policies/circuit/circuit-policy.ts";
export type { HedgingView } from "./policies/hedge/hedging.ts";
export type { AdaptiveConcurrencyPolicy } from "./policies/limit/adaptive-concurrency/adaptive-concurrency-policy.ts";
export type { AdaptiveThrottlingPolicy } from "./policies/limit/adaptive-throttling-policy.ts";
export type { BulkheadPolicy } from "./policies/limit/bulkhead-policy.ts";
export type { LimitsPolicy } from "./policies/limit/limits-policy.ts";
export type { LimitsState } from "./policies/limit/limits.ts";
export type { RateLimitPolicy } from "./policies/limit/rate-limit-policy.ts";
export { createBatcher } from "./batch/batcher.ts";
export type { BatchRequestOptions, Batcher } from "./batch/batcher.ts";
export type { BatchContext, BatchLoad, BatchResult, BatcherOptions } from "./batch/batch-options.ts";
export type { AnswerPolicy } from "./policies/answer.ts";
export type { AroundPolicy } from "./policies/around-policy.ts";
export type { CachePolicy } from "./policies/cache/cache-policy.ts";
export type { CoalescePolicy } from "./policies/coalesce/coalesce-policy.ts";
export type {
  FallbackAnswer,
  FallbackFailure,
  FallbackFunction,
  FallbackOn,
  FallbackPolicy,
  StalePolicy,
} from "./policies/fallback/fallback-policy.ts";
export type {
  AbortKind,
  AbortPolicy,
  DelayPolicy,
  FaultBehaviour,
  FaultMatch,
  FaultOutcome,
  FaultPolicy,
  FaultSubject,
} from "./policies/fault/fault-policy.ts";
export type { HedgePolicy } from "./policies/hedge/hedge-policy.ts";
export type { RouteMatch, RoutePolicy, ServicePolicy } from "./policies/policy.ts";
export type { Jitter } from "./policies/retry/backoff.ts";
export type { ResetHeader } from "./policies/retry/retry-after.ts";
export type { FailedAnswer, RetriableHeader, RetryCondition } from "./policies/retry/retry-on.ts";
export type {
  RetryBudgetPolicy,
  RetryCandidate,
  RetryPolicy,
  RouteRetryPolicy,
} from "./policies/retry/retry-policy.ts";
export { policySchema } from "./policies/data/policy-schema.ts";
export type { JsonSchema } from "./policies/data/json-schema.ts";
export type { Json } from "./policies/data/field.ts";
export { presets } from "./policies/data/presets.ts";
export type { PresetName } from "./policies/data/presets.ts";
export type { PolicyOrigin } from "./policies/data/layers.ts";
export type { PolicyPartView, PolicyValues, PolicyView } from "./policies/data/policy-view.ts";
export type { PolicyDocument } from "./engine/policy-book.ts";
export type { Compared, DryRunReport } from "./engine/dry-run-report.ts";
export type { TimeoutPolicy } from "./policies/timeout/timeout-policy.ts";
export type { BalancerName, BalancerPolicy } from "./balancers/balancers.ts";
export type { BalancingPolicy, RouteBalancingPolicy } from "./policies/balancing-policy.ts";
export type { HealthCheckPolicy } from "./endpoints/health-check/health-check-policy.ts";
export type {
  ConsecutivePolicy,
  ConsecutiveSlowPolicy,
  Enforcing,
  FailurePercentagePolicy,
  HalfOpenPolicy,
  LatencyPolicy,
  OutlierDetectionPolicy,
  SuccessRatePolicy,
} from "./endpoints/outlier/outlier-policy.ts";
export type { SlowStartPolicy } from "./endpoints/slow-start.ts";
export type { MetadataFilterPolicy } from "./endpoints/subset/metadata-filter.ts";
export type { SubsetPolicy } from "./endpoints/subset/subset-policy.ts";
export type { Ordinal } from "./endpoints/subset/subsetter.ts";
export type { LocalityPolicy } from "./endpoints/traffic/locality-policy.ts";
export type { OverrideHostPolicy } from "./routing/override-host.ts";
export type { SessionCookiePolicy, StatefulSessionPolicy } from "./routing/stateful-session.ts";
export type { TransportOptions } from "./transport/transport-options.ts";
export type { TlsOptions } from "./transport/connector.ts";
export type { DirectoryOptions } from "./discovery/directory-options.ts";

export type { FetchCallOptions, FetchInit, MeshFetch } from "./client/fetch/fetch-init.ts";
export type {
  CallInit,
  CallOptions,
  CallResult,
  TypedClient,
  TypedClientOptions,
} from "./client/typed/client-types.ts";
export type { CallResponse } from "./client/typed/response.ts";
export type { Contract, ContractOperation, ContractPaths } from "./client/typed/contract-types.ts";
export { unwrap } from "./client/typed/unwrap.ts";
export type { ParseAs } from "./client/typed/decode.ts";
export type { HeadersInput } from "./client/typed/headers.ts";
export type { QueryFunction, QuerySerializerOptions } from "./client/typed/query.ts";
export { UndeclaredResponse } from "./client/typed/contract-types.ts";
export { defineContract } from "./client/typed/contract.ts";
export type { InferInput, InferOutput, StandardSchema } from "./client/typed/standard-schema.ts";
export type { CallRetryOptions, PickExplanation } from "./engine/request.ts";

export {
  currentContext,
  remainingMs,
  runWithContext,
  withDeadline,
  withoutContext,
} from "./context/call-context.ts";
export type { CallContext } from "./context/call-context.ts";
export type { Criticality } from "./context/criticality.ts";
export type { DeadlinePolicy, DeadlinePropagation } from "./context/deadline-policy.ts";

export { memorySource } from "./discovery/memory-source.ts";
export type { MemorySource } from "./discovery/memory-source.ts";
export { staticSource } from "./discovery/static-source.ts";
export type { EndpointInput } from "./discovery/endpoint-input.ts";

export { errorCodes, ProxylessError } from "./errors.ts";
export type {
  AttemptRecord,
  ErrorCode,
  ErrorDetails,
  Phase,
  ReasonFlag,
  ShedReason,
  TimeoutKind,
} from "./errors.ts";
export { endingAtService } from "./events.ts";
export type {
  AnsweredBy,
  CallEnding,
  LeaveStep,
  MeshEvent,
  MeshEventOf,
  MeshEventType,
  Outcome,
  PickFlag,
  RegistrationStatus,
  Tags,
  TagValue,
  TraceIds,
} from "./events.ts";
export type { ChoiceView, EndpointView, ServiceView } from "./engine/inspect.ts";
export type { EndpointReading, EndpointStanding, MeshReadings, ServiceReading } from "./engine/readings.ts";
export type { GateReason, GateReasonKind } from "./endpoints/gate/gate-record.ts";
export type { EndpointDump, WatchDump, WatchReading } from "./discovery/dump.ts";

// Symbols below matter to those who write sources, balancers and other extensions.

export { configError } from "./errors.ts";
export type { DiscoveryErrorClass } from "./errors.ts";
export { sleep, systemClock } from "./clock.ts";
export type { Clock, TimerHandle } from "./clock.ts";
export { systemRandom } from "./random.ts";
export type { Random } from "./random.ts";
export type {
  DiscoveryError,
  DiscoveryNotice,
  DiscoverySource,
  Endpoint,
  Health,
  Locality,
  Sink,
  Snapshot,
  Target,
  WatchContext,
  WatchHandle,
} from "./discovery/source.ts";

export { nextUsable } from "./balancers/picker.ts";
export type {
  Balancer,
  PickContext,
  PickRequest,
  PickTrace,
  Picker,
  PickerDeps,
  ProbeAnswer,
} from "./balancers/picker.ts";
export type { AttemptResult } from "./endpoints/attempt-result.ts";
export type { EndpointState } from "./endpoints/endpoint-state.ts";
export type { LoadTable } from "./endpoints/load-table.ts";
