/** How many calls a window has seen complete, and how many of them failed. */
export interface WindowCounts {
  readonly calls: number;
  readonly failures: number;
}

/** When a window trips. */
export interface TripRule {
  /** Trips at or above this share of failed calls. */
  readonly failureRatio: number;
  readonly windowMs: number;
  /** Never trips on fewer calls. */
  readonly minCalls: number;
}

/**
 * Counts the completed calls of the last `windowMs` and says when there are too many failures among them.
 * A circuit takes a new one each time it closes. `now` is monotonic milliseconds.
 */
export interface TripWindow {
  /** Counts one completed call; `true` when it trips. A window trips only on a failure, and only once. */
  record(failed: boolean, now: number): boolean;
  /** What stands in the window; after it tripped, what stood in it then. */
  counts(now: number): WindowCounts;
}

/** Starts an empty window. */
export type OpenWindow = (rule: TripRule, now: number) => TripWindow;
