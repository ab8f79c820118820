import { millisToHrTime } from "@opentelemetry/core";
import { emptyResource } from "@opentelemetry/resources";
import type { CollectionResult, MetricData } from "@opentelemetry/sdk-metrics";
import type { Clock } from "@proxyless/core";
import { instruments, metricsReport, MetricsTotal, numbersOf } from "@proxyless/metrics";
import type { Instrument, MetricsSource } from "@proxyless/metrics";

import { definitions } from "./definitions.ts";
import type { Roster } from "./roster.ts";

const topic = "metrics";
/** The primary's own numbers are added up like those of a worker. */
const primary = "primary";

interface Parts {
  readonly clock: Clock;
  readonly histograms: "explicit" | "exponential";
  readonly maxSeries: number;
  readonly keptMs: number;
  readonly own: MetricsSource | undefined;
}

/** The metrics of all workers as one: asked for when somebody wants them, and once for all who do at the same time. */
export class ClusterMetrics implements MetricsSource {
  readonly histograms: "explicit" | "exponential";
  readonly instruments: readonly Instrument[] = [...instruments, ...Object.values(definitions)];
  readonly #roster: Roster;
  readonly #own: MetricsSource | undefined;
  readonly #clock: Clock;
  readonly #total: MetricsTotal;
  readonly #startedAt: number;
  #late = 0;
  #isClosed = false;
  #running: Promise<CollectionResult> | undefined;

  constructor(roster: Roster, parts: Parts) {
    this.#roster = roster;
    this.histograms = parts.histograms;
    this.#own = parts.own;
    this.#clock = parts.clock;
    this.#startedAt = parts.clock.wallNow();
    this.#total = new MetricsTotal(parts);
    roster.speakOf(topic, this.#total);
  }

  collect(): Promise<CollectionResult> {
    this.#running ??= this.#collect().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  close(): void {
    this.#isClosed = true;
  }

  async #collect(): Promise<CollectionResult> {
    const none = { resourceMetrics: { resource: emptyResource(), scopeMetrics: [] }, errors: [] };
    if (this.#isClosed) return none;
    const { answered, late } = await this.#roster.ask(topic);
    this.#late += late.size;
    const present = new Set(answered);
    if (this.#own !== undefined) {
      this.#total.take(primary, metricsReport(await this.#own.collect()));
      present.add(primary);
    }
    const metrics = [...this.#total.metrics(present), ...this.#ofCluster(answered.size, late.size)];
    const scopeMetrics = [{ scope: { name: "@proxyless/cluster" }, metrics }];
    return { resourceMetrics: { resource: emptyResource(), scopeMetrics }, errors: [] };
  }

  #ofCluster(answered: number, late: number): MetricData[] {
    const endTime = millisToHrTime(this.#clock.wallNow());
    const one = (definition: Instrument, value: number): MetricData =>
      numbersOf(definition, [{ attributes: {}, value }], this.#startedAt, endTime);
    const workers = [
      { attributes: { "proxyless.worker.state": "answered" }, value: answered },
      { attributes: { "proxyless.worker.state": "late" }, value: late },
    ];
    return [
      numbersOf(definitions.workers, workers, this.#startedAt, endTime),
      one(definitions.ended, this.#roster.endings),
      one(definitions.late, this.#late),
      one(definitions.skipped, this.#roster.skips),
    ];
  }
}
