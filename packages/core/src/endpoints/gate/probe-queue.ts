import type { EndpointState } from "../endpoint-state.ts";
import type { ResolvedOutlierDetection } from "../outlier/outlier-policy.ts";
import type { EjectionRecord } from "./gate-record.ts";

/** A call that cannot be repeated is used as a probe only where none that can came for this long, in milliseconds. */
const PATIENCE_MS = 1_000;

/** So many circuits a call looks at in search of one that wants a probe: there may be thousands. */
const MAX_LOOKS = 8;

/**
 * So many answers of 4xx, and none that failed, do for the good ones. One alone says nothing: whoever looks at a token refuses a
 * request before what was broken is touched. But a service that is asked for what it has not got answers nothing else, and must
 * not lose its endpoints for good. Paced as probes are that takes two seconds.
 */
const ENOUGH_REFUSALS = 10;

/** An endpoint that fails is left alone this long, in milliseconds, before somebody looks ahead of time. */
export const NO_LOOK_MS = 1_000;

/**
 * The circuits of ejected endpoints: open for a time, then half-open, where a few requests are let through as probes. A probe
 * is a lease: it ends with its result, or by itself, so that no circuit can wait for ever for an answer that never comes.
 *
 * A _look_ is a single probe ahead of time, for an endpoint that simply failed. Looks are paced by the calls of the service and not by
 * time: one in so many costs the same share of them whether they are ten a second or ten thousand, and whether one endpoint is out
 * or half of all; and a busy service, which has the most to gain from it, soon knows that an endpoint is well again.
 */
export class ProbeQueue {
  /** The next time at which some endpoint may want a probe; Infinity when there is none. Never too late. */
  nextAt: number = Infinity;
  #policy: ResolvedOutlierDetection["halfOpen"] | undefined;
  readonly #onLost: (state: EndpointState, text: string, now: number) => void;
  readonly #states: EndpointState[] = [];
  /** Where the next look begins, so that one endpoint cannot keep the others waiting. */
  #turn = 0;
  /** Calls look at all circuits together, each at a few. So many are left to be looked at. */
  #left = 0;
  /** When one of those looked at wants a probe next. */
  #soonest = Infinity;
  /** Since when only calls came that cannot be repeated, while somebody wanted a probe. */
  #unfitSince = Infinity;
  /** Who comes after the one that was looked at last. */
  #lookTurn = 0;
  /** Calls of the service since the last probe. */
  #calls = 0;

  constructor(
    policy: ResolvedOutlierDetection["halfOpen"] | undefined,
    onLost: (state: EndpointState, text: string, now: number) => void,
  ) {
    this.#policy = policy;
    this.#onLost = onLost;
  }

  /** Takes another policy. Probes in flight keep their leases. */
  update(policy: ResolvedOutlierDetection["halfOpen"] | undefined): void {
    this.#policy = policy;
    this.wake();
  }

  get size(): number {
    return this.#states.length;
  }

  /** Something changed that may make an endpoint want a probe. */
  wake(): void {
    this.#left = 0;
    this.nextAt = this.#states.length > 0 ? -Infinity : Infinity;
  }

  /** Of those that are used, the one that has been out the longest; undefined when none is. */
  get oldest(): EndpointState | undefined {
    return this.#states.find(({ gate }) => gate.isUsed);
  }

  /** A call of the service ended. */
  counted(): void {
    if (this.#states.length === 0 || ++this.#calls !== this.#policy?.earlyEvery) return;
    this.#turn = this.#lookTurn;
    this.wake();
  }

  /** Ejects an endpoint until `until`. @param lookAt before that nobody looks at it ahead of time */
  open(state: EndpointState, until: number, lookAt: number): void {
    const record = state.gate;
    if (record.circuit === "closed") {
      if (this.#states.length === 0) this.#calls = 0;
      this.#states.push(state);
      this.#left = 0;
    }
    const { ejection } = record;
    ejection.probeFailures = ejection.probeSuccesses = 0;
    ejection.probesSlow = ejection.probesRefused = 0;
    this.#shut(state, until, lookAt);
  }

  #shut(state: EndpointState, until: number, lookAt: number): void {
    const record = state.gate;
    record.circuit = "open";
    record.generation++;
    const { ejection } = record;
    ejection.openUntil = until;
    ejection.lookAt = lookAt;
    ejection.isLook = false;
    ejection.probesInFlight = 0;
    this.#notLaterThan(this.#looksAt(ejection));
  }

  /** A look found an endpoint failing as before: what is left of the ejection begins anew, and counts as the same one. */
  #lookedInVain(state: EndpointState, now: number, retryAfterMs = 0): void {
    this.#shut(state, now + state.gate.ejection.ejectionMs, now + Math.max(NO_LOOK_MS, retryAfterMs));
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
    const { ejection } = state.gate;
    ejection.probesInFlight = 0;
    ejection.isLook = false;
    this.wake();
    return true;
  }

  /** An endpoint that is due for a probe, with a lease on it. */
  claim(
    now: number,
    mayRepeat: boolean,
    tried: readonly EndpointState[] | undefined,
    accepts: (state: EndpointState) => boolean,
  ): EndpointState | undefined {
    if (mayRepeat) this.#unfitSince = Infinity;
    else this.#unfitSince = Math.min(this.#unfitSince, now);
    const mayProbe = mayRepeat || now - this.#unfitSince >= PATIENCE_MS;
    for (let looks = Math.min(MAX_LOOKS, this.#states.length); looks > 0; looks--) {
      const state = this.#next();
      if (state === undefined) break;
      const at = this.#wantsAt(state, now);
      const isFit = mayProbe && tried?.includes(state) !== true && accepts(state);
      const isChosen = at <= now && isFit;
      if (isChosen) this.#lease(state, now);
      this.#looked(isChosen ? this.#wantsAt(state, now) : at);
      if (isChosen) return state;
    }
    return undefined;
  }

  #next(): EndpointState | undefined {
    if (this.#turn >= this.#states.length) this.#turn = 0;
    if (this.#left === 0) {
      this.#left = this.#states.length;
      this.#soonest = Infinity;
    }
    return this.#states[this.#turn++];
  }

  /** An endpoint wants its next probe at `at`. Once all have been looked at it is known when to look again. */
  #looked(at: number): void {
    this.#soonest = Math.min(this.#soonest, at);
    if (this.#left > 0 && --this.#left === 0) this.nextAt = this.#soonest;
  }

  #notLaterThan(at: number): void {
    this.nextAt = Math.min(this.nextAt, at);
    this.#soonest = Math.min(this.#soonest, at);
  }

  /** The probe says nothing either way: its place is free for another, from `notBefore` on. */
  release(state: EndpointState, notBefore = 0): void {
    const { ejection } = state.gate;
    if (ejection.isLook) {
      this.#shut(state, ejection.openUntil, Math.max(ejection.nextProbeAt, notBefore));
      return;
    }
    if (ejection.probesInFlight > 0) ejection.probesInFlight--;
    ejection.nextProbeAt = Math.max(ejection.nextProbeAt, notBefore);
    this.#notLaterThan(ejection.nextProbeAt);
  }

  /** @returns whether so many failed that the circuit opens again, for longer */
  failed(state: EndpointState, now: number, retryAfterMs: number): boolean {
    if (state.gate.ejection.isLook) {
      this.#lookedInVain(state, now, retryAfterMs);
      return false;
    }
    this.release(state);
    return ++state.gate.ejection.probeFailures >= (this.#policy?.failures ?? 1);
  }

  /** @returns whether so many went well that the circuit closes */
  succeeded(state: EndpointState): boolean {
    // What was a look is now the first of the probes.
    state.gate.ejection.isLook = false;
    this.release(state);
    return ++state.gate.ejection.probeSuccesses >= this.#quorum(state);
  }

  /**
   * A probe was answered with 4xx: the endpoint is there, and whether it is well is not known. @returns whether there were so many
   * that the circuit closes all the same
   */
  refused(state: EndpointState): boolean {
    const { isLook } = state.gate.ejection;
    this.release(state);
    if (isLook) return false;
    return ++state.gate.ejection.probesRefused >= Math.max(ENOUGH_REFUSALS, this.#quorum(state));
  }

  /**
   * A probe of one that was ejected for being slow was slow again. @returns whether so many were that the circuit opens again
   */
  slow(state: EndpointState): boolean {
    this.release(state);
    return ++state.gate.ejection.probesSlow >= this.#quorum(state);
  }

  /** A single answer says little of how fast an endpoint is, so after slowness the majority of a few more decides. */
  #quorum({ gate }: EndpointState): number {
    const { successes = 1 } = this.#policy ?? {};
    return gate.ejection.wasSlow ? 2 * successes - 1 : successes;
  }

  /** Takes back the leases whose time is over: a probe that was lost is one that failed. */
  expire(now: number): void {
    // By number: what is lost opens its circuit again, in place.
    for (let index = 0; index < this.#states.length; index++) {
      const state = this.#states[index]!;
      const { ejection } = state.gate;
      if (ejection.probesInFlight > 0 && now >= ejection.leaseUntil) this.#lose(state, now);
    }
  }

  /** All leases of an endpoint are over: its probes failed, and should a result come after all it is that of an older generation. */
  #lose(state: EndpointState, now: number): void {
    const { ejection } = state.gate;
    if (ejection.isLook) {
      this.#lookedInVain(state, now);
      return;
    }
    ejection.probeFailures += ejection.probesInFlight;
    ejection.probesInFlight = 0;
    state.gate.generation++;
    if (ejection.probeFailures >= (this.#policy?.failures ?? 1)) this.#onLost(state, "a probe was lost", now);
    else this.#notLaterThan(ejection.nextProbeAt);
  }

  /** When an endpoint wants its next probe. */
  #wantsAt(state: EndpointState, now: number): number {
    const record = state.gate;
    const { ejection } = record;
    const { health } = state.spec;
    // A probe would tell nothing new of one that the registry or a health check calls dead, or that is to have no traffic, or not ours.
    if (health === "unhealthy" || health === "draining" || health === "starting") return Infinity;
    if (record.activeHealth === "unhealthy" || state.spec.weight === 0) return Infinity;
    if (!record.isUsed) return Infinity;
    if (ejection.probesInFlight > 0 && now >= ejection.leaseUntil) this.#lose(state, now);
    if (record.circuit === "open") {
      if (now < ejection.openUntil) return this.#looksAt(ejection);
      record.circuit = "half-open";
      record.generation++;
      ejection.nextProbeAt = now;
    }
    if (ejection.isLook) return ejection.leaseUntil;
    const { failures = 1, probes = 1 } = this.#policy ?? {};
    if (ejection.probesInFlight < Math.min(probes, failures - ejection.probeFailures))
      return ejection.nextProbeAt;
    return ejection.leaseUntil;
  }

  /** When an endpoint whose ejection is not over may be looked at, or is over. */
  #looksAt({ lookAt, mayLook, openUntil }: EjectionRecord): number {
    const { earlyEvery = 0 } = this.#policy ?? {};
    return mayLook && earlyEvery > 0 && this.#calls >= earlyEvery ? Math.min(lookAt, openUntil) : openUntil;
  }

  #lease(state: EndpointState, now: number): void {
    const record = state.gate;
    const { ejection } = record;
    if (record.circuit === "open") {
      record.circuit = "half-open";
      record.generation++;
      ejection.isLook = true;
      this.#lookTurn = this.#turn;
    }
    // Any probe costs a call, also one whose time has come.
    this.#calls = 0;
    ejection.probesInFlight++;
    ejection.leaseUntil = now + (this.#policy?.leaseMs ?? 30_000);
    ejection.nextProbeAt = now + (this.#policy?.intervalMs ?? 0);
  }
}
