import type { Random } from "../random.ts";
import type { ResolvedCircuit } from "./policy.ts";
import type { OpenWindow, TripWindow } from "./trip-window.ts";

/** `closed`: calls pass. `open`: calls are refused. `half_open`: one call at a time passes, to try. */
export type CircuitState = "closed" | "open" | "half_open";

/**
 * What a call meant to the circuit. `neutral` says nothing about the service: the caller gave up, or the call was
 * refused locally.
 */
export type CircuitOutcome = "success" | "failure" | "neutral";

/** Leave to call. Hand it back to {@link Circuit.record}, whatever happened. */
export interface Admission {
  readonly admitted: true;
  /** The call decides whether the circuit closes again. */
  readonly probe: boolean;
  /** Counts the changes of state; results of an older generation are ignored. */
  readonly generation: number;
}

/** No leave to call. */
export interface Refusal {
  readonly admitted: false;
  /** Milliseconds after which a call may be let through; 1 or more. */
  readonly retryAfterMs: number;
}

/** Why a circuit opened. */
export interface CircuitOpening {
  /** The share of failed calls; 1 for a failed probe. */
  readonly failureRatio: number;
  /** The completed calls that were counted; 1 for a failed probe. */
  readonly calls: number;
  /** How long it stays open. */
  readonly openMs: number;
}

/** Told of changes of state, synchronously. They must not throw. */
export interface CircuitListener {
  readonly onOpen?: (opening: CircuitOpening) => void;
  readonly onHalfOpen?: () => void;
  readonly onClose?: () => void;
}

/** A circuit as a dump shows it. */
export interface CircuitView {
  readonly state: CircuitState;
  readonly generation: number;
  /** Completed calls in the window; while not closed, those that made it open. */
  readonly calls: number;
  readonly failures: number;
  /** 0 when there were no calls. */
  readonly failureRatio: number;
  /** Milliseconds until a probe may run; 0 unless open. */
  readonly openForMs: number;
}

/** What a circuit is made of. */
export interface CircuitOptions extends CircuitListener {
  readonly policy: ResolvedCircuit;
  readonly random: Random;
  /** Makes the window that counts while the circuit is closed. */
  readonly openWindow: OpenWindow;
  /** Monotonic milliseconds. */
  readonly now: number;
}

/** A refusal while a probe runs does not ask the caller to wait for the probe's whole timeout. */
const maxProbeWaitMs = 1_000;
const maxOpenFactor = 10;
const openJitter = 0.2;

/**
 * The circuit breaker of a service or a route. Calls ask for admission and report when they are complete; which
 * results count and when to try again is decided here, when there are too many failures by the window.
 *
 * Half-open follows these rules: a probe is a lease with an end, and a lease that runs out is a failed probe; there
 * is one lease at a time; only the admission that holds the lease decides; a neutral result gives the lease back.
 * Time is only ever read when somebody asks, so there is no timer, and an unused circuit costs nothing.
 */
export class Circuit {
  readonly #policy: ResolvedCircuit;
  readonly #random: Random;
  readonly #openWindow: OpenWindow;
  readonly #listener: CircuitListener;
  #state: CircuitState = "closed";
  #generation = 1;
  #window: TripWindow;
  /** Shared by every call of a closed generation, so that admitting one allocates nothing. */
  #closedAdmission: Admission;
  #closedSince: number;
  #lease: Admission | undefined;
  #leaseEnd = 0;
  #openUntil = 0;
  /** How often it opened without staying closed for a window in between. */
  #openings = 0;

  constructor(options: CircuitOptions) {
    this.#policy = options.policy;
    this.#random = options.random;
    this.#openWindow = options.openWindow;
    this.#listener = options;
    this.#window = options.openWindow(options.policy, options.now);
    this.#closedAdmission = admission(this.#generation, false);
    this.#closedSince = options.now;
  }

  get state(): CircuitState {
    return this.#state;
  }

  /** Asks to make a call. `now` is monotonic milliseconds. */
  admit(now: number): Admission | Refusal {
    if (this.#state === "closed") return this.#closedAdmission;
    this.#expireLease(now);
    if (this.#state === "open") {
      if (now < this.#openUntil) return refusal(this.#openUntil - now);
      this.#enter("half_open");
      this.#listener.onHalfOpen?.();
    }
    if (this.#lease !== undefined) return refusal(Math.min(this.#leaseEnd - now, maxProbeWaitMs));
    this.#lease = admission(this.#generation, true);
    this.#leaseEnd = now + this.#policy.probeTimeoutMs;
    return this.#lease;
  }

  /** Reports a completed call. Results that come too late to mean anything are ignored. */
  record(admitted: Admission, outcome: CircuitOutcome, now: number): void {
    if (this.#state === "closed") {
      if (admitted !== this.#closedAdmission || outcome === "neutral") return;
      if (this.#window.record(outcome === "failure", now)) this.#trip(now);
      return;
    }
    this.#expireLease(now);
    if (admitted !== this.#lease) return;
    this.#lease = undefined;
    if (outcome === "success") this.#close(now);
    else if (outcome === "failure") this.#open(1, 1, now);
  }

  /** A plain dump. Looking changes nothing. */
  inspect(now: number): CircuitView {
    const { calls, failures } = this.#window.counts(now);
    return {
      state: this.#state,
      generation: this.#generation,
      calls,
      failures,
      failureRatio: calls === 0 ? 0 : failures / calls,
      openForMs: this.#state === "open" ? Math.max(0, this.#openUntil - now) : 0,
    };
  }

  /** The circuit opens as of the lease's end, not of now: nobody may have asked for a long time. */
  #expireLease(now: number): void {
    if (this.#lease !== undefined && now >= this.#leaseEnd) this.#open(1, 1, this.#leaseEnd);
  }

  #trip(now: number): void {
    const { calls, failures } = this.#window.counts(now);
    if (now - this.#closedSince >= this.#policy.windowMs) this.#openings = 0;
    this.#open(failures / calls, calls, now);
  }

  #open(failureRatio: number, calls: number, since: number): void {
    const factor = Math.min(2 ** this.#openings, maxOpenFactor);
    const openMs = this.#policy.openMs * factor * (1 + openJitter * this.#random());
    this.#openings++;
    this.#openUntil = since + openMs;
    this.#enter("open");
    this.#listener.onOpen?.({ failureRatio, calls, openMs });
  }

  #close(now: number): void {
    this.#enter("closed");
    this.#window = this.#openWindow(this.#policy, now);
    this.#closedAdmission = admission(this.#generation, false);
    this.#closedSince = now;
    this.#listener.onClose?.();
  }

  #enter(state: CircuitState): void {
    this.#state = state;
    this.#generation++;
    this.#lease = undefined;
  }
}

function admission(generation: number, probe: boolean): Admission {
  return Object.freeze({ admitted: true, probe, generation });
}

function refusal(waitMs: number): Refusal {
  return { admitted: false, retryAfterMs: Math.max(1, Math.ceil(waitMs)) };
}
