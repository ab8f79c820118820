import type { EndpointState } from "../endpoint-state.ts";
import type { ResolvedOutlierDetection } from "../outlier/outlier-policy.ts";

/** A call that cannot be repeated is used as a probe only where none that can came for this long, in milliseconds. */
const PATIENCE_MS = 1_000;

/**
 * The circuits of ejected endpoints: open for a time, then half-open, where a few requests are let through as probes. A probe
 * is a lease: it ends with its result, or by itself, so that no circuit can wait for ever for an answer that never comes.
 */
export class ProbeQueue {
  /** The next time at which some endpoint may want a probe; Infinity when there is none. Never too late. */
  nextAt: number = Infinity;
  readonly #policy: ResolvedOutlierDetection["halfOpen"] | undefined;
  readonly #onLost: (state: EndpointState, text: string, now: number) => void;
  readonly #states: EndpointState[] = [];
  /** Where the next look begins, so that one endpoint cannot keep the others waiting. */
  #turn = 0;

  constructor(
    policy: ResolvedOutlierDetection["halfOpen"] | undefined,
    onLost: (state: EndpointState, text: string, now: number) => void,
  ) {
    this.#policy = policy;
    this.#onLost = onLost;
  }

  get size(): number {
    return this.#states.length;
  }

  /** Something changed that may make an endpoint want a probe. */
  wake(): void {
    if (this.#states.length > 0) this.nextAt = -Infinity;
  }

  /** The one that has been out the longest; undefined when none is. */
  get oldest(): EndpointState | undefined {
    return this.#states[0];
  }

  /** Ejects an endpoint until `until`. */
  open(state: EndpointState, until: number): void {
    const record = state.gate;
    if (record.circuit === "closed") this.#states.push(state);
    record.circuit = "open";
    record.generation++;
    record.openUntil = until;
    record.probesInFlight = record.probeFailures = record.probeSuccesses = record.probesSlow = 0;
    this.nextAt = Math.min(this.nextAt, until);
  }

  /** The endpoint is back. */
  close(state: EndpointState): void {
    state.gate.generation++;
    this.remove(state);
  }

  /** @returns whether it was there */
  remove(state: EndpointState): boolean {
    const index = this.#states.indexOf(state);
    if (index === -1) return false;
    this.#states.splice(index, 1);
    state.gate.circuit = "closed";
    state.gate.probesInFlight = 0;
    if (this.#states.length === 0) this.nextAt = Infinity;
    return true;
  }

  claim(
    now: number,
    mayRepeat: boolean,
    tried: readonly EndpointState[] | undefined,
    accepts: (state: EndpointState) => boolean,
  ): EndpointState | undefined {
    let next = Infinity;
    const count = this.#states.length;
    for (let step = 0; step < count; step++) {
      const state = this.#states[(this.#turn + step) % count]!;
      const at = this.#wantsAt(state, now);
      if (at > now) {
        next = Math.min(next, at);
        continue;
      }
      // Someone wants a probe that this call is no good for: the next call must look again.
      next = now;
      const isLastResort = now - state.gate.readySince >= PATIENCE_MS;
      if ((!mayRepeat && !isLastResort) || tried?.includes(state) === true || !accepts(state)) continue;
      this.#turn = (this.#turn + step + 1) % count;
      this.#lease(state, now);
      this.nextAt = now;
      return state;
    }
    this.nextAt = next;
    return undefined;
  }

  /** The probe says nothing either way: its place is free for another, from `notBefore` on. */
  release(state: EndpointState, notBefore = 0): void {
    const record = state.gate;
    if (record.probesInFlight > 0) record.probesInFlight--;
    record.nextProbeAt = Math.max(record.nextProbeAt, notBefore);
    this.nextAt = Math.min(this.nextAt, record.nextProbeAt);
  }

  /** @returns whether so many failed that the circuit opens again */
  failed(state: EndpointState): boolean {
    this.release(state);
    return ++state.gate.probeFailures >= (this.#policy?.failures ?? 1);
  }

  /** @returns whether so many went well that the circuit closes */
  succeeded(state: EndpointState): boolean {
    this.release(state);
    return ++state.gate.probeSuccesses >= this.#quorum(state);
  }

  /**
   * A probe of one that was ejected for being slow was slow again. @returns whether so many were that the circuit opens again
   */
  slow(state: EndpointState): boolean {
    this.release(state);
    return ++state.gate.probesSlow >= this.#quorum(state);
  }

  /** A single answer says little of how fast an endpoint is, so after slowness the majority of a few more decides. */
  #quorum({ gate }: EndpointState): number {
    const { successes = 1 } = this.#policy ?? {};
    return gate.wasSlow ? 2 * successes - 1 : successes;
  }

  /** Takes back the leases whose time is over: a probe that was lost is one that failed. */
  expire(now: number): void {
    // By number: what is lost opens its circuit again, in place.
    for (let index = 0; index < this.#states.length; index++) {
      const state = this.#states[index]!;
      const record = state.gate;
      if (record.probesInFlight > 0 && now >= record.leaseUntil) this.#lose(state, now);
    }
  }

  /** All leases of an endpoint are over: its probes failed, and should a result come after all it is that of an older generation. */
  #lose(state: EndpointState, now: number): void {
    const record = state.gate;
    record.probeFailures += record.probesInFlight;
    record.probesInFlight = 0;
    record.generation++;
    if (record.probeFailures >= (this.#policy?.failures ?? 1)) this.#onLost(state, "a probe was lost", now);
    else this.nextAt = Math.min(this.nextAt, record.nextProbeAt);
  }

  /** When an endpoint wants its next probe. */
  #wantsAt(state: EndpointState, now: number): number {
    const record = state.gate;
    const { health } = state.spec;
    // A probe would tell nothing new of one that the registry or a health check calls dead, or that is to have no traffic.
    if (health === "unhealthy" || health === "draining" || health === "starting") return Infinity;
    if (record.activeHealth === "unhealthy" || state.spec.weight === 0) return Infinity;
    if (record.probesInFlight > 0 && now >= record.leaseUntil) this.#lose(state, now);
    if (record.circuit === "open") {
      if (now < record.openUntil) return record.openUntil;
      record.circuit = "half-open";
      record.generation++;
      record.readySince = now;
      record.nextProbeAt = now;
    }
    const { failures = 1, probes = 1 } = this.#policy ?? {};
    if (record.probesInFlight < Math.min(probes, failures - record.probeFailures)) return record.nextProbeAt;
    return record.leaseUntil;
  }

  #lease(state: EndpointState, now: number): void {
    const record = state.gate;
    record.probesInFlight++;
    record.leaseUntil = now + (this.#policy?.leaseMs ?? 30_000);
    record.nextProbeAt = now + (this.#policy?.intervalMs ?? 0);
    record.readySince = now;
  }
}
