import type { CallCounts } from "./call-counts.ts";
import { sliceCount, SliceGrid } from "./trip-window.ts";
import type { WindowHistory, WindowSlice } from "./trip-window.ts";

/** Numbers per slice: calls, failures, slow calls. */
const stride = 3;

/** The calls of the last `windowMs`, give or take a slice at its old end. The slices turn when somebody asks. */
export function openTimeCounts(
  windowMs: number,
  now: number,
  history: WindowHistory | undefined,
): CallCounts {
  return new TimeCounts(windowMs, now, history);
}

class TimeCounts implements CallCounts {
  calls = 0;
  failures = 0;
  slow = 0;
  readonly #sliceMs: number;
  readonly #slices = new Uint32Array(sliceCount * stride);
  /** Where the newest slice stands. */
  #newest = 0;
  #newestEnd: number;

  constructor(windowMs: number, now: number, history: WindowHistory | undefined) {
    this.#sliceMs = windowMs / sliceCount;
    const grid = new SliceGrid(history, this.#sliceMs);
    this.#newestEnd = now - grid.ageMs + this.#sliceMs;
    for (const slice of history?.slices ?? []) {
      const back = grid.back(slice);
      if (back < sliceCount) this.#put(this.#offset(back), slice.calls, slice.failures, slice.slow);
    }
  }

  turn(now: number): void {
    if (now < this.#newestEnd) return;
    const turns = Math.floor((now - this.#newestEnd) / this.#sliceMs) + 1;
    for (let i = Math.min(turns, sliceCount); i > 0; i--) {
      this.#newest = (this.#newest + 1) % sliceCount;
      this.#drop(this.#newest * stride);
    }
    this.#newestEnd += turns * this.#sliceMs;
  }

  add(failed: boolean, slow: boolean): void {
    this.#put(this.#newest * stride, 1, Number(failed), Number(slow));
  }

  slices(now: number): readonly WindowSlice[] {
    const slices: WindowSlice[] = [];
    for (let back = sliceCount - 1; back >= 0; back--) {
      const at = this.#offset(back);
      const calls = this.#slices[at]!;
      if (calls === 0) continue;
      const ageMs = now - this.#newestEnd + this.#sliceMs * (back + 1);
      slices.push({ ageMs, calls, failures: this.#slices[at + 1]!, slow: this.#slices[at + 2]! });
    }
    return slices;
  }

  #offset(back: number): number {
    return ((this.#newest - back + sliceCount) % sliceCount) * stride;
  }

  #put(at: number, calls: number, failures: number, slow: number): void {
    this.#slices[at]! += calls;
    this.#slices[at + 1]! += failures;
    this.#slices[at + 2]! += slow;
    this.calls += calls;
    this.failures += failures;
    this.slow += slow;
  }

  #drop(at: number): void {
    this.calls -= this.#slices[at]!;
    this.failures -= this.#slices[at + 1]!;
    this.slow -= this.#slices[at + 2]!;
    this.#slices.fill(0, at, at + stride);
  }
}
