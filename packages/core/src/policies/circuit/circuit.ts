import type { Random } from "../../random.ts";
import type { CircuitMode, ResolvedCircuit } from "./circuit-policy.ts";
import { readSnapshot } from "./circuit-snapshot.ts";
import type { CircuitImport, CircuitSnapshot } from "./circuit-snapshot.ts";
import { isSlow } from "./circuit-types.ts";
import type {
  Admission,
  CircuitListener,
  CircuitOutcome,
  CircuitState,
  CircuitView,
  OpenCause,
  Refusal,
} from "./circuit-types.ts";
import { openTripWindow } from "./engines.ts";
import { ProbeRound } from "./probe-round.ts";
import { readMode } from "./resolve-circuit.ts";
import type { TripWindow, WindowCounts } from "./trip-window.ts";

/** What a circuit is made of. */
export interface CircuitOptions extends CircuitListener {
  readonly policy: ResolvedCircuit;
  readonly random: Random;
  /** Monotonic milliseconds. */
  readonly now: number;
  /** What another circuit of the same service has learnt; an empty, closed circuit by default. */
  readonly import?: CircuitImport | undefined;
}

/** A refusal while probes run does not ask the caller to wait for a probe's whole timeout. */
const maxProbeWaitMs = 1_000;

/** Leave for calls whose results mean nothing to the circuit. */
const uncounted = admission(0, false);

/**
 * The circuit breaker of a service or a route. Calls ask for admission and report when they are complete; which
 * results count and when to try again is decided here, when there are too many failures by the window.
 *
 * Half-open follows these rules: a probe is a lease with an end, and a lease that runs out is a failed probe; leases are
 * bounded in number; only an admission that holds a lease decides; a neutral result gives the lease back.
 * Time is only ever read when somebody asks, so there is no timer, and an unused circuit costs nothing. All times are
 * monotonic milliseconds.
 */
export class Circuit {
  #policy: ResolvedCircuit;
  readonly #random: Random;
  readonly #listener: CircuitListener;
  #mode: CircuitMode;
  #state: CircuitState = "closed";
  #generation = 1;
  #window: TripWindow;
  /** What every call gets without a question; undefined while there are questions. */
  #pass: Admission | undefined;
  /** Shared by every call of a closed generation, so that admitting one allocates nothing. */
  #closedAdmission: Admission;
  #closedSince: number;
  /** There while half-open. */
  #round: ProbeRound | undefined;
  #openUntil = 0;
  /** How often it opened without staying closed for a window in between. */
  #openings = 0;
  #refused = 0;

  /** @throws ProxylessError `ERR_PROXYLESS_CONFIG` when there is something wrong with what it is to take over */
  constructor(options: CircuitOptions) {
    const { now, policy } = options;
    this.#policy = policy;
    this.#random = options.random;
    this.#listener = options;
    const taken = options.import === undefined ? undefined : readSnapshot(options.import, "import");
    this.#mode = taken?.mode ?? policy.mode;
    this.#window = openTripWindow(policy, now, taken);
    this.#pass = this.#closedAdmission = admission(this.#generation, false);
    this.#closedSince = now - (taken?.closedForMs ?? 0);
    this.#openings = taken?.openings ?? 0;
    if (this.#mode === "forced-closed") this.#pass = uncounted;
    else if (this.#mode === "forced-open" || taken?.state === "open") {
      this.#enter("open");
      this.#openUntil = now + Math.min(taken?.openForMs ?? 0, longestOpenMs(policy));
    }
  }

  get state(): CircuitState {
    return this.#state;
  }

  get mode(): CircuitMode {
    return this.#mode;
  }

  /** Asks to make a call. */
  admit(now: number): Admission | Refusal {
    return this.#pass ?? this.#ask(now);
  }

  /**
   * Reports a completed call. Results that come too late to mean anything are ignored.
   * @param durationMs how long the call took, to tell whether it was slow
   * @param retryAfterMs how long a failed call's answer asked to be left alone; 0 for no wish
   */
  record(
    admitted: Admission,
    outcome: CircuitOutcome,
    now: number,
    durationMs: number = 0,
    retryAfterMs: number = 0,
  ): void {
    if (this.#state === "closed") {
      if (admitted !== this.#closedAdmission || outcome === "neutral") return;
      const cause = this.#window.record(outcome === "failure", isSlow(this.#policy, durationMs), now);
      if (cause !== undefined) this.#trip(cause, now, retryAfterMs);
      return;
    }
    this.#expireLeases(now);
    const round = this.#round;
    if (round?.end(admitted) !== true || outcome === "neutral") return;
    round.decide(outcome === "failure", isSlow(this.#policy, durationMs));
    if (outcome === "failure") round.askedUntil = Math.max(round.askedUntil, now + retryAfterMs);
    this.#conclude(now);
  }

  /**
   * Switches the mode. What `metrics-only` would have done by now is done from here on. Forcing ends every probe, and
   * calls in flight are not counted any more; after `forced-open` it probes before it closes, after `forced-closed` it
   * starts anew.
   * @throws ProxylessError `ERR_PROXYLESS_CONFIG` for a mode that does not exist
   */
  setMode(mode: CircuitMode, now: number): void {
    const before = this.#mode;
    this.#mode = readMode(mode, "mode") ?? before;
    if (this.#mode === before) return;
    if (mode === "forced-open") this.#forceOpen(now);
    else if (mode === "forced-closed") this.reset(now);
    else if (before === "forced-closed") this.reset(now);
    else if (before === "forced-open") this.#openUntil = now;
    this.#listener.onMode?.(mode, this.#state);
  }

  /** Closes it and forgets everything but the mode; one that is forced open stays so. Calls in flight are not counted. */
  reset(now: number): void {
    this.#openings = 0;
    if (this.#mode !== "forced-open") this.#close(now);
  }

  /**
   * Changes the policy and keeps what is known: counts, state, calls in flight, and a mode that was switched here, unless
   * the policy changes its own. Counts that were there are judged by the new limits when the next call ends.
   */
  update(policy: ResolvedCircuit, now: number): void {
    const before = this.#policy;
    this.#expireLeases(now);
    const history = this.#state === "closed" ? this.#window.history(now) : undefined;
    this.#policy = policy;
    if (history !== undefined) this.#window = openTripWindow(policy, now, history);
    this.#openUntil = Math.min(this.#openUntil, now + longestOpenMs(policy));
    this.#conclude(now);
    if (policy.mode !== before.mode) this.setMode(policy.mode, now);
  }

  /** What is known, for another process to start with. Looking changes nothing. */
  exportState(now: number): CircuitSnapshot {
    const isClosed = this.#state === "closed";
    const { consecutiveFailures, slices } = isClosed
      ? this.#window.history(now)
      : { consecutiveFailures: 0, slices: [] };
    return {
      version: 1,
      state: isClosed ? "closed" : "open",
      ...(this.#mode === this.#policy.mode ? {} : { mode: this.#mode }),
      openings: this.#openings,
      openForMs: this.#openForMs(now),
      closedForMs: isClosed ? Math.max(0, now - this.#closedSince) : 0,
      slices,
      consecutiveFailures,
    };
  }

  /** A plain dump. Looking changes nothing. */
  inspect(now: number): CircuitView {
    const counts = this.#window.counts(now);
    return {
      engine: this.#policy.engine,
      mode: this.#mode,
      state: this.#state,
      generation: this.#generation,
      ...counts,
      failureRatio: shareOf(counts.failures, counts.calls),
      refused: this.#refused,
      openForMs: this.#openForMs(now),
    };
  }

  get #enforced(): boolean {
    return this.#mode !== "metrics-only";
  }

  #openForMs(now: number): number {
    return this.#state === "open" && this.#mode !== "forced-open" ? Math.max(0, this.#openUntil - now) : 0;
  }

  #ask(now: number): Admission | Refusal {
    const answer = this.#decide(now);
    if (answer.admitted) return answer;
    this.#refused++;
    return this.#enforced ? answer : uncounted;
  }

  #decide(now: number): Admission | Refusal {
    // How long somebody keeps it open, nobody knows.
    if (this.#mode === "forced-open") return refusal(this.#policy.openMs);
    this.#expireLeases(now);
    if (this.#state === "open") {
      if (now < this.#openUntil) return refusal(this.#openUntil - now);
      this.#enter("half_open");
      this.#round = new ProbeRound();
      this.#listener.onHalfOpen?.(this.#enforced);
    }
    const round = this.#round;
    // The last lease that ran out may have closed it, and so may a listener.
    if (round === undefined) return this.#pass ?? refusal(this.#openUntil - now);
    const waitMs = round.waitMs(this.#policy, now, maxProbeWaitMs);
    if (waitMs > 0) return refusal(waitMs);
    const probe = admission(this.#generation, true);
    round.start(probe, this.#policy, now);
    return probe;
  }

  /** What a lease's end decides holds as of that end, not of now: nobody may have asked for a long time. */
  #expireLeases(now: number): void {
    for (;;) {
      const end = this.#round?.expire(now);
      if (end === undefined) return;
      this.#conclude(end);
    }
  }

  #conclude(at: number): void {
    const round = this.#round;
    const verdict = round?.verdict(this.#policy);
    if (round === undefined || verdict === undefined) return;
    if (verdict === "close") this.#close(at);
    else {
      const counts = { calls: round.decided, failures: round.failures, slow: round.slow };
      this.#open("probe", counts, at, round.askedUntil - at);
    }
  }

  #trip(cause: OpenCause, now: number, retryAfterMs: number): void {
    const counts = this.#window.counts(now);
    const { windowCalls, windowMs } = this.#policy;
    const wasClosedForAWindow =
      windowMs === undefined ? counts.calls === windowCalls : now - this.#closedSince >= windowMs;
    if (wasClosedForAWindow) this.#openings = 0;
    this.#open(cause, counts, now, retryAfterMs);
  }

  #open(cause: OpenCause, counts: WindowCounts, since: number, askedMs: number): void {
    const { maxOpenMs, openGrowth, openJitter, openMs } = this.#policy;
    const grownMs = Math.min(openMs * openGrowth ** this.#openings, maxOpenMs);
    const jitteredMs = grownMs * (1 + openJitter * this.#random());
    const forMs = Math.max(jitteredMs, Math.min(askedMs, maxOpenMs));
    this.#openings++;
    this.#openUntil = since + forMs;
    this.#enter("open");
    this.#tellOpen(cause, counts, forMs);
  }

  #forceOpen(now: number): void {
    const wasOpen = this.#state === "open";
    this.#enter("open");
    if (!wasOpen) this.#tellOpen("forced", this.#window.counts(now), Infinity);
  }

  #close(now: number): void {
    const wasClosed = this.#state === "closed";
    this.#enter("closed");
    this.#window = openTripWindow(this.#policy, now);
    this.#closedAdmission = admission(this.#generation, false);
    this.#closedSince = now;
    this.#pass = this.#mode === "forced-closed" ? uncounted : this.#closedAdmission;
    if (!wasClosed) this.#listener.onClose?.(this.#enforced);
  }

  #enter(state: CircuitState): void {
    this.#state = state;
    this.#generation++;
    this.#round = undefined;
    this.#pass = undefined;
  }

  #tellOpen(cause: OpenCause, { calls, failures, slow }: WindowCounts, openMs: number): void {
    const failureRatio = shareOf(failures, calls);
    const slowRatio = shareOf(slow, calls);
    this.#listener.onOpen?.({ cause, failureRatio, slowRatio, calls, openMs, enforced: this.#enforced });
  }
}

function longestOpenMs({ maxOpenMs, openJitter }: ResolvedCircuit): number {
  return maxOpenMs * (1 + openJitter);
}

function shareOf(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole;
}

function admission(generation: number, probe: boolean): Admission {
  return Object.freeze({ admitted: true, probe, generation });
}

function refusal(waitMs: number): Refusal {
  return { admitted: false, retryAfterMs: Math.max(1, Math.ceil(waitMs)) };
}
