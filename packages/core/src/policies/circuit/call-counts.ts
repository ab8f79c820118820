import type { WindowCounts, WindowSlice } from "./trip-window.ts";

/** Completed calls, of which old ones are forgotten. All of it takes constant time per call and allocates nothing. */
export interface CallCounts extends WindowCounts {
  /** Forgets what is too old. */
  turn(now: number): void;
  /** Counts a call of now; `turn` comes first. */
  add(failed: boolean, slow: boolean): void;
  /** What is counted, oldest first; `turn` comes first. */
  slices(now: number): readonly WindowSlice[];
}
