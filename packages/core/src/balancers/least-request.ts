import type { EndpointState } from "../endpoints/endpoint-state.ts";
import { PENDING } from "../endpoints/load-table.ts";
import type { LoadTable } from "../endpoints/load-table.ts";
import { configError } from "../errors.ts";
import { checkNumber, fieldPath } from "../option-checks.ts";
import type { Random } from "../random.ts";
import type { Cost } from "./cost.ts";
import type { BalancerKind } from "./kind.ts";
import { p2c } from "./p2c.ts";
import { emptyPicker } from "./picker.ts";
import type { Balancer, PickContext, PickTrace, Picker, PickerDeps } from "./picker.ts";

/** The endpoint with fewer requests of this process in flight, in proportion to its weight. */
export interface LeastRequestPolicy {
  readonly type: "least-request";
  /** How many are drawn and compared, 2 to 10, or `all` of them; 2 by default. */
  readonly choices?: number | "all" | undefined;
}

/** What is in flight, this request included, by weight. */
const pendingByWeight: Cost = {
  name: "least-request",
  remembers: false,
  of: (table, offset) => (table.data[offset + PENDING]! + 1) / table.weight(offset),
};

const ofTwo = p2c(pendingByWeight);

export const leastRequest: BalancerKind = {
  name: "least-request",
  keys: ["choices"],
  create(given, path) {
    const field = fieldPath(path, "choices");
    const choices = given["choices"] ?? 2;
    if (choices !== "all" && typeof choices !== "number") {
      throw configError(field, 'a whole number from 2 to 10, or "all"', choices);
    }
    if (choices === "all") return ofMany(Infinity);
    const count = checkNumber(choices, field, { min: 2, max: 10, integer: true });
    return count === 2 || count === undefined ? ofTwo : ofMany(count);
  },
};

function ofMany(choices: number): Balancer {
  return {
    name: "least-request",
    build: (endpoints, deps) =>
      endpoints.length === 0 ? emptyPicker : new LeastOfMany(endpoints, deps, choices),
  };
}

/**
 * Compares several, drawn without replacement by walking on from a random place, or all of them. Among those that cost the same the
 * first from a random place is taken, so that ties do not fall on the same endpoint each time.
 */
class LeastOfMany implements Picker {
  readonly #endpoints: readonly EndpointState[];
  readonly #table: LoadTable;
  readonly #random: Random;
  readonly #choices: number;

  constructor(endpoints: readonly EndpointState[], { random, table }: PickerDeps, choices: number) {
    this.#endpoints = endpoints;
    this.#table = table;
    this.#random = random;
    this.#choices = Math.min(choices, endpoints.length);
  }

  pick({ now, tried }: PickContext, trace?: PickTrace): EndpointState | undefined {
    const endpoints = this.#endpoints;
    const count = endpoints.length;
    const table = this.#table;
    let best: EndpointState | undefined;
    let bestCost = Infinity;
    // Two steps that share no divisor with the count visit places that have nothing to do with each other.
    const step = this.#choices === count ? 1 : stepThrough(count, this.#random());
    let at = Math.floor(this.#random() * count);
    let compared = 0;
    for (let visited = 0; visited < count && compared < this.#choices; visited++) {
      const endpoint = endpoints[at]!;
      at = (at + step) % count;
      if (tried?.includes(endpoint) === true) continue;
      compared++;
      const own =
        pendingByWeight.of(table, endpoint.offset, now) + (table.isClosed(endpoint.offset) ? CLOSED_COST : 0);
      if (trace !== undefined) trace.push({ endpoint, cost: own });
      if (own >= bestCost) continue;
      best = endpoint;
      bestCost = own;
    }
    best ??= endpoints[at];
    if (trace !== undefined && best !== undefined) toFront(trace, best, bestCost);
    return best;
  }

  cost(endpoint: EndpointState, now: number): number {
    return pendingByWeight.of(this.#table, endpoint.offset, now);
  }
}

/** A closed endpoint is chosen where there is no other, and of several the least busy one. */
const CLOSED_COST = 1e12;

/** A step from 1 to `count - 1` that visits every place before it comes back. */
function stepThrough(count: number, draw: number): number {
  let step = 1 + Math.floor(draw * (count - 1));
  while (greatestCommonDivisor(step, count) !== 1) step++;
  return step % count === 0 ? 1 : step;
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}

function toFront(trace: PickTrace, endpoint: EndpointState, cost: number): void {
  const index = trace.findIndex((entry) => entry.endpoint === endpoint);
  if (index !== -1) trace.splice(index, 1);
  trace.unshift({ endpoint, cost });
}
