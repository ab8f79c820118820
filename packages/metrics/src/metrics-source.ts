import type { MetricProducer } from "@opentelemetry/sdk-metrics";
import { configError } from "@proxyless/core";

import type { Definition } from "./definitions.ts";

/** Metrics that can be shown to Prometheus: those of a mesh, or what adds up those of several. */
export interface MetricsSource extends MetricProducer {
  /** Of its histograms. */
  readonly histograms: "explicit" | "exponential";
  /** The instruments that it may have numbers of. */
  readonly instruments: readonly Definition[];
}

/**
 * A list of what may be a list, for writers that know no other histograms than explicit ones.
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG`
 */
export function explicitOnes(metrics: MetricsSource | readonly MetricsSource[]): readonly MetricsSource[] {
  const all = [metrics].flat();
  for (const one of all) {
    if (typeof one?.collect !== "function" || !Array.isArray(one.instruments)) {
      throw configError("metrics", "what createMetrics has made", one);
    }
    if (one.histograms !== "explicit") {
      throw configError("histograms", "explicit for Prometheus' text format", one.histograms);
    }
  }
  return all;
}
