import type { AttemptResult } from "../endpoints/attempt-result.ts";
import type { EndpointState } from "../endpoints/endpoint-state.ts";
import { PENDING, STRIDE } from "../endpoints/load-table.ts";
import type { LoadTable } from "../endpoints/load-table.ts";
import { checkNumber, fieldPath } from "../option-checks.ts";
import type { Cost } from "./cost.ts";
import type { CostingPicker } from "./drawn.ts";
import type { BalancerKind } from "./kind.ts";
import { twoOf } from "./p2c.ts";
import { emptyPicker } from "./picker.ts";
import type { Balancer, PickContext, PickTrace, Picker, PickerDeps } from "./picker.ts";

/**
 * Finagle's peak-sensitive average: a slow answer raises the cost of an endpoint to its own latency at once, quicker ones lower it
 * slowly. Failures count with the time they took, so that an endpoint which fails at once looks fast.
 */
export interface PeakEwmaPolicy {
  readonly type: "peak-ewma";
  /** Time constant of the decay, in milliseconds, 100 to 3,600,000; 10,000 by default. */
  readonly decayMs?: number | undefined;
}

export const peakEwma: BalancerKind = {
  name: "peak-ewma",
  keys: ["decayMs"],
  create(given, path) {
    const range = { min: 100, max: 3_600_000 };
    return balancer(checkNumber(given["decayMs"], fieldPath(path, "decayMs"), range) ?? 10_000);
  },
};

function balancer(decayMs: number): Balancer {
  return {
    name: "peak-ewma",
    build(endpoints, deps, previous) {
      if (endpoints.length === 0) return emptyPicker;
      const averages = previous instanceof PeakEwmaPicker ? previous.averages : new Averages(decayMs);
      averages.keep(endpoints);
      return new PeakEwmaPicker(endpoints, deps, averages);
    },
  };
}

class PeakEwmaPicker implements Picker {
  readonly averages: Averages;
  readonly #picker: CostingPicker;

  constructor(endpoints: readonly EndpointState[], deps: PickerDeps, averages: Averages) {
    this.averages = averages;
    this.#picker = twoOf(endpoints, deps, averages);
  }

  pick(context: PickContext, trace?: PickTrace): EndpointState | undefined {
    return this.#picker.pick(context, trace);
  }

  settled({ offset }: EndpointState, result: AttemptResult, now: number): void {
    if (result.outcome !== "ignored" && result.latencyMs >= 0)
      this.averages.observe(offset, result.latencyMs, now);
  }

  cost(endpoint: EndpointState, now: number): number {
    return this.#picker.cost(endpoint, now);
  }
}

/** What an endpoint with requests in flight costs before its first answer (Finagle's penalty). */
const PENALTY = 140_737_488_355_327;

/** The averages by row, and the cost that is made of them. */
class Averages implements Cost {
  readonly name = "peak-ewma";
  /** An idle endpoint decays to nothing by itself. */
  readonly remembers = false;
  /** Who has more requests has higher peaks. */
  readonly noise = 2;
  readonly #decayMs: number;
  /** Average and when it was that, in turn. */
  #values = new Float64Array(32);
  #owners: (EndpointState | undefined)[] = [];

  constructor(decayMs: number) {
    this.#decayMs = decayMs;
  }

  /** Forgets the rows that have another owner than before. */
  keep(endpoints: readonly EndpointState[]): void {
    for (const endpoint of endpoints) {
      const row = endpoint.offset / STRIDE;
      if (this.#owners[row] === endpoint) continue;
      this.#owners[row] = endpoint;
      while (2 * row + 1 >= this.#values.length) {
        const larger = new Float64Array(this.#values.length * 2);
        larger.set(this.#values);
        this.#values = larger;
      }
      this.#values.fill(0, 2 * row, 2 * row + 2);
    }
  }

  observe(offset: number, latencyMs: number, now: number): void {
    const at = (2 * offset) / STRIDE;
    const values = this.#values;
    const before = values[at]!;
    const weight = decay(Math.max(0, now - values[at + 1]!) / this.#decayMs);
    values[at + 1] = now;
    values[at] = latencyMs > before ? latencyMs : before * weight + latencyMs * (1 - weight);
  }

  of(table: LoadTable, offset: number, now: number): number {
    return this.idle(table, offset, now) * (table.data[offset + PENDING]! + 1);
  }

  idle({ data }: LoadTable, offset: number, now: number): number {
    const at = (2 * offset) / STRIDE;
    const values = this.#values;
    const peak = values[at]!;
    if (peak === 0) return data[offset + PENDING]! > 0 ? PENALTY : 0;
    return peak * decay(Math.max(0, now - values[at + 1]!) / this.#decayMs);
  }
}

/** `e^-x`; of what was measured lately by the first terms of its series, within 0.02 %, since each pick needs two of them. */
function decay(x: number): number {
  return x < 0.5 ? 1 / (1 + x * (1 + x * (1 / 2 + x * (1 / 6 + x / 24)))) : Math.exp(-x);
}
