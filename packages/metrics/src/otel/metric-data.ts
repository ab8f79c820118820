import { ValueType } from "@opentelemetry/api";
import type { HrTime } from "@opentelemetry/api";
import { millisToHrTime } from "@opentelemetry/core";
import { AggregationTemporality, DataPointType } from "@opentelemetry/sdk-metrics";
import type { DataPoint, Histogram, MetricData, MetricDescriptor } from "@opentelemetry/sdk-metrics";

import type { Definition } from "../definitions.ts";
import type { Exemplar, ExplicitDuration } from "../series/duration.ts";
import type { ExponentialDuration } from "../series/exponential-duration.ts";

/** What is told of durations, whoever added them up. */
type ExplicitNumbers = Omit<ExplicitDuration, "counts" | "record"> & {
  readonly counts: ExplicitDuration["counts"] | readonly number[];
};
type ExponentialNumbers = Omit<ExponentialDuration, "record">;

/** A number and what it belongs to. */
interface Point {
  readonly attributes: DataPoint<number>["attributes"];
  readonly value: number;
  /** Milliseconds since the Unix epoch; undefined where it is as old as the rest. */
  readonly startedAt?: number;
}

/** With the exemplars, by bucket, that this SDK's own points do not have yet. */
export interface HistogramPoint extends DataPoint<Histogram> {
  readonly exemplars?: readonly (Exemplar | undefined)[] | undefined;
}

const aggregationTemporality = AggregationTemporality.CUMULATIVE;

/** Counters and levels as an SDK would hand them on. */
export function numbersOf(
  definition: Definition,
  points: readonly Point[],
  startedAt: number,
  endTime: HrTime,
): MetricData {
  const dataPoints = points.map(({ attributes, startedAt: own = startedAt, value }) => ({
    attributes,
    value,
    startTime: millisToHrTime(own),
    endTime,
  }));
  const descriptor = descriptorOf(definition);
  return definition.kind === "gauge"
    ? { descriptor, aggregationTemporality, dataPointType: DataPointType.GAUGE, dataPoints }
    : {
        descriptor,
        aggregationTemporality,
        dataPointType: DataPointType.SUM,
        isMonotonic: definition.kind === "counter",
        dataPoints,
      };
}

/** Histograms with fixed bounds. */
export function explicitOf(
  definition: Definition,
  series: Iterable<ExplicitNumbers>,
  endTime: HrTime,
): MetricData {
  const dataPoints: HistogramPoint[] = [];
  for (const { attributes, boundaries, count, counts, exemplars, max, min, startedAt, sum } of series) {
    // Readers may keep what they get, and counting goes on.
    const buckets = { boundaries: [...boundaries], counts: Array.from(counts) };
    const value = { buckets, count, sum, min, max };
    const startTime = millisToHrTime(startedAt);
    dataPoints.push({ attributes, value, startTime, endTime, exemplars: exemplars?.slice() });
  }
  const descriptor = descriptorOf(definition);
  return { descriptor, aggregationTemporality, dataPointType: DataPointType.HISTOGRAM, dataPoints };
}

/** Histograms that are fine everywhere. */
export function exponentialOf(
  definition: Definition,
  series: Iterable<ExponentialNumbers>,
  endTime: HrTime,
): MetricData {
  return {
    descriptor: descriptorOf(definition),
    aggregationTemporality,
    dataPointType: DataPointType.EXPONENTIAL_HISTOGRAM,
    dataPoints: Array.from(
      series,
      ({ attributes, count, counts, max, min, offset, scale, startedAt, sum, zeroCount }) => ({
        attributes,
        startTime: millisToHrTime(startedAt),
        endTime,
        value: {
          count,
          sum,
          scale,
          zeroCount,
          min,
          max,
          positive: { offset, bucketCounts: [...counts] },
          negative: { offset: 0, bucketCounts: [] },
        },
      }),
    ),
  };
}

function descriptorOf({ description, name, unit }: Definition): MetricDescriptor {
  return { name, description, unit, valueType: ValueType.DOUBLE };
}
