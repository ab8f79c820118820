import type { Attributes } from "@opentelemetry/api";
import { DataPointType } from "@opentelemetry/sdk-metrics";
import type { DataPoint, Histogram, MetricData, MetricProducer } from "@opentelemetry/sdk-metrics";

import { explicitOnes } from "../metrics-source.ts";
import type { MetricsSource } from "../metrics-source.ts";
import type { HistogramPoint } from "../otel/metric-data.ts";
import type { Exemplar } from "../series/duration.ts";
import { forPrometheus, promNameOf } from "./prometheus-names.ts";
import type { PromMetric } from "./prometheus-names.ts";

/** What prom-client asks of a metric. */
export interface PromClientMetric {
  get(): Promise<object>;
  reset(): void;
}

/** A `Registry` of prom-client, as far as it is needed. */
export interface PromClientRegistry {
  registerMetric(metric: PromClientMetric): void;
  removeSingleMetric(name: string): void;
}

type Labels = Record<string, string>;

/** One line of what prom-client writes. */
interface Line {
  readonly metricName?: string;
  readonly value: number;
  readonly labels: Labels;
  /** prom-client remembers the text that it made of the same object. */
  readonly sharedLabels: Labels;
  readonly exemplar?:
    | { readonly labelSet: Labels; readonly value: number; readonly timestamp: number }
    | undefined;
}

/**
 * Shows the metrics in a registry of prom-client, beside what else is there. prom-client writes exemplars, where the registry's content type is
 * that of OpenMetrics: each bucket links to a sampled trace.
 * @returns what takes them out again
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG` for metrics whose histograms are exponential: prom-client has none
 * @throws Error of prom-client, when one of the names is taken
 */
export function registerWithPromClient(
  registry: PromClientRegistry,
  metrics: MetricsSource | readonly MetricsSource[],
): Disposable {
  const sources = explicitOnes(metrics);
  const collection = new Collection(sources);
  const all = new Set(sources.flatMap(({ instruments }) => instruments));
  const shown = Array.from(all, (definition) => new ShownMetric(collection, promNameOf(definition)));
  for (const metric of shown) registry.registerMetric(metric);
  return {
    [Symbol.dispose]: () => {
      for (const { name } of shown) registry.removeSingleMetric(name);
    },
  };
}

/** All metrics at one moment: a scrape asks for each of them by itself, and all at once. */
class Collection {
  readonly #producers: readonly MetricProducer[];
  #current: Promise<ReadonlyMap<string, readonly MetricData[]>> | undefined;

  constructor(producers: readonly MetricProducer[]) {
    this.#producers = producers;
  }

  async of(name: string): Promise<readonly MetricData[]> {
    if (this.#current === undefined) {
      this.#current = this.#collect();
      queueMicrotask(() => {
        this.#current = undefined;
      });
    }
    return (await this.#current).get(name) ?? [];
  }

  async #collect(): Promise<ReadonlyMap<string, readonly MetricData[]>> {
    const byName = new Map<string, MetricData[]>();
    const results = await Promise.all(this.#producers.map((producer) => producer.collect()));
    const scopes = results.flatMap(({ resourceMetrics }) => resourceMetrics.scopeMetrics);
    for (const metric of scopes.flatMap(({ metrics }) => metrics).map(forPrometheus)) {
      const { name } = metric.descriptor;
      const known = byName.get(name);
      if (known === undefined) byName.set(name, [metric]);
      else known.push(metric);
    }
    return byName;
  }
}

class ShownMetric implements PromClientMetric {
  /** prom-client takes `_total` off it where OpenMetrics wants that. */
  name: string;
  readonly help: string;
  readonly type: PromMetric["type"];
  readonly #collection: Collection;
  readonly #source: string;

  constructor(collection: Collection, { help, name, source, type }: PromMetric) {
    this.#collection = collection;
    this.#source = source;
    this.name = name;
    this.help = help;
    this.type = type;
  }

  async get(): Promise<object> {
    const found = await this.#collection.of(this.#source);
    const { help, name, type } = this;
    return { name, help, type, aggregator: "sum", values: found.flatMap((data) => linesOf(data, name)) };
  }

  /** Counts go on; there is nothing to reset. */
  reset(): void {}
}

function linesOf(metric: MetricData, name: string): Line[] {
  if (metric.dataPointType === DataPointType.HISTOGRAM) {
    return metric.dataPoints.flatMap((point) => histogramLines(point, name));
  }
  if (metric.dataPointType === DataPointType.EXPONENTIAL_HISTOGRAM) return [];
  return metric.dataPoints.map(({ attributes, value }) => ({
    value,
    labels: none,
    sharedLabels: labelsOf(attributes),
  }));
}

const none: Labels = Object.freeze({});

function histogramLines({ attributes, exemplars, value }: HistogramPoint, name: string): Line[] {
  const sharedLabels = labelsOf(attributes);
  const { boundaries, counts } = value.buckets;
  let sum = 0;
  const lines = counts.map((count, i): Line => {
    sum += count;
    const le = i < boundaries.length ? String(boundaries[i]) : "+Inf";
    const exemplar = exemplarOf(exemplars?.[i]);
    return { metricName: `${name}_bucket`, value: sum, labels: { le }, sharedLabels, exemplar };
  });
  const whole = { labels: none, sharedLabels };
  lines.push(
    { metricName: `${name}_sum`, value: value.sum ?? 0, ...whole },
    { metricName: `${name}_count`, value: value.count, ...whole },
  );
  return lines;
}

function exemplarOf(exemplar: Exemplar | undefined): Line["exemplar"] {
  if (exemplar === undefined) return undefined;
  const { at, seconds, spanId, traceId } = exemplar;
  return { labelSet: { trace_id: traceId, span_id: spanId }, value: seconds, timestamp: at / 1_000 };
}

const known = new WeakMap<Attributes, Labels>();

function labelsOf(attributes: DataPoint<Histogram | number>["attributes"]): Labels {
  let labels = known.get(attributes);
  if (labels === undefined) {
    labels = Object.fromEntries(
      Object.entries(attributes).map(([name, value]) => [name.replaceAll(/\W/g, "_"), String(value)]),
    );
    known.set(attributes, labels);
  }
  return labels;
}
