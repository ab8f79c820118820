import { metrics as api } from "@opentelemetry/api";
import type {
  Attributes,
  BatchObservableCallback,
  BatchObservableResult,
  Histogram,
  Meter,
  MetricOptions,
  Observable,
} from "@opentelemetry/api";
import { configError } from "@proxyless/core";
import type { Mesh } from "@proxyless/core";

import { allDefinitions, recommendedBoundaries, scopeName } from "../definitions.ts";
import type { Definition } from "../definitions.ts";
import { resolveMetrics } from "../options.ts";
import type { MetricsOptions, ResolvedMetrics } from "../options.ts";
import { EventLoopDelay } from "../read/event-loop.ts";
import { Observations } from "../read/observations.ts";
import { observeReadings } from "../read/readings.ts";
import { Recorder } from "../record/recorder.ts";
import { AllSeries } from "../series/all-series.ts";
import type { Duration } from "../series/duration.ts";
import { ToldLevels } from "./told-levels.ts";

/** Where the instruments are made. */
export interface InstrumentMeshOptions extends MetricsOptions {
  /** Default: that of the provider that is registered globally now. */
  readonly meter?: Meter | undefined;
}

/** The instruments of a mesh. */
export interface MeshInstruments extends Disposable {
  /** Takes them away: nothing is counted any more, and the meter holds nothing of the mesh. */
  close(): void;
}

/**
 * Measures a mesh through the metrics API of OpenTelemetry: for whoever cannot name the reader. Each duration costs what the SDK's
 * `record` costs; everything else is counted here and observed when a reader collects.
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG` for a bad option
 */
export function instrumentMesh(mesh: Mesh, options: InstrumentMeshOptions = {}): MeshInstruments {
  const resolved = resolveMetrics(options, ["meter"]);
  const meter = options.meter ?? api.getMeter(scopeName);
  if (typeof meter.createHistogram !== "function") throw configError("meter", "a Meter", meter);
  return new Instruments(mesh, meter, resolved);
}

class Instruments implements MeshInstruments {
  readonly #mesh: Mesh;
  readonly #meter: Meter;
  readonly #options: ResolvedMetrics;
  readonly #series: AllSeries;
  readonly #recorder: Recorder;
  readonly #eventLoop: EventLoopDelay | undefined;
  readonly #observables: ReadonlyMap<Definition, Observable>;
  readonly #levels = new ToldLevels();
  readonly #callback: BatchObservableCallback = (result) => {
    this.#observe(result);
  };

  constructor(mesh: Mesh, meter: Meter, options: ResolvedMetrics) {
    this.#mesh = mesh;
    this.#meter = meter;
    this.#options = options;
    const measured = allDefinitions.filter(({ isPerEndpoint }) => isPerEndpoint !== true);
    const histograms = new Map(
      measured
        .filter(({ kind }) => kind === "histogram")
        .map((definition) => [
          definition,
          meter.createHistogram(definition.name, {
            ...describe(definition),
            advice: { explicitBucketBoundaries: [...recommendedBoundaries] },
          }),
        ]),
    );
    this.#series = new AllSeries(options, (definition, attributes) => {
      const histogram = histograms.get(definition);
      if (histogram === undefined) throw new TypeError(`${definition.name} is no histogram`);
      return new RecordedDuration(histogram, attributes);
    });
    this.#observables = new Map(
      measured
        .filter(({ kind }) => kind !== "histogram")
        .map((definition) => [definition, observableOf(meter, definition)]),
    );
    this.#recorder = new Recorder(mesh, this.#series, options);
    this.#eventLoop = options.eventLoop ? new EventLoopDelay() : undefined;
    meter.addBatchObservableCallback(this.#callback, [...this.#observables.values()]);
  }

  close(): void {
    this.#meter.removeBatchObservableCallback(this.#callback, [...this.#observables.values()]);
    this.#levels.close(this.#meter);
    this.#recorder.close();
    this.#eventLoop?.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #observe(result: BatchObservableResult): void {
    const { attributes, maxSeries } = this.#options;
    // Nothing counted is let go: what the SDK was told it keeps, and a count that began anew at 1 would be no more than the 1 before.
    const read = new Observations(maxSeries, attributes);
    const observe = read.add.bind(read);
    observeReadings(this.#mesh.read(), attributes, observe);
    this.#eventLoop?.observe(attributes, observe);
    const levels = new Map<Observable, readonly Attributes[]>();
    for (const [definition, observable] of this.#observables) {
      const counted = this.#series.counters.get(definition) ?? [];
      for (const { attributes: own, value } of counted) result.observe(observable, value, own);
      const all = read.of(definition);
      for (const { attributes: own, value } of all) result.observe(observable, value, own);
      if (isLeaving(definition))
        levels.set(
          observable,
          all.map((one) => one.attributes),
        );
    }
    this.#levels.tell(result, levels);
  }
}

/** Durations that an SDK adds up. */
class RecordedDuration implements Duration {
  readonly attributes: Attributes;
  readonly #histogram: Histogram;

  constructor(histogram: Histogram, attributes: Attributes) {
    this.#histogram = histogram;
    this.attributes = attributes;
  }

  record(seconds: number): void {
    this.#histogram.record(seconds, this.attributes);
  }
}

/** Levels of services. Those of the process are there as long as it is, if not at every moment. */
function isLeaving({ attributes, kind }: Definition): boolean {
  return kind !== "counter" && attributes.length > 0;
}

function describe({ description, unit }: Definition): MetricOptions {
  return { description, unit };
}

function observableOf(meter: Meter, definition: Definition): Observable {
  const { kind, name } = definition;
  if (kind === "counter") return meter.createObservableCounter(name, describe(definition));
  if (kind === "gauge") return meter.createObservableGauge(name, describe(definition));
  return meter.createObservableUpDownCounter(name, describe(definition));
}
