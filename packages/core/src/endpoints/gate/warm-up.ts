import type { EndpointState } from "../endpoint-state.ts";
import type { LoadTable } from "../load-table.ts";
import { slowStartFactor } from "../slow-start.ts";
import type { ResolvedSlowStart } from "../slow-start.ts";

/** The endpoints of a service that are new or came back, and get less traffic than they will. */
export class WarmUp {
  #policy: ResolvedSlowStart | false;
  readonly #table: LoadTable;
  readonly #ramping = new Set<EndpointState>();

  constructor(policy: ResolvedSlowStart | false, table: LoadTable) {
    this.#policy = policy;
    this.#table = table;
  }

  /** Takes another policy. Without one whoever warms up has its whole weight at once. @returns whether some weight changed */
  update(policy: ResolvedSlowStart | false, now: number): boolean {
    this.#policy = policy;
    if (policy !== false) return this.tick(now);
    for (const state of this.#ramping) {
      state.gate.rampingSince = -1;
      this.#table.reweigh(state.offset, state.spec.weight);
    }
    const isChanged = this.#ramping.size > 0;
    this.#ramping.clear();
    return isChanged;
  }

  begin(state: EndpointState, now: number): void {
    if (this.#policy === false) return;
    state.gate.rampingSince = now;
    state.gate.rampingRequests = 0;
    this.#ramping.add(state);
    this.weigh(state, now);
  }

  end(state: EndpointState): void {
    this.#ramping.delete(state);
  }

  /** Counts a request. */
  used(state: EndpointState): void {
    if (this.#ramping.size > 0 && this.#ramping.has(state)) state.gate.rampingRequests++;
  }

  /** @returns whether some weight changed */
  tick(now: number): boolean {
    let isChanged = false;
    for (const state of this.#ramping) isChanged = this.weigh(state, now) || isChanged;
    return isChanged;
  }

  /** Gives an endpoint that warms up the weight it has by now. @returns whether that is another one */
  weigh(state: EndpointState, now: number): boolean {
    if (this.#policy === false || !this.#ramping.has(state)) return false;
    const { rampingRequests, rampingSince } = state.gate;
    const factor = slowStartFactor(this.#policy, now - rampingSince, rampingRequests);
    if (factor >= 1) {
      this.#ramping.delete(state);
      state.gate.rampingSince = -1;
    }
    const weight = state.spec.weight * factor;
    if (this.#table.weight(state.offset) === weight) return false;
    this.#table.reweigh(state.offset, weight);
    return true;
  }
}
