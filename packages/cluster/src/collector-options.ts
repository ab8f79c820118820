import { configError, systemClock } from "@proxyless/core";
import type { Clock } from "@proxyless/core";
import { knownKeys, oneOf, record, wholeNumber } from "@proxyless/core/discovery";
import type { MetricsSource } from "@proxyless/metrics";

import type { WorkerProblem } from "./roster.ts";

/** How the primary collects. */
export interface CollectorOptions {
  /** The primary's own metrics, which are added to those of the workers. Default: none. */
  readonly metrics?: MetricsSource | undefined;
  /** How long workers have to answer, in milliseconds, 10 to 60,000. Default: 2,000. */
  readonly deadlineMs?: number | undefined;
  /** How many workers may report at once, 1 to 10,000; others are refused. Default: 1,000. */
  readonly maxWorkers?: number | undefined;
  /** Which histograms the workers have; others are skipped. Default: `explicit`. */
  readonly histograms?: "explicit" | "exponential" | undefined;
  /**
   * How many series an instrument may have, 1 to 1,000,000; what comes beyond is counted together in one more, with the attribute
   * `otel.metric.overflow`. Default: 2,000.
   */
  readonly maxSeries?: number | undefined;
  /**
   * How long what was counted of a service or an endpoint stays when no worker knows it any more, in milliseconds, 60,000 (a minute) to
   * 86,400,000 (a day). Default: 900,000, a quarter of an hour.
   */
  readonly keptMs?: number | undefined;
  /** Told of workers that are late, that say what makes no sense, or that are too many. Must not throw. */
  readonly onProblem?: ((problem: WorkerProblem) => void) | undefined;
  /** The source of time; the system's by default. */
  readonly clock?: Clock | undefined;
}

/** {@link CollectorOptions}, checked and complete. */
export interface ResolvedCollector {
  readonly metrics: MetricsSource | undefined;
  readonly deadlineMs: number;
  readonly maxWorkers: number;
  readonly histograms: "explicit" | "exponential";
  readonly maxSeries: number;
  readonly keptMs: number;
  readonly onProblem: (problem: WorkerProblem) => void;
  readonly clock: Clock;
}

const keys = [
  "metrics",
  "deadlineMs",
  "maxWorkers",
  "histograms",
  "maxSeries",
  "keptMs",
  "onProblem",
  "clock",
];

/** @throws ProxylessError `ERR_PROXYLESS_CONFIG` */
export function resolveCollector(options: CollectorOptions): ResolvedCollector {
  knownKeys("", record("options", options), keys);
  const { clock = systemClock, metrics, onProblem = () => undefined } = options;
  if (metrics !== undefined && typeof metrics.collect !== "function") {
    throw configError("metrics", "what createMetrics has made", metrics);
  }
  if (typeof onProblem !== "function") throw configError("onProblem", "a function", onProblem);
  const histograms = oneOf(
    "histograms",
    options.histograms,
    ["explicit", "exponential"],
    metrics?.histograms ?? "explicit",
  );
  if (metrics !== undefined && metrics.histograms !== histograms) {
    throw configError("histograms", `${metrics.histograms}, as those of metrics`, histograms);
  }
  return {
    metrics,
    deadlineMs: wholeNumber("deadlineMs", options.deadlineMs, 2_000, 10, 60_000),
    maxWorkers: wholeNumber("maxWorkers", options.maxWorkers, 1_000, 1, 10_000),
    histograms,
    maxSeries: wholeNumber("maxSeries", options.maxSeries, 2_000, 1, 1_000_000),
    keptMs: wholeNumber("keptMs", options.keptMs, 900_000, 60_000, 86_400_000),
    onProblem,
    clock,
  };
}
