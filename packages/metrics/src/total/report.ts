import type { Attributes } from "@opentelemetry/api";
import { hrTimeToMilliseconds } from "@opentelemetry/core";
import { DataPointType } from "@opentelemetry/sdk-metrics";
import type {
  CollectionResult,
  DataPoint,
  ExponentialHistogram,
  MetricData,
} from "@opentelemetry/sdk-metrics";

import type { HistogramPoint } from "../otel/metric-data.ts";
import type { Exemplar } from "../series/duration.ts";

interface PointOf {
  readonly attributes: Attributes;
  /** Milliseconds since the Unix epoch: a series that begins anew has another one. */
  readonly startedAt: number;
}

/** A number. */
export interface NumberPoint extends PointOf {
  readonly value: number;
}

interface DurationPoint extends PointOf {
  readonly count: number;
  readonly sum: number;
  readonly min: number;
  readonly max: number;
  readonly counts: readonly number[];
}

/** Durations in buckets with fixed bounds. */
export interface ExplicitPoint extends DurationPoint {
  readonly boundaries: readonly number[];
  /** By bucket; `null` where there is none. */
  readonly exemplars?: readonly (Exemplar | null)[] | undefined;
}

/** Durations in buckets that are fine everywhere. */
export interface ExponentialPoint extends DurationPoint {
  readonly scale: number;
  readonly offset: number;
  readonly zeroCount: number;
}

/** The numbers of one instrument. */
export type ReportedMetric =
  | { readonly name: string; readonly type: "numbers"; readonly points: readonly NumberPoint[] }
  | { readonly name: string; readonly type: "explicit"; readonly points: readonly ExplicitPoint[] }
  | { readonly name: string; readonly type: "exponential"; readonly points: readonly ExponentialPoint[] };

/** Metrics as they go from one process to another: JSON. */
export interface MetricsReport {
  readonly version: 1;
  readonly metrics: readonly ReportedMetric[];
}

/** What was collected, for {@link MetricsTotal} in another thread or process. */
export function metricsReport({ resourceMetrics }: CollectionResult): MetricsReport {
  const metrics = resourceMetrics.scopeMetrics.flatMap((scope) => scope.metrics);
  return { version: 1, metrics: metrics.map(reported) };
}

function reported(metric: MetricData): ReportedMetric {
  const { name } = metric.descriptor;
  if (metric.dataPointType === DataPointType.HISTOGRAM) {
    return { name, type: "explicit", points: metric.dataPoints.map(explicitPoint) };
  }
  if (metric.dataPointType === DataPointType.EXPONENTIAL_HISTOGRAM) {
    return { name, type: "exponential", points: metric.dataPoints.map(exponentialPoint) };
  }
  const points = metric.dataPoints.map(({ attributes, startTime, value }) => ({
    attributes,
    startedAt: hrTimeToMilliseconds(startTime),
    value,
  }));
  return { name, type: "numbers", points };
}

function explicitPoint({ attributes, exemplars, startTime, value }: HistogramPoint): ExplicitPoint {
  const { boundaries, counts } = value.buckets;
  return {
    attributes,
    startedAt: hrTimeToMilliseconds(startTime),
    ...durationOf(value),
    boundaries,
    counts,
    exemplars: exemplars && Array.from(exemplars, (exemplar) => exemplar ?? null),
  };
}

function exponentialPoint({
  attributes,
  startTime,
  value,
}: DataPoint<ExponentialHistogram>): ExponentialPoint {
  const { bucketCounts: counts, offset } = value.positive;
  const { scale, zeroCount } = value;
  const startedAt = hrTimeToMilliseconds(startTime);
  return { attributes, startedAt, ...durationOf(value), scale, zeroCount, offset, counts };
}

/** An empty one has no extremes, and JSON nothing for that. */
function durationOf({
  count,
  max = 0,
  min = 0,
  sum = 0,
}: Pick<ExponentialHistogram, "count" | "max" | "min" | "sum">): Omit<
  DurationPoint,
  keyof PointOf | "counts"
> {
  return { count, sum, min: count === 0 ? 0 : min, max: count === 0 ? 0 : max };
}
