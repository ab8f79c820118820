/** How strictly a detector's findings are followed. */
export interface Enforcing {
  /** The share of findings that eject, in percent, 0 to 100; the others are only reported. */
  readonly enforcing?: number | undefined;
}

/** So many bad answers in a row. */
export interface ConsecutivePolicy extends Enforcing {
  /** 1 to 1,000,000; 5 by default. */
  readonly count?: number | undefined;
}

/** So many slow answers in a row, while the peers are not slow. */
export interface ConsecutiveSlowPolicy extends Enforcing {
  /** 1 to 1,000,000; 10 by default. */
  readonly count?: number | undefined;
  /** Slow is longer than this many times what is typical for the service; above 1, at most 1,000; 5 by default. */
  readonly ratio?: number | undefined;
  /** And by at least this many milliseconds, so that a cold start among microseconds is no fault; 0 to 3,600,000; 5 by default. */
  readonly minimumDifferenceMs?: number | undefined;
}

/** Fewer successes than the peers have, per interval. */
export interface SuccessRatePolicy extends Enforcing {
  /** Says nothing about fewer endpoints with enough requests than this; 2 to 1,000,000; 5 by default. */
  readonly minimumHosts?: number | undefined;
  /** Requests in the interval that make an endpoint count; 1 to 1,000,000; 100 by default. */
  readonly requestVolume?: number | undefined;
  /** Ejects below the mean minus this many standard deviations; 0 to 10; 1.9 by default. */
  readonly stdevFactor?: number | undefined;
  /**
   * And by at least this many percentage points, so that where all are nearly perfect the least perfect is left alone; 0 to 100; 5 by
   * default.
   */
  readonly minimumDifference?: number | undefined;
}

/** Too many failures, whatever the peers do, per interval. */
export interface FailurePercentagePolicy extends Enforcing {
  /** Percent of requests from which on an endpoint is ejected, above 0 to 100; 85 by default. */
  readonly threshold?: number | undefined;
  /** 1 to 1,000,000; 5 by default. */
  readonly minimumHosts?: number | undefined;
  /** 1 to 1,000,000; 50 by default. */
  readonly requestVolume?: number | undefined;
}

/** Slower than the peers, per interval, by medians. */
export interface LatencyPolicy extends Enforcing {
  /** Ejects above this many times the median of the peers' medians; above 1, at most 1,000; 2 by default. */
  readonly ratio?: number | undefined;
  /** And by at least this many milliseconds; 0 to 3,600,000; 5 by default. */
  readonly minimumDifferenceMs?: number | undefined;
  /** 2 to 1,000,000; 3 by default. */
  readonly minimumHosts?: number | undefined;
  /** Answers that make an endpoint count; fewer are kept for the next interval. 1 to 1,000,000; 15 by default. */
  readonly requestVolume?: number | undefined;
  /** In so many intervals running, of those that count; 1 to 100; 2 by default. */
  readonly intervals?: number | undefined;
}

/** How an ejected endpoint comes back. */
export interface HalfOpenPolicy {
  /** Probes in flight at once, 1 to 100; 1 by default; never more than `failures`. */
  readonly probes?: number | undefined;
  /** Failed probes that eject it again, 1 to 100; 1 by default. */
  readonly failures?: number | undefined;
  /**
   * Probes that must go well, 1 to 100; 2 by default. A single answer says little of how fast an endpoint is: after an ejection for
   * being slow, what is first seen `2 × successes - 1` times decides, quick probes or slow ones.
   */
  readonly successes?: number | undefined;
  /** Time between the starts of two probes in milliseconds, 0 to 3,600,000; 200 by default. */
  readonly intervalMs?: number | undefined;
  /**
   * One that was ejected for failures in a row, and not a second time within an interval, gets its first probe ahead of time: one call
   * of the service in so many looks whether an endpoint is well again. 0 for never, at most 1,000,000,000; 2,000 by default, which is
   * 0.05 % of the calls however many endpoints are out.
   */
  readonly earlyEvery?: number | undefined;
  /** A probe without a result after this long counts as failed, in milliseconds, 1 to 3,600,000; 30,000 by default. */
  readonly leaseMs?: number | undefined;
}

/**
 * When an endpoint is taken out because of how it answers. Names and numbers are Envoy's; a detector is turned off by
 * `false`.
 */
export interface OutlierDetectionPolicy {
  /** `shadow` reports what would be ejected and ejects nothing; `enforce` by default. */
  readonly mode?: "enforce" | "shadow" | undefined;
  /** How often the detectors that compare endpoints look, in milliseconds, 100 to 3,600,000; 10,000 by default. */
  readonly intervalMs?: number | undefined;
  /**
   * The first ejection lasts this long, the n-th in a row n times as long, each up to 10 % longer by chance; 1 to 86,400,000 ms;
   * 30,000 by default.
   */
  readonly baseEjectionMs?: number | undefined;
  /** No ejection lasts longer (but for `baseEjectionMs` and chance); 1 to 86,400,000 ms; 300,000 by default. */
  readonly maxEjectionMs?: number | undefined;
  /**
   * The share of a service's endpoints that may be out at once, in percent, 0 to 100; 50 by default. Where there are two or
   * more, one may always be; all of them never.
   */
  readonly maxEjectionPercent?: number | undefined;
  /** Failures to connect, resets and timeouts count by themselves, and not as 5xx. False by default. */
  readonly splitExternalLocalOriginErrors?: boolean | undefined;
  readonly consecutive5xx?: false | ConsecutivePolicy | undefined;
  /** 502, 503 and 504. Only reported (`enforcing: 0`) by default: `consecutive5xx` counts them too. */
  readonly consecutiveGatewayFailure?: false | ConsecutivePolicy | undefined;
  /** In split mode. */
  readonly consecutiveLocalOriginFailure?: false | ConsecutivePolicy | undefined;
  readonly consecutiveSlow?: false | ConsecutiveSlowPolicy | undefined;
  readonly successRate?: false | SuccessRatePolicy | undefined;
  readonly failurePercentage?: false | FailurePercentagePolicy | undefined;
  readonly latency?: false | LatencyPolicy | undefined;
  readonly halfOpen?: HalfOpenPolicy | undefined;
  /** An endpoint that answers 429 or 503 with `Retry-After` is left alone that long (300 s at most). True by default. */
  readonly honorRetryAfter?: boolean | undefined;
  /** A health check that goes well ends an ejection, unless it was for being slow: health checks do not see that. True by default. */
  readonly successfulHealthCheckUnejects?: boolean | undefined;
}

type Known<T> = { readonly [K in keyof T]-?: Exclude<T[K], undefined> };

/** {@link OutlierDetectionPolicy} with every field known. */
export interface ResolvedOutlierDetection {
  readonly shadow: boolean;
  readonly intervalMs: number;
  readonly baseEjectionMs: number;
  readonly maxEjectionMs: number;
  readonly maxEjectionPercent: number;
  readonly splitExternalLocalOriginErrors: boolean;
  readonly consecutive5xx: Known<ConsecutivePolicy> | false;
  readonly consecutiveGatewayFailure: Known<ConsecutivePolicy> | false;
  readonly consecutiveLocalOriginFailure: Known<ConsecutivePolicy> | false;
  readonly consecutiveSlow: Known<ConsecutiveSlowPolicy> | false;
  readonly successRate: Known<SuccessRatePolicy> | false;
  readonly failurePercentage: Known<FailurePercentagePolicy> | false;
  readonly latency: Known<LatencyPolicy> | false;
  readonly halfOpen: Known<HalfOpenPolicy>;
  readonly honorRetryAfter: boolean;
  readonly successfulHealthCheckUnejects: boolean;
}
