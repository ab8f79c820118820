import type { AttributeValue, Attributes } from "@opentelemetry/api";
import { configError, systemClock } from "@proxyless/core";
import type { Clock } from "@proxyless/core";
import { knownKeys, record, wholeNumber } from "@proxyless/core/discovery";

import { recommendedBoundaries } from "./definitions.ts";

/** What is measured of a mesh, and how finely. */
export interface MetricsOptions {
  /**
   * How many series an instrument may have, 1 to 1,000,000; what comes beyond is counted together in one more, with the
   * attribute `otel.metric.overflow`. Default: 2,000.
   */
  readonly maxSeries?: number | undefined;
  /** Attributes of every series: what tells two meshes of one process apart, say. Default: none. */
  readonly attributes?: Attributes | undefined;
  /** The path templates of typed calls as `url.template`. Default: `false`. */
  readonly templates?: boolean | undefined;
  /** The delay of the process' event loop, which is the same for every mesh of the process. Default: `true`. */
  readonly eventLoop?: boolean | undefined;
  /** The source of time; the system's by default. */
  readonly clock?: Clock | undefined;
}

/** What is measured where the numbers are added up here, and not by an SDK. */
export interface AggregatedMetricsOptions extends MetricsOptions {
  /** The instruments `proxyless.endpoint.*`, which have series per endpoint. Default: `false`. */
  readonly endpoints?: boolean | undefined;
  /**
   * `explicit`: with {@link AggregatedMetricsOptions.boundaries}. `exponential`: fine everywhere, Prometheus' native histograms; not
   * every exporter has them. Default: `explicit`.
   */
  readonly histograms?: "explicit" | "exponential" | undefined;
  /**
   * Upper bounds in seconds, ascending, 1 to 200 of them; for `explicit` ones. Default: those of the convention, 5 ms to 10 s.
   */
  readonly boundaries?: readonly number[] | undefined;
}

/** {@link AggregatedMetricsOptions}, checked and complete. */
export interface ResolvedMetrics {
  readonly maxSeries: number;
  readonly attributes: Attributes;
  readonly templates: boolean;
  readonly eventLoop: boolean;
  readonly clock: Clock;
  readonly endpoints: boolean;
  readonly histograms: "explicit" | "exponential";
  readonly boundaries: readonly number[];
}

const keys = ["maxSeries", "attributes", "templates", "eventLoop", "clock"];
const aggregatedKeys = [...keys, "endpoints", "histograms", "boundaries"];

/** @throws ProxylessError `ERR_PROXYLESS_CONFIG` */
export function resolveAggregated(options: AggregatedMetricsOptions): ResolvedMetrics {
  knownKeys("", record("options", options), aggregatedKeys);
  const { boundaries = recommendedBoundaries, histograms = "explicit" } = options;
  if (histograms !== "explicit" && histograms !== "exponential") {
    throw configError("histograms", "explicit or exponential", histograms);
  }
  return {
    ...resolveCommon(options),
    endpoints: flag("endpoints", options.endpoints, false),
    histograms,
    boundaries: checkedBoundaries(boundaries),
  };
}

/**
 * @param also further options that its caller knows
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG`
 */
export function resolveMetrics(options: MetricsOptions, also: readonly string[]): ResolvedMetrics {
  knownKeys("", record("options", options), [...keys, ...also]);
  return {
    ...resolveCommon(options),
    endpoints: false,
    histograms: "explicit",
    boundaries: recommendedBoundaries,
  };
}

function resolveCommon(
  options: MetricsOptions,
): Pick<ResolvedMetrics, "maxSeries" | "attributes" | "templates" | "eventLoop" | "clock"> {
  return {
    maxSeries: wholeNumber("maxSeries", options.maxSeries, 2_000, 1, 1_000_000),
    attributes: checkedAttributes(options.attributes ?? {}),
    templates: flag("templates", options.templates, false),
    eventLoop: flag("eventLoop", options.eventLoop, true),
    clock: options.clock ?? systemClock,
  };
}

function flag(field: string, value: unknown, fallback: boolean): boolean {
  if (value === undefined) return fallback;
  if (typeof value !== "boolean") throw configError(field, "true or false", value);
  return value;
}

function checkedAttributes(attributes: Attributes): Attributes {
  const given: Record<string, AttributeValue> = {};
  for (const [name, value] of Object.entries(record("attributes", attributes))) {
    if (typeof value !== "string" && typeof value !== "number" && typeof value !== "boolean") {
      throw configError(`attributes.${name}`, "a string, a number, true or false", value);
    }
    given[name] = value;
  }
  return given;
}

function checkedBoundaries(boundaries: unknown): readonly number[] {
  const isLegal =
    Array.isArray(boundaries) &&
    boundaries.length >= 1 &&
    boundaries.length <= 200 &&
    boundaries.every(
      (bound: unknown, i) =>
        typeof bound === "number" && Number.isFinite(bound) && bound > Number(boundaries[i - 1] ?? 0),
    );
  if (!isLegal) throw configError("boundaries", "1 to 200 ascending numbers above 0", boundaries);
  return boundaries.map(Number);
}
