export { circuit } from "./circuit.ts";
export type { CircuitOptions, CircuitPolicyView, StandaloneCircuit } from "./circuit.ts";
export { compose } from "./compose.ts";
export type { ComposedPolicy } from "./compose.ts";
export { fallback } from "./fallback.ts";
export type {
  FailedExecution,
  FallbackPolicyView,
  StandaloneFallback,
  StandaloneFallbackFunction,
  StandaloneFallbackPolicy,
} from "./fallback.ts";
export { faultInjection } from "./fault-injection.ts";
export type {
  FaultedExecution,
  FaultPolicyView,
  StandaloneFaultInjection,
  StandaloneFaultPolicy,
} from "./fault-injection.ts";
export { hedge } from "./hedge.ts";
export type { HedgeOptions, HedgePolicyView, StandaloneHedge, StandaloneHedgePolicy } from "./hedge.ts";
export { adaptiveConcurrency, adaptiveThrottling, bulkhead, rateLimit } from "./limits.ts";
export type {
  LoadOptions,
  StandaloneAdaptiveConcurrency,
  StandaloneAdaptiveThrottling,
  StandaloneBulkhead,
  StandaloneLimit,
  StandaloneRateLimit,
} from "./limits.ts";
export type {
  ExecuteContext,
  ExecuteOptions,
  FallbackOf,
  JudgingOptions,
  Policy,
  PolicyKind,
  PolicyOptions,
  PolicyView,
} from "./policy.ts";
export { retry } from "./retry.ts";
export type {
  RetryAttempt,
  RetryOptions,
  RetryPolicyView,
  StandaloneRetry,
  StandaloneRetryPolicy,
} from "./retry.ts";
export { retryBudget } from "./retry-budget.ts";
export type { SharedBudget } from "./retry-budget.ts";
export { timeout } from "./timeout.ts";
export type { StandaloneTimeout, StandaloneTimeoutPolicy, TimeoutPolicyView } from "./timeout.ts";
