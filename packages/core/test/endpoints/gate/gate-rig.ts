import type { Endpoint } from "../../../src/discovery/source.ts";
import type { AttemptResult } from "../../../src/endpoints/attempt-result.ts";
import { EndpointState } from "../../../src/endpoints/endpoint-state.ts";
import { gateReasons } from "../../../src/endpoints/gate/gate-reasons.ts";
import type { Ejection } from "../../../src/endpoints/gate/gate-reporter.ts";
import { Gate } from "../../../src/endpoints/gate/gate.ts";
import { LoadTable } from "../../../src/endpoints/load-table.ts";
import type { OutlierDetectionPolicy } from "../../../src/endpoints/outlier/outlier-policy.ts";
import { resolveOutlierDetection } from "../../../src/endpoints/outlier/resolve-outlier.ts";
import { resolveSlowStart } from "../../../src/endpoints/slow-start.ts";
import type { SlowStartPolicy } from "../../../src/endpoints/slow-start.ts";
import type { Random } from "../../../src/random.ts";
import { endpointStates } from "../../support/balancing.ts";

/** What a gate said, in the order in which it said it. */
export type GateNote =
  | ({ readonly note: "ejected"; readonly id: string; readonly at: number } & Ejection)
  | {
      readonly note: "skipped";
      readonly id: string;
      readonly at: number;
      readonly detector: string;
      readonly text: string;
      readonly why: string;
    }
  | { readonly note: "returned"; readonly id: string; readonly at: number; readonly how: string };

export interface GateRigOptions {
  readonly count?: number;
  readonly outliers?: false | OutlierDetectionPolicy;
  readonly slowStart?: false | SlowStartPolicy;
  /** 0 by default: no jitter, and every finding is enforced unless its percentage is 0. */
  readonly random?: Random;
  readonly over?: (index: number) => Partial<Endpoint>;
}

/** An answer, good unless it says otherwise. */
export function answer(over: Partial<AttemptResult> = {}): AttemptResult {
  return {
    outcome: "success",
    status: 200,
    phase: "body",
    timedOut: false,
    isSuperseded: false,
    isAnswered: false,
    latencyMs: 10,
    headers: {},
    ...over,
  };
}

export const failed: AttemptResult = answer({ outcome: "failure", status: 500 });
export const overloaded: AttemptResult = answer({ outcome: "overload", status: 503 });
export const throttled: AttemptResult = answer({ outcome: "overload", status: 429 });
export const refused: AttemptResult = answer({
  outcome: "failure",
  status: 0,
  phase: "connect",
  latencyMs: NaN,
});
export const givenUp: AttemptResult = answer({
  outcome: "ignored",
  status: 0,
  phase: "sent",
  latencyMs: NaN,
});

/** A gate before some endpoints, on a time of its own. */
export class GateRig {
  now = 0;
  readonly table: LoadTable = new LoadTable();
  readonly states: readonly EndpointState[];
  readonly gate: Gate;
  readonly notes: GateNote[] = [];
  changes = 0;
  #newest: EndpointState | undefined;

  constructor(options: GateRigOptions = {}) {
    this.gate = new Gate({
      outliers: resolveOutlierDetection(options.outliers, "outlierDetection"),
      slowStart: resolveSlowStart(options.slowStart, "slowStart"),
      table: this.table,
      random: options.random ?? (() => 0),
      report: {
        ejected: (state, ejection) => {
          this.notes.push({ note: "ejected", id: state.id, at: this.now, ...ejection });
        },
        skipped: (state, detector, text, why) => {
          this.notes.push({ note: "skipped", id: state.id, at: this.now, detector, text, why });
        },
        returned: (state, how) => {
          this.notes.push({ note: "returned", id: state.id, at: this.now, how });
        },
      },
      onChange: () => {
        this.changes++;
      },
    });
    this.states = endpointStates(options.count ?? 4, this.table, options.over);
    for (const state of this.states) this.gate.add(state, 0, true);
    this.gate.tick(0);
  }

  at(index: number): EndpointState {
    const state = this.states[index];
    if (state === undefined) throw new Error(`there is no endpoint ${index}`);
    return state;
  }

  /** A call begins and ends at once. */
  settle(state: EndpointState, result: AttemptResult, times = 1, retryAfterMs?: number): void {
    for (let i = 0; i < times; i++) {
      this.gate.settled(state, state.gate.generation, false, result, retryAfterMs, this.now);
    }
  }

  /** A call that may be repeated asks whether somebody wants a probe, as a pick does. */
  claim(mayRepeat = true, tried?: readonly EndpointState[]): Probe | undefined {
    if (this.now < this.gate.probeAt) return undefined;
    const state = this.gate.claimProbe(this.now, mayRepeat, tried, () => true);
    return state === undefined ? undefined : { state, generation: state.gate.generation };
  }

  end({ generation, state }: Probe, result: AttemptResult, retryAfterMs?: number): void {
    this.gate.settled(state, generation, true, result, retryAfterMs, this.now);
  }

  /** Moves time, ticking once a second as the sweep does. */
  advance(ms: number): void {
    const end = this.now + ms;
    while (this.now < end) {
      this.now = Math.min(end, (Math.floor(this.now / 1_000) + 1) * 1_000);
      if (this.now % 1_000 === 0) this.gate.tick(this.now);
    }
  }

  /** Ejects by failures in a row. */
  eject(state: EndpointState): void {
    this.settle(state, failed, 5);
    if (state.open) throw new Error(`${state.id} was not ejected`);
  }

  remove(state: EndpointState): void {
    this.gate.remove(state, this.now);
    state.leaving = true;
  }

  /** The endpoint of the same identity comes anew. */
  readd(index: number): EndpointState {
    const state = new EndpointState(this.at(index).spec, this.table, this.now);
    this.gate.add(state, this.now, false);
    this.#newest = state;
    return state;
  }

  kinds(state: EndpointState): readonly string[] {
    return gateReasons(state, this.now).map(({ kind }) => kind);
  }

  /** What {@link GateRig.readd} made last. */
  get newest(): EndpointState {
    if (this.#newest === undefined) throw new Error("nothing came anew");
    return this.#newest;
  }

  get open(): readonly string[] {
    return this.states.filter((state) => state.open && !state.leaving).map(({ id }) => id);
  }
}

export interface Probe {
  readonly state: EndpointState;
  readonly generation: number;
}
