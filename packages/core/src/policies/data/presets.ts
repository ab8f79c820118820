import type { RoutePolicy, ServicePolicy } from "../policy.ts";
import { sectionsOf } from "./sections.ts";

/** The presets, by name. */
export const presetNames = ["standard", "aggressive", "batch", "none"] as const;

/** What the fields of a policy can be laid over; see {@link presets}. */
export type PresetName = (typeof presetNames)[number];

/** A day: what waits longer has been forgotten. */
const veryLongMs = 86_400_000;

/**
 * Policies to begin with. What a route can have is said in full by each of them, so that a route's preset leaves nothing of
 * another one's behind.
 *
 * - `standard`: the defaults, written down. Two retries within the budget, generous limits of time, a circuit that opens at half.
 * - `aggressive`: for answers somebody waits for. Gives up an attempt after a second, when the median of a healthy service is
 *   far behind; hedges the slowest hundredth; backs off briefly, because there is no time for more; opens its circuit at 30 % of
 *   ten calls, and looks again after two seconds.
 * - `batch`: for work that nobody waits for. Minutes for an attempt, five attempts seconds apart, so that a restart of the service
 *   is sat out; a smaller budget and no hedges, because extra load of batches is at the expense of others; heeds long
 *   `Retry-After`; a circuit that is slow to judge and slow to try again.
 * - `none`: nothing but balancing and a limit of a day, for what brings its own policies. Retries, hedges, circuit, outlier
 *   detection, deadlines and limits are off.
 */
export const presets: Readonly<Record<PresetName, ServicePolicy>> = {
  standard: {
    timeout: { totalMs: 30_000, attemptMs: 10_000, connectMs: 1_000 },
    retry: {
      maxAttempts: 3,
      baseDelayMs: 25,
      maxDelayMs: 250,
      maxRetryAfterMs: 300_000,
      budget: { ratio: 0.2, minPerSecond: 10 },
    },
    hedge: false,
    circuit: { failureRatio: 0.5, windowMs: 10_000, minCalls: 20, openMs: 5_000, maxOpenMs: 15_000 },
  },
  aggressive: {
    timeout: { totalMs: 3_000, attemptMs: 1_000, connectMs: 250 },
    retry: {
      maxAttempts: 3,
      baseDelayMs: 10,
      maxDelayMs: 100,
      maxRetryAfterMs: 1_000,
      budget: { ratio: 0.2, minPerSecond: 10 },
    },
    hedge: { percentile: 99, maxHedges: 1 },
    circuit: { failureRatio: 0.3, windowMs: 10_000, minCalls: 10, openMs: 2_000, maxOpenMs: 6_000 },
  },
  batch: {
    timeout: { totalMs: 600_000, attemptMs: 120_000, connectMs: 5_000 },
    retry: {
      maxAttempts: 5,
      baseDelayMs: 1_000,
      maxDelayMs: 30_000,
      maxRetryAfterMs: 300_000,
      budget: { ratio: 0.1, minPerSecond: 1 },
    },
    hedge: false,
    circuit: { failureRatio: 0.7, windowMs: 60_000, minCalls: 20, openMs: 15_000, maxOpenMs: 45_000 },
  },
  none: {
    timeout: { totalMs: veryLongMs, attemptMs: veryLongMs, connectMs: 10_000 },
    retry: false,
    hedge: false,
    deadline: false,
    circuit: false,
    rateLimit: false,
    adaptiveThrottling: false,
    adaptiveConcurrency: false,
    bulkhead: false,
    faultInjection: false,
    fallback: false,
    coalesce: false,
    cache: false,
    outlierDetection: false,
    healthCheck: false,
    slowStart: false,
    subset: false,
    locality: false,
  },
};

/**
 * The part of a preset that a route can have. A circuit of its own is none of it: the service's is enough, unless the preset
 * turns it off; and the budget belongs to the service.
 */
export function routePreset(name: PresetName): Omit<RoutePolicy, "match"> {
  const { hedge, retry, timeout, ...rest } = presets[name];
  const { budget: _, ...attempts } = retry === false ? {} : (retry ?? {});
  const known = sectionsOf("route");
  const off = Object.entries(rest).filter(([key, value]) => value === false && known.has(key));
  return { ...Object.fromEntries(off), timeout, retry: retry === false ? false : attempts, hedge };
}
