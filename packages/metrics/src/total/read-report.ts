import { isRecord } from "@proxyless/core/discovery";

import { maxBuckets, maxScale, minScale } from "../series/exponential-duration.ts";
import type { MetricsReport, ReportedMetric } from "./report.ts";

const maxMetrics = 1_000;
const maxPoints = 2_000_000;
const maxAttributes = 64;
const maxTextLength = 2_048;
const maxBoundaries = 200;

type Value = Readonly<Record<string, unknown>>;

/** What another process said, if it is a report and nothing in it is out of bounds; else why not. */
export function readReport(value: unknown): MetricsReport | string {
  if (!isRecord(value)) return "no report";
  if (value["version"] !== 1) return "a report of another version";
  return isReport(value) ? value : "a report that makes no sense";
}

function isReport(value: Value): value is Value & MetricsReport {
  const { metrics } = value;
  return Array.isArray(metrics) && metrics.length <= maxMetrics && metrics.every(isMetric);
}

function isMetric(value: unknown): value is ReportedMetric {
  if (!isRecord(value) || !isText(value["name"])) return false;
  const { points, type } = value;
  if (!Array.isArray(points) || points.length > maxPoints) return false;
  if (type === "numbers") return points.every((point) => isPoint(point) && isNumber(point["value"]));
  if (type === "explicit") return points.every((point) => isPoint(point) && isExplicit(point));
  return type === "exponential" && points.every((point) => isPoint(point) && isExponential(point));
}

function isPoint(value: unknown): value is Value {
  if (!isRecord(value) || !isNumber(value["startedAt"]) || !isRecord(value["attributes"])) return false;
  const attributes = Object.entries(value["attributes"]);
  return (
    attributes.length <= maxAttributes &&
    attributes.every(
      ([name, own]) => isText(name) && (isText(own) || isNumber(own) || typeof own === "boolean"),
    )
  );
}

function isExplicit(point: Value): boolean {
  const { boundaries, counts, exemplars } = point;
  if (!Array.isArray(boundaries) || boundaries.length > maxBoundaries) return false;
  const isAscending = boundaries.every(
    (bound: unknown, i) => isNumber(bound) && (i === 0 || bound > Number(boundaries[i - 1])),
  );
  const fits = (list: unknown): list is readonly unknown[] =>
    Array.isArray(list) && list.length === boundaries.length + 1;
  if (!isAscending || !isDuration(point) || !fits(counts)) return false;
  return exemplars === undefined || (fits(exemplars) && exemplars.every(isExemplar));
}

function isExponential(point: Value): boolean {
  const { counts, offset, scale, zeroCount } = point;
  if (!isDuration(point) || !Array.isArray(counts) || counts.length > maxBuckets) return false;
  const isScale = Number.isInteger(scale) && Number(scale) >= minScale && Number(scale) <= maxScale;
  return isScale && Number.isSafeInteger(offset) && Math.abs(Number(offset)) < 2 ** 31 && isCount(zeroCount);
}

function isDuration({ count, counts, max, min, sum }: Value): boolean {
  return (
    isCount(count) &&
    isNumber(sum) &&
    sum >= 0 &&
    isNumber(min) &&
    isNumber(max) &&
    Array.isArray(counts) &&
    counts.every(isCount)
  );
}

function isExemplar(value: unknown): boolean {
  if (value === null) return true;
  if (!isRecord(value)) return false;
  const { at, seconds, spanId, traceId } = value;
  return isNumber(at) && isNumber(seconds) && isText(spanId) && isText(traceId);
}

function isCount(value: unknown): boolean {
  return isNumber(value) && value >= 0;
}

function isNumber(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value);
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value.length <= maxTextLength;
}
