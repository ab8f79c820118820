import type { Attributes } from "@opentelemetry/api";
import { millisToHrTime } from "@opentelemetry/core";
import type { MetricData } from "@opentelemetry/sdk-metrics";
import type { Clock } from "@proxyless/core";

import { allDefinitions } from "../definitions.ts";
import type { Definition } from "../definitions.ts";
import { explicitOf, exponentialOf, numbersOf } from "../otel/metric-data.ts";
import { Observations } from "../read/observations.ts";
import type { Observation } from "../read/observations.ts";
import { isOverflow, overflowAttributes } from "../series/series-set.ts";
import { readReport } from "./read-report.ts";
import type { ExplicitPoint, ExponentialPoint, NumberPoint, ReportedMetric } from "./report.ts";
import { Subjects } from "./subjects.ts";
import { ExplicitTotal, ExponentialTotal, NumberTotal } from "./totals.ts";

/** What a total is made with. */
export interface MetricsTotalOptions {
  readonly clock: Clock;
  /** Of what is added up: others cannot be. */
  readonly histograms: "explicit" | "exponential";
  /** How many series an instrument may have; what comes beyond is added up in one more. */
  readonly maxSeries: number;
  /** How long series stay, in milliseconds, whose service or endpoint nobody knows any more. */
  readonly keptMs: number;
}

type Point = NumberPoint | ExplicitPoint | ExponentialPoint;
type AnyTotal = NumberTotal | ExplicitTotal | ExponentialTotal;
type Said = ReadonlyMap<Definition, ReadonlyMap<string, Point>>;

/** What tells the workers of a series apart that is told of each. */
const workerAttribute = "proxyless.worker.id";
const byName = new Map(allDefinitions.map((definition) => [definition.name, definition]));

/**
 * Adds up what several workers report. Counters and durations go on when one of them ends; levels are those of the workers that are
 * there, added up or the highest, as the instrument says.
 */
export class MetricsTotal {
  readonly #options: MetricsTotalOptions;
  readonly #totals = new Map<Definition, Map<string, AnyTotal>>();
  readonly #said = new Map<string, Said>();
  readonly #subjects: Subjects;

  constructor(options: MetricsTotalOptions) {
    this.#options = options;
    this.#subjects = new Subjects(options.clock, options.keptMs);
  }

  /**
   * Takes the report of a worker, as `metricsReport` made it there.
   * @returns whether it was taken, and why not, or not all of it
   */
  take(worker: string, value: unknown): { readonly isTaken: boolean; readonly problem?: string } {
    const report = readReport(value);
    if (typeof report === "string") return { isTaken: false, problem: report };
    let problem: string | undefined;
    const before = this.#said.get(worker);
    const now = new Map<Definition, Map<string, Point>>();
    for (const metric of report.metrics) {
      const definition = byName.get(metric.name);
      if (definition === undefined || !this.#isOf(definition, metric)) {
        problem = `${metric.name}: not an instrument, or with other histograms`;
        continue;
      }
      const points = new Map<string, Point>();
      for (const point of metric.points) {
        const key = keyOf(point.attributes);
        points.set(key, point);
        this.#subjects.saw(point.attributes);
        if (!isCumulative(definition)) continue;
        const total = this.#totalOf(definition, key, point);
        const last = before?.get(definition)?.get(key);
        if (!grow(total, last, point)) problem = `${metric.name}: other boundaries than those before`;
      }
      now.set(definition, points);
    }
    this.#said.set(worker, now);
    return problem === undefined ? { isTaken: true } : { isTaken: true, problem };
  }

  /** The worker has ended; what it counted stays. */
  drop(worker: string): void {
    this.#said.delete(worker);
  }

  /** Everything at this moment. @param present those whose levels count */
  metrics(present: Iterable<string>): MetricData[] {
    for (const [definition, totals] of this.#totals) {
      for (const [key, { attributes }] of totals) if (this.#subjects.isGone(attributes)) totals.delete(key);
      if (totals.size === 0) this.#totals.delete(definition);
    }
    this.#subjects.forget();
    const wallNow = this.#options.clock.wallNow();
    const endTime = millisToHrTime(wallNow);
    const workers = [...present];
    const found: MetricData[] = [];
    for (const definition of allDefinitions) {
      if (isCumulative(definition)) {
        const totals = [...(this.#totals.get(definition)?.values() ?? [])];
        const numbers = totals.filter((total) => total instanceof NumberTotal);
        const explicit = totals.filter((total) => total instanceof ExplicitTotal);
        const exponential = totals.filter((total) => total instanceof ExponentialTotal);
        if (numbers.length > 0) found.push(numbersOf(definition, numbers, wallNow, endTime));
        if (explicit.length > 0) found.push(explicitOf(definition, explicit, endTime));
        if (exponential.length > 0) found.push(exponentialOf(definition, exponential, endTime));
        continue;
      }
      const levels = this.#levels(definition, workers);
      if (levels.length > 0) found.push(numbersOf(definition, levels, wallNow, endTime));
    }
    return found;
  }

  #isOf({ kind }: Definition, { type }: ReportedMetric): boolean {
    return kind === "histogram" ? type === this.#options.histograms : type === "numbers";
  }

  #totalOf(definition: Definition, key: string, point: Point): AnyTotal {
    let totals = this.#totals.get(definition);
    if (totals === undefined) this.#totals.set(definition, (totals = new Map()));
    const known = totals.get(key);
    if (known !== undefined) return known;
    if (totals.size >= this.#options.maxSeries && !isOverflow(point.attributes)) {
      return this.#totalOf(definition, overflowKey, { ...point, attributes: overflowAttributes() });
    }
    const total = totalFor(point, this.#options.clock.wallNow());
    totals.set(key, total);
    return total;
  }

  #levels(definition: Definition, workers: readonly string[]): readonly Observation[] {
    const levels = new Map<string, { attributes: Attributes; value: number }>();
    for (const worker of workers) {
      for (const [key, point] of this.#said.get(worker)?.get(definition) ?? []) {
        if (!("value" in point)) continue;
        const isEach = definition.workers === "each";
        const attributes = isEach ? withWorker(point.attributes, worker) : point.attributes;
        const own = isEach ? keyOf(attributes) : key;
        const level = levels.get(own);
        if (level === undefined) levels.set(own, { attributes, value: point.value });
        else if (definition.workers === "max") level.value = Math.max(level.value, point.value);
        else level.value += point.value;
      }
    }
    const observations = new Observations(this.#options.maxSeries);
    for (const { attributes, value } of levels.values()) observations.add(definition, value, attributes);
    return observations.of(definition);
  }
}

function isCumulative({ kind }: Definition): boolean {
  return kind === "counter" || kind === "histogram";
}

function keyOf(attributes: Attributes): string {
  return JSON.stringify(Object.entries(attributes).toSorted(([one], [other]) => (one < other ? -1 : 1)));
}

const overflowKey = keyOf(overflowAttributes());

/** A worker may have workers of its own. */
function withWorker(attributes: Attributes, worker: string): Attributes {
  const own = attributes[workerAttribute];
  return { ...attributes, [workerAttribute]: typeof own === "string" ? `${worker}/${own}` : worker };
}

function totalFor(point: Point, startedAt: number): AnyTotal {
  if ("value" in point) return new NumberTotal(point.attributes, startedAt);
  if ("boundaries" in point) return new ExplicitTotal(point.attributes, startedAt, point.boundaries);
  return new ExponentialTotal(point.attributes, startedAt);
}

/** @returns whether the total is of the same kind */
function grow(total: AnyTotal, before: Point | undefined, now: Point): boolean {
  if (total instanceof NumberTotal) {
    if (!("value" in now)) return false;
    total.grow(before !== undefined && "value" in before ? before : undefined, now);
  } else if (total instanceof ExplicitTotal) {
    if (!("boundaries" in now) || !total.fits(now)) return false;
    total.grow(
      before !== undefined && "boundaries" in before && total.fits(before) ? before : undefined,
      now,
    );
  } else {
    if (!("scale" in now)) return false;
    total.grow(before !== undefined && "scale" in before ? before : undefined, now);
  }
  return true;
}
