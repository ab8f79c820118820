import { millisToHrTime } from "@opentelemetry/core";
import { emptyResource } from "@opentelemetry/resources";
import type { CollectionResult, MetricData } from "@opentelemetry/sdk-metrics";
import type { Mesh } from "@proxyless/core";

import { allDefinitions, scopeName } from "./definitions.ts";
import type { Definition } from "./definitions.ts";
import type { MetricsSource } from "./metrics-source.ts";
import { resolveAggregated } from "./options.ts";
import type { AggregatedMetricsOptions, ResolvedMetrics } from "./options.ts";
import { explicitOf, exponentialOf, numbersOf } from "./otel/metric-data.ts";
import { EventLoopDelay } from "./read/event-loop.ts";
import { Observations } from "./read/observations.ts";
import { observeReadings } from "./read/readings.ts";
import { Recorder } from "./record/recorder.ts";
import { AllSeries } from "./series/all-series.ts";
import { ExplicitDuration } from "./series/duration.ts";
import { ExponentialDuration } from "./series/exponential-duration.ts";

/**
 * Measures a mesh from now on. The numbers are added up here, at the price of a few comparisons per call; what asks for them is any
 * reader of OpenTelemetry's SDK (its option `metricProducers`), or a Prometheus endpoint.
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG` for a bad option
 */
export function createMetrics(mesh: Mesh, options: AggregatedMetricsOptions = {}): MeshMetrics {
  return new MeshMetrics(mesh, resolveAggregated(options));
}

/** The numbers of one mesh, for whoever asks. */
export class MeshMetrics implements MetricsSource, Disposable {
  /** Of its histograms. */
  readonly histograms: "explicit" | "exponential";
  /** All there are. */
  readonly instruments: readonly Definition[] = allDefinitions;
  readonly #mesh: Mesh;
  readonly #options: ResolvedMetrics;
  readonly #series: AllSeries<ExplicitDuration | ExponentialDuration>;
  readonly #recorder: Recorder;
  readonly #eventLoop: EventLoopDelay | undefined;
  readonly #startedAt: number;
  #isClosed = false;

  /** @internal */
  constructor(mesh: Mesh, options: ResolvedMetrics) {
    this.#mesh = mesh;
    this.#options = options;
    this.histograms = options.histograms;
    const { boundaries, clock, histograms } = options;
    this.#startedAt = clock.wallNow();
    this.#series = new AllSeries(options, (_, attributes) =>
      histograms === "exponential"
        ? new ExponentialDuration(attributes, clock)
        : new ExplicitDuration(attributes, boundaries, clock),
    );
    this.#recorder = new Recorder(mesh, this.#series, options);
    this.#eventLoop = options.eventLoop ? new EventLoopDelay() : undefined;
  }

  /** How many series are counted at the moment; those that are only read when somebody asks are not among them. */
  get size(): number {
    return this.#series.size;
  }

  /** Everything at this moment, cumulative. What was closed has nothing to tell. */
  collect(): Promise<CollectionResult> {
    const scopeMetrics = this.#isClosed ? [] : [{ scope: { name: scopeName }, metrics: this.#metrics() }];
    return Promise.resolve({ resourceMetrics: { resource: emptyResource(), scopeMetrics }, errors: [] });
  }

  /** Ends it: nothing is counted any more, and nothing of it stays with the mesh. */
  close(): void {
    this.#isClosed = true;
    this.#recorder.close();
    this.#eventLoop?.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #metrics(): MetricData[] {
    const { attributes, clock, endpoints, maxSeries } = this.#options;
    const readings = this.#mesh.read({ endpoints });
    this.#recorder.forget(readings);
    const read = new Observations(maxSeries, attributes);
    const observe = read.add.bind(read);
    observeReadings(readings, attributes, observe);
    this.#eventLoop?.observe(attributes, observe);
    const endTime = millisToHrTime(clock.wallNow());
    const found: MetricData[] = [];
    for (const definition of allDefinitions) {
      const durations = this.#series.durations.get(definition);
      if (durations !== undefined) {
        const all = [...durations];
        const explicit = all.filter((one) => one instanceof ExplicitDuration);
        const exponential = all.filter((one) => one instanceof ExponentialDuration);
        if (explicit.length > 0) found.push(explicitOf(definition, explicit, endTime));
        if (exponential.length > 0) found.push(exponentialOf(definition, exponential, endTime));
        continue;
      }
      const counted = this.#series.counters.get(definition) ?? [];
      const points = [...counted, ...read.of(definition)];
      if (points.length > 0) found.push(numbersOf(definition, points, this.#startedAt, endTime));
    }
    return found;
  }
}
