/** Who counts while a circuit is closed. Everything else about a circuit is the same with either. */
export type CircuitEngine = "opossum" | "native";

/**
 * `auto`: the circuit decides. `forced-open`: every call is refused. `forced-closed`: every call passes and none is
 * counted. `metrics-only`: the circuit counts, decides and reports as in `auto`, but no call is refused.
 */
export type CircuitMode = "auto" | "forced-open" | "forced-closed" | "metrics-only";

/** When to stop calling something that keeps failing, and how to find out that it works again. */
export interface CircuitPolicy {
  /**
   * The library that counts: `opossum` (share of failures in a time window) or `native` (that, and everything marked
   * "native" below). By default `opossum` where it can do what is asked, else `native`.
   */
  readonly engine?: CircuitEngine | undefined;
  /** `auto` by default; can be switched while running. */
  readonly mode?: CircuitMode | undefined;
  /**
   * Opens when at least this share of the window's completed calls failed; above 0, at most 1; 0.5 by default.
   * `false` (native): failures open it by `consecutiveFailures` alone, if at all.
   */
  readonly failureRatio?: false | number | undefined;
  /** A window of time: its length in milliseconds, 100 to 3,600,000; 10,000 by default. */
  readonly windowMs?: number | undefined;
  /**
   * Native, instead of `windowMs`: a window of the last so many completed calls, however old; a whole number from 1 to
   * 10,000.
   */
  readonly windowCalls?: number | undefined;
  /**
   * No ratio opens it on fewer completed calls than this; a whole number from 1 to 1,000,000, at most `windowCalls`;
   * 20 by default.
   */
  readonly minCalls?: number | undefined;
  /**
   * Native: opens after so many failures without a success in between, whatever the ratios; a whole number from 1 to
   * 1,000,000; `false`, which is the default, for never.
   */
  readonly consecutiveFailures?: false | number | undefined;
  /**
   * Native: a call that took longer than this many milliseconds, its retries included, is slow, be it a success or a
   * failure; 1 to 2,147,483,647; `false`, which is the default, for none.
   */
  readonly slowCallMs?: false | number | undefined;
  /** Native: opens when at least this share of the window's calls was slow; above 0, at most 1; 0.5 by default. */
  readonly slowCallRatio?: number | undefined;
  /**
   * How long it stays open before a probe, in milliseconds, 1 to 3,600,000; 5,000 by default. A longer `Retry-After` of
   * the call that opened it counts instead, up to `maxOpenMs`.
   */
  readonly openMs?: number | undefined;
  /**
   * The longest it stays open but for the jitter, in milliseconds, `openMs` to 86,400,000; three times `openMs` by
   * default: nobody should be without a service for a minute that has been back for long. A route that changes `openMs` alone changes this in proportion.
   */
  readonly maxOpenMs?: number | undefined;
  /**
   * The time open is multiplied by this each time it opens without having been closed for a whole window; 1 to 100; 1.5 by
   * default.
   */
  readonly openGrowth?: number | undefined;
  /** Up to this share is added to the time open, at random; 0 to 1; 0.2 by default. */
  readonly openJitter?: number | undefined;
  /**
   * Calls that are let through to decide whether it closes; a whole number from 1 to 100; 1 by default. It closes when
   * all of them are decided, and opens again as soon as so many failed, or were slow, that their share of `probes`
   * reaches the ratio; with `failureRatio: false` on the first failure. (After resilience4j's
   * `permittedNumberOfCallsInHalfOpenState`.) No more run at once than could still fail before it opens again.
   */
  readonly probes?: number | undefined;
  /** Milliseconds between the starts of two probes, 0 to 3,600,000; by default 0 with one probe and 200 with more. */
  readonly probeIntervalMs?: number | undefined;
  /** A probe without a result after this many milliseconds counts as failed; the total timeout by default. */
  readonly probeTimeoutMs?: number | undefined;
}

/**
 * {@link CircuitPolicy} with every field known. One of `windowMs` and `windowCalls` is there; `minCalls` is no more than
 * `windowCalls`, and `openMs ≤ maxOpenMs` holds.
 */
export interface ResolvedCircuit {
  readonly engine: CircuitEngine;
  readonly mode: CircuitMode;
  readonly failureRatio: number | false;
  readonly windowMs: number | undefined;
  readonly windowCalls: number | undefined;
  readonly minCalls: number;
  readonly consecutiveFailures: number | false;
  readonly slowCallMs: number | false;
  readonly slowCallRatio: number;
  readonly openMs: number;
  readonly maxOpenMs: number;
  readonly openGrowth: number;
  readonly openJitter: number;
  readonly probes: number;
  readonly probeIntervalMs: number;
  readonly probeTimeoutMs: number;
}
