import { deepEqual, equal, ok } from "node:assert/strict";

import type { EndpointState } from "../../../src/endpoints/endpoint-state.ts";
import { GateModel } from "./gate-model.ts";
import type { ModelPolicy } from "./gate-model.ts";
import { GateRig, answer, failed, givenUp, overloaded } from "./gate-rig.ts";
import type { Probe } from "./gate-rig.ts";

/** A gate and its model side by side; throws where they differ. */
export class GateDuel {
  readonly rig: GateRig;
  readonly model: GateModel;
  readonly #policy: ModelPolicy;
  members: EndpointState[];
  readonly #probes: Probe[] = [];
  /** Those that calls may not go to. */
  readonly #unused = new Set<EndpointState>();

  constructor(policy: ModelPolicy, count: number) {
    this.#policy = policy;
    // The intervals of the other detectors never end.
    this.rig = new GateRig({ count, outliers: { ...policy, intervalMs: 3_600_000 } });
    this.model = new GateModel(policy);
    this.members = [...this.rig.states];
    for (const { id } of this.members) this.model.add(id);
  }

  step(kind: string, on: number): void {
    const { model, rig } = this;
    const state = this.members[on % this.members.length];
    if (kind === "wait") {
      rig.now += on;
      rig.gate.tick(rig.now);
      model.tick(rig.now);
    } else if (kind === "claim") this.#claim();
    else if (kind === "good" || kind === "bad" || kind === "neutral" || kind === "refused")
      this.#end(kind, on);
    else if (kind === "add") this.#add(on);
    else if (state !== undefined) this.#affect(kind, state);
  }

  #affect(kind: string, state: EndpointState): void {
    const { model, rig } = this;
    const { id } = state;
    if (kind === "burst" || kind === "fail") {
      for (let i = 0; i < (kind === "burst" ? 5 : 1); i++) {
        rig.settle(state, failed);
        model.settled(id, false, 0, rig.now);
      }
    } else if (kind === "succeed") {
      rig.settle(state, answer());
      model.settled(id, true, 0, rig.now);
    } else if (kind === "retry-after") {
      rig.settle(state, overloaded, 1, 4_000);
      model.settled(id, false, 4_000, rig.now);
    } else if (kind === "ignored") rig.settle(state, givenUp);
    else if (kind === "stale") {
      for (const isProbe of [true, false]) {
        rig.gate.settled(state, state.gate.generation - 1, isProbe, failed, 9_000, rig.now);
      }
    } else if (kind === "check") {
      rig.gate.setActiveHealth(state, "healthy", "", rig.now);
      model.passCheck(id);
    } else if (kind === "checks") {
      rig.gate.setActiveHealth(state, "unhealthy", "", rig.now);
      model.failCheck(id);
      rig.gate.setActiveHealth(state, "healthy", "", rig.now);
      model.passCheck(id);
    } else if (kind === "remove") {
      this.members = this.members.filter((other) => other !== state);
      rig.remove(state);
      rig.table.release(state.offset);
      model.remove(id);
      this.#tellUsed();
    } else if (kind === "use") {
      if (!this.#unused.delete(state)) this.#unused.add(state);
      this.#tellUsed();
    } else {
      state.update({ ...state.spec, health: kind === "sick" ? "unhealthy" : "healthy" });
      rig.gate.update(state, rig.now);
      model.setHealthy(id, kind !== "sick");
    }
  }

  #add(on: number): void {
    const index = on % this.rig.states.length;
    if (this.members.some(({ id }) => id === this.rig.at(index).id)) return;
    this.members.push(this.rig.readd(index));
    this.model.add(this.rig.at(index).id);
    this.#tellUsed();
  }

  /** As the engine does after each change of the list. */
  #tellUsed(): void {
    const used = this.members.filter((state) => !this.#unused.has(state));
    this.rig.gate.use(new Set(used), this.rig.now);
    this.model.use(used.map(({ id }) => id));
  }

  #claim(): void {
    const wanting = this.model.wanting(this.rig.now);
    const probe = this.rig.claim();
    if (probe === undefined) deepEqual(wanting, []);
    else {
      ok(wanting.includes(probe.state.id));
      this.model.claimed(probe.state.id, this.rig.now);
      this.#probes.push(probe);
    }
  }

  /** Any probe that was ever claimed may end, also one that was lost, or whose endpoint left. */
  #end(how: "good" | "bad" | "neutral" | "refused", on: number): void {
    const [probe] = this.#probes.splice(on % Math.max(1, this.#probes.length), 1);
    if (probe === undefined) return;
    const counts = !probe.state.leaving && probe.generation === probe.state.gate.generation;
    this.rig.end(probe, answers[how]);
    if (counts) this.model.probed(probe.state.id, how, this.rig.now);
  }

  check(): void {
    const { members, model, rig } = this;
    deepEqual(
      members.filter(({ open }) => open).map(({ id }) => id),
      model.open,
    );
    for (const { gate, id } of members) {
      const { circuit } = gate;
      const { probesInFlight: leases } = gate.ejection;
      const known = model.state(id);
      // The gate notices the end of an ejection when somebody asks, the model when somebody comes.
      if (known.circuit === "closed" || circuit === "closed") equal(circuit, known.circuit);
      equal(leases, known.leases);
      equal(gate.ejections, known.ejections);
      const { failures, probes } = this.#policy.halfOpen;
      ok(leases <= Math.min(probes, failures));
    }
    const used = members.filter((state) => !this.#unused.has(state)).length;
    const most = Math.max(1, Math.floor((used * this.#policy.maxEjectionPercent) / 100));
    ok(model.out <= Math.min(most, Math.max(0, used - 1)));
    equal(members.filter(({ gate }) => gate.circuit !== "closed").length, rig.gate.ejected);
  }

  /** Everybody well, and answering: nobody stays out. */
  recover(): void {
    this.#unused.clear();
    this.#tellUsed();
    for (const state of this.members) {
      state.update({ ...state.spec, health: "healthy" });
      this.rig.gate.update(state, this.rig.now);
    }
    for (let i = 0; i < 100 && this.members.some(({ open }) => !open); i++) {
      this.rig.now += 31_000;
      this.rig.gate.tick(this.rig.now);
      for (let claims = 0; claims < 60; claims++) {
        const probe = this.rig.claim();
        if (probe !== undefined) this.rig.end(probe, answer());
        this.rig.now += 50;
      }
    }
    ok(this.members.every(({ open }) => open));
    equal(this.rig.gate.probeAt, Infinity);
    equal(this.rig.table.troubled, 0);
  }
}

const answers = { good: answer(), bad: failed, neutral: givenUp, refused: answer({ status: 403 }) };
