import { DataPointType } from "@opentelemetry/sdk-metrics";
import type { MetricData, MetricDescriptor } from "@opentelemetry/sdk-metrics";

import type { Definition } from "../definitions.ts";

/** Prometheus' words for units. */
const words: Readonly<Record<string, string>> = { s: "seconds", By: "bytes" };

/**
 * The unit as OpenTelemetry's rules for Prometheus append it to a name; empty where they append nothing. The exporter of this SDK leaves it
 * out, and what arrives by OTLP has it: with it, a dashboard finds both.
 */
function unitSuffix(unit: string, isGauge: boolean): string {
  if (unit === "1") return isGauge ? "ratio" : "";
  return words[unit] ?? "";
}

/** The same metric under the name that Prometheus shall see. */
export function forPrometheus(metric: MetricData): MetricData {
  const { descriptor } = metric;
  const suffix = unitSuffix(descriptor.unit, metric.dataPointType === DataPointType.GAUGE);
  const name = suffix === "" ? descriptor.name : `${descriptor.name}_${suffix}`;
  const renamed: MetricDescriptor = { ...descriptor, name, unit: suffix };
  return { ...metric, descriptor: renamed };
}

/** An instrument as Prometheus sees it. */
export interface PromMetric {
  readonly name: string;
  readonly help: string;
  readonly type: "histogram" | "counter" | "gauge";
  /** Its name as {@link forPrometheus} gives it. */
  readonly source: string;
}

/** The name of an instrument in Prometheus, and what belongs to it. */
export function promNameOf({ description, kind, name, unit }: Definition): PromMetric {
  const suffix = unitSuffix(unit, kind === "gauge");
  const source = suffix === "" ? name : `${name}_${suffix}`;
  const plain = source.replaceAll(/\W/g, "_");
  const type = kind === "histogram" || kind === "counter" ? kind : "gauge";
  return { name: kind === "counter" ? `${plain}_total` : plain, help: description, type, source };
}
