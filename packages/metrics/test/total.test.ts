import type { CollectionResult, MetricData } from "@opentelemetry/sdk-metrics";
import { DataPointType } from "@opentelemetry/sdk-metrics";
import { ManualClock } from "@proxyless/core/testing";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { definitions } from "../src/definitions.ts";
import type { Definition } from "../src/definitions.ts";
import { metricsReport, MetricsTotal } from "../src/index.ts";
import type { MetricsTotalOptions } from "../src/index.ts";
import { explicitOf, exponentialOf, numbersOf } from "../src/otel/metric-data.ts";
import { Counter } from "../src/series/counter.ts";
import { ExplicitDuration } from "../src/series/duration.ts";
import { ExponentialDuration } from "../src/series/exponential-duration.ts";

const boundaries = [0.01, 0.1, 1];
const attributes = { "server.address": "orders" };
const endTime: [number, number] = [0, 0];

function total(clock: ManualClock, options: Partial<MetricsTotalOptions> = {}): MetricsTotal {
  return new MetricsTotal({ clock, histograms: "explicit", maxSeries: 100, keptMs: 60_000, ...options });
}

function resultOf(...metrics: readonly MetricData[]): CollectionResult {
  const scopeMetrics = [{ scope: { name: "test" }, metrics: [...metrics] }];
  // eslint-disable-next-line typescript/no-unsafe-type-assertion -- its resource is of no interest
  return { resourceMetrics: { scopeMetrics }, errors: [] } as unknown as CollectionResult;
}

/** As it comes over a channel. */
function sent(...metrics: readonly MetricData[]): unknown {
  return JSON.parse(JSON.stringify(metricsReport(resultOf(...metrics))));
}

function level(definition: Definition, value: number): MetricData {
  return numbersOf(definition, [{ attributes, value }], 0, endTime);
}

function valueOf(metrics: readonly MetricData[], { name }: Definition): readonly unknown[] {
  const points = metrics.find(({ descriptor }) => descriptor.name === name)?.dataPoints ?? [];
  return points.map(({ value }) => value);
}

/** A worker that counts, and may begin anew. */
class Model {
  counter: Counter;
  duration: ExplicitDuration | ExponentialDuration;
  readonly #clock: ManualClock;
  readonly #isExplicit: boolean;

  constructor(clock: ManualClock, isExplicit: boolean) {
    this.#clock = clock;
    this.#isExplicit = isExplicit;
    [this.counter, this.duration] = this.#made();
  }

  restart(): void {
    [this.counter, this.duration] = this.#made();
  }

  count(seconds: readonly number[]): void {
    this.counter.value += seconds.length;
    for (const one of seconds) this.duration.record(one, undefined);
  }

  metrics(): readonly MetricData[] {
    const { callDuration, calls } = definitions;
    const durations =
      this.duration instanceof ExplicitDuration
        ? explicitOf(callDuration, [this.duration], endTime)
        : exponentialOf(callDuration, [this.duration], endTime);
    return [numbersOf(calls, [this.counter], 0, endTime), durations];
  }

  report(): unknown {
    return sent(...this.metrics());
  }

  #made(): [Counter, ExplicitDuration | ExponentialDuration] {
    const duration = this.#isExplicit
      ? new ExplicitDuration(attributes, boundaries, this.#clock)
      : new ExponentialDuration(attributes, this.#clock);
    return [new Counter(attributes, this.#clock), duration];
  }
}

const step = fc.record({
  worker: fc.nat(2),
  seconds: fc.array(fc.double({ min: 1e-5, max: 100, noNaN: true }), { maxLength: 6 }),
  what: fc.constantFrom("report", "report", "restart", "end"),
});

describe.each(["explicit", "exponential"] as const)("what workers counted, %s", (histograms) => {
  it("is what they reported in all their lives, and never less", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
        const clock = new ManualClock();
        const isExplicit = histograms === "explicit";
        const sum = total(clock, { histograms, keptMs: 1e9 });
        const models = [0, 1, 2].map(() => new Model(clock, isExplicit));
        const reported = new Model(clock, isExplicit);
        const waiting = models.map((): number[] => []);
        for (const { seconds, what, worker } of steps) {
          const model = models[worker]!;
          model.count(seconds);
          waiting[worker]!.push(...seconds);
          await clock.advance(1);
          if (what === "report") {
            sum.take(`w${worker}`, model.report());
            reported.count(waiting[worker]!);
          } else {
            // What was counted since the last report is lost with it.
            if (what === "end") sum.drop(`w${worker}`);
            model.restart();
          }
          waiting[worker]!.length = 0;
          expect(shapeOf(sum.metrics([]))).toEqual(shapeOf(reported.metrics()));
        }
      }),
      { numRuns: 200 },
    );
  });
});

/** What matters: which buckets hold how many, the sum, and how fine the buckets are. */
function shapeOf(metrics: readonly MetricData[]): unknown {
  const durations = metrics.find(({ descriptor }) => descriptor.name === definitions.callDuration.name);
  const calls = Number(valueOf(metrics, definitions.calls)[0] ?? 0);
  if (calls === 0 || durations === undefined) return { calls };
  if (durations.dataPointType === DataPointType.HISTOGRAM) {
    const { buckets, count, max, min, sum = 0 } = durations.dataPoints[0]!.value;
    return { calls, count, min, max, sum: sum.toPrecision(9), counts: buckets.counts };
  }
  if (durations.dataPointType !== DataPointType.EXPONENTIAL_HISTOGRAM) throw new Error("no durations");
  const { count, max, min, positive, scale, sum = 0 } = durations.dataPoints[0]!.value;
  const counts = positive.bucketCounts.map((one, i) => [positive.offset + i, one]);
  return {
    calls,
    count,
    min,
    max,
    scale,
    sum: sum.toPrecision(9),
    counts: counts.filter(([, one]) => one !== 0),
  };
}

describe("levels", () => {
  it("are added up, or the highest, or told of each, and only of those that are present", () => {
    const sum = total(new ManualClock());
    const { activeCalls, discoveryAge, eventLoopDelayMax } = definitions;
    for (const [worker, value] of [["a", 1] as const, ["b", 5] as const, ["gone", 100] as const]) {
      sum.take(
        worker,
        sent(level(activeCalls, value), level(discoveryAge, value), level(eventLoopDelayMax, value)),
      );
    }
    const metrics = sum.metrics(["a", "b"]);
    expect(valueOf(metrics, activeCalls)).toEqual([6]);
    expect(valueOf(metrics, discoveryAge)).toEqual([5]);
    expect(valueOf(metrics, eventLoopDelayMax)).toEqual([1, 5]);
    const found = metrics.find(({ descriptor }) => descriptor.name === eventLoopDelayMax.name);
    expect(found?.dataPoints.map((point) => point.attributes["proxyless.worker.id"])).toEqual(["a", "b"]);
    sum.drop("b");
    expect(valueOf(sum.metrics(["a", "b"]), activeCalls)).toEqual([1]);
  });
});

describe("the number of series", () => {
  it("is limited, and what comes beyond is counted in one more", () => {
    const sum = total(new ManualClock(), { maxSeries: 2 });
    const points = (add: number): MetricData =>
      numbersOf(
        definitions.calls,
        [1, 2, 3, 4].map((n) => ({ attributes: { "server.address": `s${n}` }, value: n + add })),
        0,
        endTime,
      );
    sum.take("a", sent(points(0)));
    expect(valueOf(sum.metrics([]), definitions.calls)).toEqual([1, 2, 7]);
    sum.take("a", sent(points(1)));
    expect(valueOf(sum.metrics([]), definitions.calls)).toEqual([2, 3, 9]);
  });

  it("falls when nobody knows the service any more, and not before", async () => {
    const clock = new ManualClock();
    const sum = total(clock);
    sum.take("a", sent(level(definitions.calls, 3)));
    sum.drop("a");
    await clock.advance(60_000);
    sum.take("b", sent(level(definitions.activeCalls, 0)));
    await clock.advance(60_000);
    expect(valueOf(sum.metrics([]), definitions.calls)).toEqual([3]);
    await clock.advance(1);
    expect(sum.metrics([])).toEqual([]);
  });
});

describe("what makes no sense", () => {
  it("is refused whole, whatever it is, and changes nothing", () => {
    const sum = total(new ManualClock());
    sum.take("a", sent(level(definitions.calls, 3), level(definitions.activeCalls, 1)));
    const before = sum.metrics(["a"]);
    const metric = fc.record({
      name: fc.constantFrom(definitions.calls.name, definitions.callDuration.name),
      type: fc.constantFrom("numbers", "explicit", "exponential"),
      points: fc.array(
        fc.oneof(
          fc.anything(),
          fc.record({
            attributes: fc.constant(attributes),
            startedAt: fc.constant(0),
            value: fc.constantFrom(NaN, "7", null),
          }),
        ),
        { minLength: 1 },
      ),
    });
    fc.assert(
      fc.property(
        fc.oneof(
          fc.anything(),
          fc.record({ version: fc.constantFrom(1, 2), metrics: fc.array(metric, { minLength: 1 }) }),
        ),
        (value) => {
          expect(sum.take("a", value).isTaken).toBe(false);
          expect(sum.metrics(["a"])).toEqual(before);
        },
      ),
    );
  });

  it("is left out alone where the rest does: other boundaries, other histograms, other names", () => {
    const clock = new ManualClock();
    const sum = total(clock);
    const one = new ExplicitDuration(attributes, boundaries, clock);
    const other = new ExplicitDuration(attributes, [1, 2], clock);
    const fine = new ExponentialDuration(attributes, clock);
    const unknown: Definition = { ...definitions.calls, name: "unknown" };
    for (const each of [one, other, fine]) each.record(0.5, undefined);
    const { callDuration, calls } = definitions;
    expect(sum.take("a", sent(explicitOf(callDuration, [one], endTime)))).toEqual({ isTaken: true });
    for (const [i, wrong] of [
      explicitOf(callDuration, [other], endTime),
      exponentialOf(callDuration, [fine], endTime),
      level(unknown, 1),
    ].entries()) {
      expect(sum.take(`w${i}`, sent(wrong, level(calls, 1)))).toMatchObject({
        isTaken: true,
        problem: expect.stringContaining(wrong.descriptor.name),
      });
    }
    const metrics = sum.metrics([]);
    expect(valueOf(metrics, calls)).toEqual([3]);
    const found = metrics.find(({ descriptor }) => descriptor.name === callDuration.name);
    expect(found?.dataPoints).toHaveLength(1);
    expect(found?.dataPoints[0]?.value).toMatchObject({ count: 1 });
  });
});
