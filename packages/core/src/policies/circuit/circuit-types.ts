import type { CircuitEngine, CircuitMode, ResolvedCircuit } from "./circuit-policy.ts";
import type { TripCause } from "./trip-window.ts";

/** `closed`: calls pass. `open`: calls are refused. `half_open`: a few calls pass, to try. */
export type CircuitState = "closed" | "open" | "half_open";

/**
 * What a call meant to the circuit. `neutral` says nothing about the service: the caller gave up, or the call was
 * refused locally.
 */
export type CircuitOutcome = "success" | "failure" | "neutral";

/** Leave to call. Hand it back to {@link Circuit.record}, whatever happened. */
export interface Admission {
  readonly admitted: true;
  /** The call helps to decide whether the circuit closes again. */
  readonly probe: boolean;
  /** Counts the changes of state; results of an older generation are ignored. 0 for a call that is not counted. */
  readonly generation: number;
}

/** No leave to call. */
export interface Refusal {
  readonly admitted: false;
  /** Milliseconds after which a call may be let through; 1 or more. */
  readonly retryAfterMs: number;
}

/** Why a circuit opened: what its window tripped on, its probes, or somebody who forced it open. */
export type OpenCause = TripCause | "probe" | "forced";

/** How a circuit opened. */
export interface CircuitOpening {
  readonly cause: OpenCause;
  /** The share of failed calls; 1 for a lone probe that failed. */
  readonly failureRatio: number;
  /** The share of slow calls. */
  readonly slowRatio: number;
  /** The completed calls that were counted; of probes, the decided ones. */
  readonly calls: number;
  /** How long it stays open; `Infinity` when it was forced. */
  readonly openMs: number;
  /** `false` where the circuit only says what it would do. */
  readonly enforced: boolean;
}

/** Told of changes, synchronously. They must not throw. `enforced` is `false` in the mode `metrics-only`. */
export interface CircuitListener {
  readonly onOpen?: (opening: CircuitOpening) => void;
  readonly onHalfOpen?: (enforced: boolean) => void;
  readonly onClose?: (enforced: boolean) => void;
  /** The mode was switched; the state is that after the switch. */
  readonly onMode?: (mode: CircuitMode, state: CircuitState) => void;
}

/** A circuit as a dump shows it. */
export interface CircuitView {
  readonly engine: CircuitEngine;
  readonly mode: CircuitMode;
  /** In the mode `metrics-only`, what it would be. */
  readonly state: CircuitState;
  readonly generation: number;
  /** Completed calls in the window; while not closed, those that made it open. */
  readonly calls: number;
  readonly failures: number;
  readonly slow: number;
  /** 0 when there were no calls. */
  readonly failureRatio: number;
  /** Calls refused so far; in the mode `metrics-only`, those that would have been. */
  readonly refused: number;
  /** Milliseconds until a probe may run; 0 unless open, and 0 while forced open. */
  readonly openForMs: number;
}

/** Tells whether the call took too long for the policy. */
export function isSlow({ slowCallMs }: ResolvedCircuit, durationMs: number): boolean {
  return slowCallMs !== false && durationMs > slowCallMs;
}
