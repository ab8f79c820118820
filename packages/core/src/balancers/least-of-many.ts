import type { EndpointState } from "../endpoints/endpoint-state.ts";
import { PENDING } from "../endpoints/load-table.ts";
import type { LoadTable } from "../endpoints/load-table.ts";
import type { Random } from "../random.ts";
import { MAX_EFFORT } from "./picker.ts";
import type { PickContext, PickTrace, Picker, PickerDeps } from "./picker.ts";

/** Enough ways of walking for any two endpoints to be compared at some time. */
const STEPS = 64;
/** A closed endpoint is chosen where there is no other, and of several the least busy one. */
const CLOSED_COST = 1e12;

/**
 * Compares several endpoints of the same weight by what they have in flight, drawn without replacement by walking on from a random
 * place. Where all of them are closed it walks on, a few times as far.
 */
export class LeastOfMany implements Picker {
  readonly #endpoints: readonly EndpointState[];
  readonly #offsets: Int32Array;
  readonly #steps: Int32Array;
  readonly #table: LoadTable;
  readonly #random: Random;
  readonly #choices: number;

  constructor(endpoints: readonly EndpointState[], { random, table }: PickerDeps, choices: number) {
    this.#endpoints = endpoints;
    this.#offsets = Int32Array.from(endpoints, ({ offset }) => offset);
    this.#steps = stepsThrough(endpoints.length, random);
    this.#table = table;
    this.#random = random;
    this.#choices = choices;
  }

  pick({ tried }: PickContext, trace?: PickTrace): EndpointState | undefined {
    const endpoints = this.#endpoints;
    const offsets = this.#offsets;
    const table = this.#table;
    const count = offsets.length;
    const draw = this.#random() * count;
    let at = Math.floor(draw);
    const step = this.#steps[Math.floor((draw - at) * this.#steps.length)]!;
    const most = Math.min(count, this.#choices * (table.troubled > 0 ? MAX_EFFORT : 1));
    let best = -1;
    let bestCost = Infinity;
    let compared = 0;
    for (let visited = 0; visited < count && compared < most; visited++) {
      const index = at;
      at += step;
      if (at >= count) at -= count;
      if (tried?.includes(endpoints[index]!) === true) continue;
      compared++;
      const offset = offsets[index]!;
      const own = table.data[offset + PENDING]! + 1 + (table.isClosed(offset) ? CLOSED_COST : 0);
      if (trace !== undefined) trace.push({ endpoint: endpoints[index]!, cost: own });
      if (own < bestCost) {
        best = index;
        bestCost = own;
      }
      if (compared >= this.#choices && bestCost < CLOSED_COST) break;
    }
    const chosen = endpoints[best === -1 ? at : best];
    if (trace !== undefined && chosen !== undefined) toFront(trace, chosen, bestCost);
    return chosen;
  }

  cost({ offset }: EndpointState): number {
    return this.#table.data[offset + PENDING]! + 1;
  }
}

/** Puts the choice first in what is told of a pick. */
export function toFront(trace: PickTrace, endpoint: EndpointState, cost: number): void {
  const index = trace.findIndex((entry) => entry.endpoint === endpoint);
  if (index !== -1) trace.splice(index, 1);
  trace.unshift({ endpoint, cost });
}

/** Steps that visit every place before they come back: those that share no divisor with the number of places. */
function stepsThrough(count: number, random: Random): Int32Array {
  const steps = new Int32Array(Math.min(STEPS, Math.max(1, count - 1)));
  for (let i = 0; i < steps.length; i++) {
    let step = Math.min(count, 1 + Math.floor(random() * (count - 1)));
    while (greatestCommonDivisor(step, count) !== 1) step++;
    steps[i] = step % count === 0 ? 1 : step;
  }
  return steps;
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
