/** What a call tells the service of itself. */
export interface DeadlinePropagation {
  /** `grpc-timeout: 250000u`, which gRPC servers and proxies understand; `false` by default. */
  readonly grpcTimeout?: boolean | undefined;
  /** `x-envoy-expected-rq-timeout-ms: 250`, which services behind Envoy, and ours, understand; `true` by default. */
  readonly envoyTimeout?: boolean | undefined;
  /** `x-proxyless-criticality`, where the call has one; `true` by default. */
  readonly criticality?: boolean | undefined;
  /** `x-proxyless-chain-stop: 1`, where somebody above retries already; `true` by default. */
  readonly chainStop?: boolean | undefined;
}

/**
 * How the deadline of the work that a call is made in binds the call, and how the call hands it on.
 */
export interface DeadlinePolicy {
  /** Whether the call ends no later than the work it is made in (the incoming request); `true` by default. */
  readonly inherit?: boolean | undefined;
  /** Which headers go out; `false` for none. */
  readonly propagate?: false | DeadlinePropagation | undefined;
  /**
   * Milliseconds that the way there and back takes: the service is told that it has so much less, and an attempt that
   * has no more left is not begun. 0 to 60,000; 0 by default.
   */
  readonly reserveMs?: number | undefined;
}

/** {@link DeadlinePolicy} with every field known. */
export interface ResolvedDeadline {
  readonly inherit: boolean;
  readonly propagate: ResolvedPropagation | false;
  readonly reserveMs: number;
}

/** {@link DeadlinePropagation} with every field known. */
export interface ResolvedPropagation {
  readonly grpcTimeout: boolean;
  readonly envoyTimeout: boolean;
  readonly criticality: boolean;
  readonly chainStop: boolean;
}
