import type { Criticality } from "./criticality.ts";

/** A number for every call, or one for each criticality; what is missing has its default. */
type PerCriticality = number | { readonly [level in Criticality]?: number | undefined };

/** When calls are refused here because the service refuses so many. */
export interface AdaptiveThrottlingPolicy {
  /**
   * How many calls are sent for each one that the service takes: with `k` 2, half of what is sent may be refused before
   * anything is held back here. 1 to 100; 2 by default. A lower one holds back more, and learns later that the service is back.
   */
  readonly k?: PerCriticality | undefined;
  /** How far it looks back, in milliseconds, 1,000 to 3,600,000; 120,000 by default. */
  readonly windowMs?: number | undefined;
  /** Nothing is held back on fewer calls of a criticality than this; a whole number from 0 to 1,000,000; 10 by default. */
  readonly minRequests?: number | undefined;
  /**
   * When the service refuses a call for overload and says `Retry-After`, calls that may be shed are refused here until then:
   * `sheddable_plus` (the default) and all that matters less than the one named here; `false` for none.
   */
  readonly shedOnRetryAfter?: false | Criticality | undefined;
  /** A longer `Retry-After` is cut to this many milliseconds, 0 to 3,600,000; 60,000 by default. */
  readonly maxRetryAfterMs?: number | undefined;
  /** After that, calls come back by chance, more and more over this many milliseconds, 0 to 3,600,000; 5,000 by default. */
  readonly rampMs?: number | undefined;
}

/** {@link AdaptiveThrottlingPolicy} with every field known. */
export interface ResolvedAdaptiveThrottling {
  /** By level; see `levelOf`. */
  readonly k: readonly number[];
  readonly windowMs: number;
  readonly minRequests: number;
  /** The most important level that is shed; 4 for none. */
  readonly shedFrom: number;
  readonly maxRetryAfterMs: number;
  readonly rampMs: number;
}
