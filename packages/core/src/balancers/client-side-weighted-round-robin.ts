import type { AttemptResult } from "../endpoints/attempt-result.ts";
import type { EndpointState } from "../endpoints/endpoint-state.ts";
import type { LoadTable } from "../endpoints/load-table.ts";
import { configError } from "../errors.ts";
import { checkArray, checkNumber, fieldPath } from "../option-checks.ts";
import type { BalancerKind } from "./kind.ts";
import { loadReportOf } from "./orca.ts";
import type { LoadReport } from "./orca.ts";
import { emptyPicker, nextUsable } from "./picker.ts";
import type { Balancer, PickContext, PickTrace, Picker } from "./picker.ts";
import { StaticStride } from "./static-stride.ts";

/**
 * In turn, in proportion to what endpoints report of their own load in ORCA headers (gRFC A58, A114): requests per second by
 * utilisation, errors counted as load. A plain round robin until two endpoints have reported.
 */
export interface ClientSideWeightedRoundRobinPolicy {
  readonly type: "client-side-weighted-round-robin";
  /** How long an endpoint must have reported before its weight is used, in milliseconds, 0 to 3,600,000; 10,000 by default. */
  readonly blackoutPeriodMs?: number | undefined;
  /** A weight that was not renewed for so long is forgotten, 0 to 86,400,000 ms (0 for never); 180,000 by default. */
  readonly weightExpirationPeriodMs?: number | undefined;
  /** How often weights are worked out, 100 to 3,600,000 ms; 1,000 by default. */
  readonly weightUpdatePeriodMs?: number | undefined;
  /** How much an error counts as load, 0 to 1,000; 1 by default. */
  readonly errorUtilizationPenalty?: number | undefined;
  /**
   * Metrics of the report that stand for utilisation, of which the largest counts (`named_metrics.queue`, `utilization.gpu`); without
   * them the application's own utilisation, then the processor's.
   */
  readonly metricNamesForComputingUtilization?: readonly string[] | undefined;
}

interface Settings {
  readonly blackoutMs: number;
  readonly expirationMs: number;
  readonly updateMs: number;
  readonly penalty: number;
  readonly metrics: readonly string[];
}

const numbers = {
  blackoutPeriodMs: [10_000, { min: 0, max: 3_600_000 }],
  weightExpirationPeriodMs: [180_000, { min: 0, max: 86_400_000 }],
  weightUpdatePeriodMs: [1_000, { min: 100, max: 3_600_000 }],
  errorUtilizationPenalty: [1, { min: 0, max: 1_000 }],
} as const;

export const clientSideWeightedRoundRobin: BalancerKind = {
  name: "client-side-weighted-round-robin",
  keys: [...Object.keys(numbers), "metricNamesForComputingUtilization"],
  create(given, path) {
    const number = (key: keyof typeof numbers): number => {
      const [standard, rule] = numbers[key];
      return checkNumber(given[key], fieldPath(path, key), rule) ?? standard;
    };
    const field = fieldPath(path, "metricNamesForComputingUtilization");
    const names = checkArray(given["metricNamesForComputingUtilization"], field, "names of metrics") ?? [];
    const metrics = names.map((name, index) => {
      if (typeof name === "string" && name !== "") return name;
      throw configError(`${field}[${index}]`, "the name of a metric", name);
    });
    return balancer({
      blackoutMs: number("blackoutPeriodMs"),
      expirationMs: number("weightExpirationPeriodMs"),
      updateMs: number("weightUpdatePeriodMs"),
      penalty: number("errorUtilizationPenalty"),
      metrics,
    });
  },
};

function balancer(settings: Settings): Balancer {
  return {
    name: "client-side-weighted-round-robin",
    build(endpoints, { random, table }, previous) {
      if (endpoints.length === 0) return emptyPicker;
      const before = previous instanceof ReportedPicker ? previous : undefined;
      const turn = before?.turn ?? Math.floor(random() * 2 ** 32);
      return new ReportedPicker(endpoints, table, settings, before?.reports ?? new WeakMap(), turn);
    },
  };
}

/** What is known of an endpoint from its reports. */
interface Reported {
  weight: number;
  /** When its reports began, after the last silence. */
  since: number;
  at: number;
}

class ReportedPicker implements Picker {
  readonly reports: WeakMap<EndpointState, Reported>;
  readonly #endpoints: readonly EndpointState[];
  readonly #table: LoadTable;
  readonly #settings: Settings;
  #schedule: StaticStride;
  #updateAt = -Infinity;

  constructor(
    endpoints: readonly EndpointState[],
    table: LoadTable,
    settings: Settings,
    reports: WeakMap<EndpointState, Reported>,
    turn: number,
  ) {
    this.reports = reports;
    this.#endpoints = endpoints;
    this.#table = table;
    this.#settings = settings;
    this.#schedule = new StaticStride(
      endpoints.map((endpoint) => endpoint.weight),
      turn,
    );
  }

  get turn(): number {
    return this.#schedule.turn;
  }

  pick({ now, tried }: PickContext, trace?: PickTrace): EndpointState | undefined {
    if (now >= this.#updateAt) this.#update(now);
    const index = this.#schedule.next();
    const endpoint =
      tried === undefined && this.#table.troubled === 0
        ? this.#endpoints[index]
        : nextUsable(this.#endpoints, index, tried, this.#table);
    if (endpoint !== undefined) trace?.push({ endpoint, cost: 0 });
    return endpoint;
  }

  settled(endpoint: EndpointState, { headers }: AttemptResult, now: number): void {
    const report = loadReportOf(headers);
    if (report === undefined || report === null) return;
    const weight = weightOf(report, this.#settings);
    if (weight === 0) return;
    const known = this.reports.get(endpoint);
    if (known === undefined) this.reports.set(endpoint, { weight, since: now, at: now });
    else {
      if (this.#isExpired(known, now)) known.since = now;
      known.weight = weight;
      known.at = now;
    }
  }

  /** Once per period, at a pick: a service that nobody calls costs nothing. */
  #update(now: number): void {
    const { blackoutMs, updateMs } = this.#settings;
    this.#updateAt = now + updateMs;
    const known = this.#endpoints.map((endpoint) => {
      const report = this.reports.get(endpoint);
      const isUsable =
        report !== undefined && !this.#isExpired(report, now) && now - report.since >= blackoutMs;
      return isUsable ? report.weight : 0;
    });
    const usable = known.filter((weight) => weight > 0);
    // One report says nothing: there is nothing to compare it with.
    const mean = usable.length < 2 ? 0 : usable.reduce((sum, weight) => sum + weight, 0) / usable.length;
    const weights = this.#endpoints.map(
      (endpoint, index) => endpoint.weight * (mean === 0 ? 1 : known[index]! || mean),
    );
    this.#schedule = new StaticStride(weights, this.#schedule.turn);
  }

  #isExpired({ at }: Reported, now: number): boolean {
    const { expirationMs } = this.#settings;
    return expirationMs > 0 && now - at >= expirationMs;
  }
}

/** gRFC A58: `rps / (utilisation + eps / rps × penalty)`; 0 where the report has not got what it takes. */
function weightOf(report: LoadReport, { metrics, penalty }: Settings): number {
  const custom = metrics.reduce((max, name) => Math.max(max, report.metrics.get(name) ?? 0), 0);
  const utilisation = custom || report.applicationUtilization || report.cpuUtilization;
  if (utilisation <= 0 || report.rps <= 0) return 0;
  return report.rps / (utilisation + (report.eps / report.rps) * penalty);
}
