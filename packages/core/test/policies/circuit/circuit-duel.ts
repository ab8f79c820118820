import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";

import type { CircuitMode, ResolvedCircuit } from "../../../src/policies/circuit/circuit-policy.ts";
import type {
  Admission,
  CircuitListener,
  CircuitOutcome,
} from "../../../src/policies/circuit/circuit-types.ts";
import { Circuit } from "../../../src/policies/circuit/circuit.ts";
import { seededRandom } from "../../../src/random.ts";
import type { Random } from "../../../src/random.ts";
import { CircuitModel } from "./circuit-model.ts";
import type { ModelTicket } from "./circuit-model.ts";

/** One thing that happens to a circuit. */
export type Step =
  | { readonly do: "start"; readonly times: number }
  | {
      readonly do: "end";
      readonly which: number;
      readonly outcome: CircuitOutcome;
      readonly ms: number;
      readonly retryAfterMs: number;
    }
  | { readonly do: "burst"; readonly times: number; readonly outcome: CircuitOutcome; readonly ms: number }
  | { readonly do: "wait"; readonly ms: number }
  | { readonly do: "mode"; readonly mode: CircuitMode }
  | { readonly do: "reset" }
  | { readonly do: "update"; readonly policy: Partial<ResolvedCircuit> }
  | { readonly do: "restart"; readonly elapsedMs: number };

interface Running {
  readonly real: Admission;
  readonly model: ModelTicket;
}

/** A circuit and its model, to which the same things happen; they must agree on everything that can be seen. */
export class CircuitDuel {
  #policy: ResolvedCircuit;
  readonly #random: Random;
  readonly #heard: string[] = [];
  #real: Circuit;
  readonly #model: CircuitModel;
  readonly #running: Running[] = [];
  /** Probes whose lease has not ended, of the circuit as it is now. */
  #probes: { readonly admission: Admission; readonly end: number }[] = [];
  #now = 0;

  constructor(policy: ResolvedCircuit, seed: number) {
    this.#policy = policy;
    this.#random = seededRandom(seed);
    this.#real = new Circuit({ policy, random: this.#random, now: 0, ...this.#listener() });
    this.#model = new CircuitModel(policy, seededRandom(seed), 0);
  }

  step(step: Step): void {
    switch (step.do) {
      case "start":
        for (let i = 0; i < step.times; i++) this.#start();
        break;
      case "end":
        this.#end(step.which, step.outcome, step.ms, step.retryAfterMs);
        break;
      case "burst":
        for (let i = 0; i < step.times; i++)
          if (this.#start()) this.#end(this.#running.length - 1, step.outcome, step.ms, 0);
        break;
      case "wait":
        this.#now += step.ms;
        break;
      case "mode":
        this.#real.setMode(step.mode, this.#now);
        this.#model.setMode(step.mode, this.#now);
        break;
      case "reset":
        this.#real.reset(this.#now);
        this.#model.reset(this.#now);
        break;
      case "update":
        this.#policy = { ...this.#policy, ...step.policy };
        this.#real.update(this.#policy, this.#now);
        this.#model.update(this.#policy, this.#now);
        break;
      case "restart":
        this.#restart(step.elapsedMs);
        break;
    }
    this.#check();
  }

  /** The service is well from here on: the circuit must close within its own times. */
  recover(): void {
    if (this.#model.mode !== "auto") this.step({ do: "mode", mode: "auto" });
    const { maxOpenMs, openJitter, probeIntervalMs, probes, probeTimeoutMs } = this.#policy;
    const limit =
      this.#now + maxOpenMs * (1 + openJitter) + 2 * probeTimeoutMs + probes * (probeIntervalMs + 1_000);
    for (let turns = 0; this.#real.state !== "closed"; turns++) {
      ok(turns < 1_000);
      ok(this.#now <= limit, `still ${this.#real.state} at ${this.#now}, after ${limit}`);
      const answer = this.#real.admit(this.#now);
      if (answer.admitted) this.#real.record(answer, "success", this.#now);
      else this.#now += answer.retryAfterMs;
    }
  }

  #start(): boolean {
    const real = this.#real.admit(this.#now);
    const model = this.#model.admit(this.#now);
    if (!real.admitted || typeof model === "number") {
      deepStrictEqual(real, { admitted: false, retryAfterMs: model });
      return false;
    }
    strictEqual(real.probe, model.kind === "probe");
    if (real.probe) {
      this.#probes = this.#probes.filter(({ end }) => end > this.#now);
      this.#probes.push({ admission: real, end: model.end });
      const { generation } = real;
      const atOnce = this.#probes.filter(({ admission }) => admission.generation === generation);
      ok(atOnce.length <= this.#policy.probes, `${atOnce.length} probes at once`);
    }
    this.#running.push({ real, model });
    return true;
  }

  #end(which: number, outcome: CircuitOutcome, ms: number, retryAfterMs: number): void {
    const running = this.#running.splice(which % Math.max(1, this.#running.length), 1)[0];
    if (running === undefined) return;
    this.#probes = this.#probes.filter(({ admission }) => admission !== running.real);
    this.#real.record(running.real, outcome, this.#now, ms, retryAfterMs);
    this.#model.record(running.model, outcome, this.#now, ms, retryAfterMs);
  }

  /** Another process takes over, by way of JSON; calls of the old one go on and say nothing to the new one. */
  #restart(elapsedMs: number): void {
    const written = JSON.stringify(this.#real.exportState(this.#now));
    this.#model.restart(this.#now, elapsedMs);
    this.#now += elapsedMs;
    this.#probes = [];
    this.#real = new Circuit({
      policy: this.#policy,
      random: this.#random,
      now: this.#now,
      import: { snapshot: JSON.parse(written), elapsedMs },
      ...this.#listener(),
    });
  }

  #check(): void {
    const { failureRatio, generation, ...view } = this.#real.inspect(this.#now);
    deepStrictEqual(
      { ...view, openForMs: round(view.openForMs) },
      { ...this.#model.view(this.#now), openForMs: round(this.#model.openForMs(this.#now)) },
    );
    strictEqual(failureRatio, view.calls === 0 ? 0 : view.failures / view.calls);
    ok(generation > 0);
    deepStrictEqual(this.#heard, this.#model.heard);
  }

  #listener(): CircuitListener {
    const heard = this.#heard;
    return {
      onOpen: ({ cause, enforced }) => heard.push(`open ${cause} ${enforced}`),
      onHalfOpen: (enforced) => heard.push(`half_open ${enforced}`),
      onClose: (enforced) => heard.push(`closed ${enforced}`),
      onMode: (mode, state) => heard.push(`${mode} ${state}`),
    };
  }
}

/** A millionth of a millisecond is what floats make of the same sum in another order. */
function round(ms: number): number {
  return Math.round(ms * 1e6) / 1e6;
}
