import type { ResolvedCircuit } from "./circuit-policy.ts";

/** How many calls a window has seen complete, how many of them failed, and how many were slow. */
export interface WindowCounts {
  readonly calls: number;
  readonly failures: number;
  readonly slow: number;
}

/** Calls that completed at about the same time. Of them, `failures` failed and `slow` were slow; some may be both. */
export interface WindowSlice extends WindowCounts {
  /** How long ago the slice began; 0 in a window of calls, where age does not matter. */
  readonly ageMs: number;
}

/** What a window has seen, as another may take it over. */
export interface WindowHistory {
  /** Oldest first. */
  readonly slices: readonly WindowSlice[];
  /** Failures without a success since; 0 from a window that does not look at it. */
  readonly consecutiveFailures: number;
}

/** What made a window trip: the share of failures, the share of slow calls, or failures in a row. */
export type TripCause = "failures" | "slow" | "consecutive";

/**
 * Counts completed calls while a circuit is closed and says when to open it. A circuit takes a new one each time it
 * closes. `now` is monotonic milliseconds.
 */
export interface TripWindow {
  /** Counts one completed call; what makes it trip, if it does. A fast success never does; it trips only once. */
  record(failed: boolean, slow: boolean, now: number): TripCause | undefined;
  /** What stands in the window; after it tripped, what stood in it then. */
  counts(now: number): WindowCounts;
  history(now: number): WindowHistory;
}

/** Starts a window, with what another one has seen or empty. */
export type OpenWindow = (policy: ResolvedCircuit, now: number, history?: WindowHistory) => TripWindow;

/** Slices of a window of time: it forgets a tenth at a time. */
export const sliceCount = 10;

/** One failure among ten million calls is ten times this. */
export const percentEpsilon = 1e-6;

/**
 * Where the slices of another window belong in one that has `sliceCount` slices of `sliceMs`: its slices begin when the
 * other's did, so that a window taken over as it is stays as it is.
 */
export class SliceGrid {
  readonly #sliceMs: number;
  /** How long ago the newest slice began. */
  readonly ageMs: number;

  constructor(history: WindowHistory | undefined, sliceMs: number) {
    this.#sliceMs = sliceMs;
    this.ageMs = (history?.slices.at(-1)?.ageMs ?? 0) % sliceMs;
  }

  /** How many slices before the newest one; `sliceCount` or more when it is too old. */
  back({ ageMs }: WindowSlice): number {
    return Math.max(0, Math.ceil((ageMs - this.ageMs) / this.#sliceMs - 1e-6));
  }
}
