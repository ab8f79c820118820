import type { CircuitMode, ResolvedCircuit } from "../../../src/policies/circuit/circuit-policy.ts";
import type { CircuitOutcome, CircuitState } from "../../../src/policies/circuit/circuit-types.ts";
import type { Random } from "../../../src/random.ts";

/** Leave to call as the model gives it; calls that count for nothing get a new one each, too. */
export interface ModelTicket {
  readonly kind: "counted" | "probe" | "free";
  readonly generation: number;
  readonly end: number;
}

interface DoneCall {
  readonly at: number;
  readonly failed: boolean;
  readonly slow: boolean;
}

/**
 * What a circuit is to do, written without any care for speed: every completed call is kept, and everything is worked out anew
 * from the list each time.
 */
export class CircuitModel {
  policy: ResolvedCircuit;
  mode: CircuitMode;
  state: CircuitState = "closed";
  refused = 0;
  /** What listeners are to hear. */
  readonly heard: string[] = [];
  readonly #random: Random;
  #generation = 1;
  #calls: DoneCall[] = [];
  /** When the window began; its tenths are counted from there. */
  #origin: number;
  #trippedAt: number | undefined;
  #run = 0;
  #closedSince: number;
  #openUntil = 0;
  #openings = 0;
  #leases: ModelTicket[] = [];
  #probed: DoneCall[] = [];
  #nextProbeAt = -Infinity;
  #askedUntil = -Infinity;

  constructor(policy: ResolvedCircuit, random: Random, now: number) {
    this.policy = policy;
    this.#random = random;
    this.#origin = this.#closedSince = now;
    this.mode = policy.mode;
    if (this.mode === "forced-open") this.#enter("open");
  }

  /** A ticket, or the milliseconds to wait. */
  admit(now: number): ModelTicket | number {
    const free: ModelTicket = { kind: "free", generation: 0, end: 0 };
    if (this.mode === "forced-closed") return free;
    const answer = this.mode === "forced-open" ? this.policy.openMs : this.#decide(now);
    if (typeof answer !== "number") return answer;
    this.refused++;
    return this.mode === "metrics-only" ? free : Math.max(1, Math.ceil(answer));
  }

  record(ticket: ModelTicket, outcome: CircuitOutcome, now: number, ms: number, retryAfterMs: number): void {
    const { slowCallMs } = this.policy;
    const done = { at: now, failed: outcome === "failure", slow: slowCallMs !== false && ms > slowCallMs };
    this.expire(now);
    if (ticket.generation !== this.#generation) return;
    if (ticket.kind === "probe") {
      if (!this.#leases.includes(ticket)) return;
      this.#leases = this.#leases.filter((lease) => lease !== ticket);
      if (outcome === "neutral") return;
      this.#probed.push(done);
      if (done.failed) this.#askedUntil = Math.max(this.#askedUntil, now + retryAfterMs);
      this.#conclude(now);
    } else if (outcome !== "neutral") {
      this.#calls.push(done);
      this.#run = done.failed ? this.#run + 1 : 0;
      this.#judge(done, retryAfterMs);
    }
  }

  setMode(mode: CircuitMode, now: number): void {
    const before = this.mode;
    if (mode === before) return;
    this.mode = mode;
    if (mode === "forced-open") {
      if (this.state !== "open") this.#hear("open forced");
      this.#enter("open");
    } else if (mode === "forced-closed" || before === "forced-closed") this.reset(now);
    else if (before === "forced-open") this.#openUntil = now;
    this.heard.push(`${mode} ${this.state}`);
  }

  reset(now: number): void {
    this.#openings = 0;
    if (this.mode !== "forced-open") this.#close(now);
  }

  update(policy: ResolvedCircuit, now: number): void {
    const before = this.policy;
    this.expire(now);
    if (this.state === "closed") this.#handOver(now);
    this.policy = policy;
    this.#openUntil = Math.min(this.#openUntil, now + this.#longestMs());
    this.#conclude(now);
    if (policy.mode !== before.mode) this.setMode(policy.mode, now);
  }

  /** The process ended at `now`, and another took over `elapsedMs` later. */
  restart(now: number, elapsedMs: number): void {
    const later = now + elapsedMs;
    if (this.state === "closed") this.#handOver(now, later);
    else {
      const leftMs = Math.max(0, this.openForMs(now) - elapsedMs);
      this.#enter("open");
      this.#openUntil = later + Math.min(leftMs, this.#longestMs());
      this.#calls = [];
      this.#origin = this.#closedSince = later;
      this.#trippedAt = undefined;
    }
    this.#generation++;
    this.refused = 0;
  }

  view(now: number): object {
    const calls = this.#counted(this.#trippedAt ?? now);
    return {
      engine: this.policy.engine,
      mode: this.mode,
      state: this.state,
      calls: calls.length,
      failures: calls.filter(({ failed }) => failed).length,
      slow: calls.filter(({ slow }) => slow).length,
      refused: this.refused,
    };
  }

  openForMs(now: number): number {
    return this.state === "open" && this.mode !== "forced-open" ? Math.max(0, this.#openUntil - now) : 0;
  }

  /** Leases that ran out are failures as of their end. */
  expire(now: number): void {
    for (;;) {
      const over = this.#leases.filter(({ end }) => end <= now).toSorted((a, b) => a.end - b.end)[0];
      if (over === undefined) return;
      this.#leases = this.#leases.filter((lease) => lease !== over);
      this.#probed.push({ at: over.end, failed: true, slow: false });
      this.#conclude(over.end);
    }
  }

  #decide(now: number): ModelTicket | number {
    this.expire(now);
    const { probeIntervalMs, probes, probeTimeoutMs } = this.policy;
    if (this.state === "closed") return { kind: "counted", generation: this.#generation, end: 0 };
    if (this.state === "open") {
      if (now < this.#openUntil) return this.#openUntil - now;
      this.#enter("half_open");
      this.#hear("half_open");
    }
    const { failures, slow } = this.#probeCounts();
    const most = Math.min(
      probes - this.#probed.length,
      this.#enoughFailures() - failures,
      this.#enoughSlow() - slow,
    );
    const paceMs = Math.max(0, this.#nextProbeAt - now);
    if (this.#leases.length >= most) {
      const nextEnd = Math.min(...this.#leases.map(({ end }) => end));
      return Math.max(1, paceMs, Math.min(1_000, nextEnd - now));
    }
    if (paceMs > 0) return paceMs;
    const probe: ModelTicket = { kind: "probe", generation: this.#generation, end: now + probeTimeoutMs };
    this.#leases.push(probe);
    this.#nextProbeAt = now + probeIntervalMs;
    return probe;
  }

  #judge({ at, failed, slow }: DoneCall, retryAfterMs: number): void {
    const { consecutiveFailures, failureRatio, minCalls, slowCallMs, slowCallRatio } = this.policy;
    const calls = this.#counted(at);
    const share = (isOne: (call: DoneCall) => boolean): number => calls.filter(isOne).length / calls.length;
    const isFull = calls.length >= minCalls;
    let cause: string | undefined;
    if (slow && isFull && slowCallMs !== false && share((call) => call.slow) >= slowCallRatio - 1e-9)
      cause = "slow";
    if (failed && isFull && failureRatio !== false && share((call) => call.failed) >= failureRatio - 1e-9)
      cause = "failures";
    if (failed && consecutiveFailures !== false && this.#run >= consecutiveFailures) cause = "consecutive";
    if (cause === undefined) return;
    const { windowCalls, windowMs } = this.policy;
    const isLong = windowMs === undefined ? calls.length === windowCalls : at - this.#closedSince >= windowMs;
    if (isLong) this.#openings = 0;
    this.#trippedAt = at;
    this.#open(cause, at, retryAfterMs);
  }

  #conclude(at: number): void {
    if (this.state !== "half_open") return;
    const { failures, slow } = this.#probeCounts();
    if (failures >= this.#enoughFailures() || slow >= this.#enoughSlow())
      this.#open("probe", at, this.#askedUntil - at);
    else if (this.#probed.length >= this.policy.probes) this.#close(at);
  }

  #open(cause: string, at: number, askedMs: number): void {
    const { maxOpenMs, openGrowth, openJitter, openMs } = this.policy;
    let grownMs = openMs;
    for (let i = 0; i < this.#openings && grownMs < maxOpenMs; i++) grownMs *= openGrowth;
    const jitteredMs = Math.min(grownMs, maxOpenMs) * (1 + openJitter * this.#random());
    this.#openUntil = at + Math.max(jitteredMs, Math.min(askedMs, maxOpenMs));
    this.#openings++;
    this.#enter("open");
    this.#hear(`open ${cause}`);
  }

  #close(at: number): void {
    const wasClosed = this.state === "closed";
    this.#enter("closed");
    this.#calls = [];
    this.#run = 0;
    this.#origin = this.#closedSince = at;
    this.#trippedAt = undefined;
    if (!wasClosed) this.#hear("closed");
  }

  #enter(state: CircuitState): void {
    this.state = state;
    this.#generation++;
    this.#leases = [];
    this.#probed = [];
    this.#nextProbeAt = this.#askedUntil = -Infinity;
  }

  #hear(what: string): void {
    this.heard.push(`${what} ${this.mode !== "metrics-only"}`);
  }

  /** A new window takes over the calls of the old one; without any it begins anew. */
  #handOver(now: number, at = now): void {
    this.#calls = this.#counted(now);
    if (this.#calls.length === 0) this.#origin = at;
  }

  #counted(now: number): DoneCall[] {
    const { windowCalls, windowMs } = this.policy;
    if (windowMs === undefined) return this.#calls.slice(-(windowCalls ?? 0));
    const tenth = (at: number): number => Math.floor((at - this.#origin) / (windowMs / 10));
    return this.#calls.filter(({ at }) => tenth(at) > tenth(now) - 10);
  }

  #probeCounts(): { readonly failures: number; readonly slow: number } {
    return {
      failures: this.#probed.filter(({ failed }) => failed).length,
      slow: this.#probed.filter(({ slow }) => slow).length,
    };
  }

  #enoughFailures(): number {
    const { failureRatio, probes } = this.policy;
    return failureRatio === false ? 1 : smallest((failures) => failures / probes >= failureRatio - 1e-9);
  }

  #enoughSlow(): number {
    const { probes, slowCallMs, slowCallRatio } = this.policy;
    return slowCallMs === false ? Infinity : smallest((slow) => slow / probes >= slowCallRatio - 1e-9);
  }

  #longestMs(): number {
    return this.policy.maxOpenMs * (1 + this.policy.openJitter);
  }
}

function smallest(isEnough: (number: number) => boolean): number {
  let number = 1;
  while (!isEnough(number)) number++;
  return number;
}
