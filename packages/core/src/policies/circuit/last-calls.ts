import type { CallCounts } from "./call-counts.ts";
import type { WindowHistory, WindowSlice } from "./trip-window.ts";

const FAILED = 1;
const SLOW = 2;

/** The last `length` calls, however old, a byte each. */
export function openLastCalls(length: number, _now: number, history: WindowHistory | undefined): CallCounts {
  return new LastCalls(length, history);
}

class LastCalls implements CallCounts {
  calls = 0;
  failures = 0;
  slow = 0;
  readonly #ring: Uint8Array;
  #next = 0;

  constructor(length: number, history: WindowHistory | undefined) {
    this.#ring = new Uint8Array(length);
    for (const { calls, failures, slow } of history?.slices ?? []) {
      // Only the last calls can stay; which of a slice were the failures, nobody knows.
      for (let i = Math.max(0, calls - length); i < calls; i++)
        this.add(i >= calls - failures, i >= calls - slow);
    }
  }

  turn(): void {
    // Only a call makes a call old.
  }

  add(failed: boolean, slow: boolean): void {
    const ring = this.#ring;
    if (this.calls === ring.length) this.#forget(ring[this.#next]!);
    ring[this.#next] = (failed ? FAILED : 0) | (slow ? SLOW : 0);
    this.#next = this.#next + 1 === ring.length ? 0 : this.#next + 1;
    this.calls++;
    if (failed) this.failures++;
    if (slow) this.slow++;
  }

  /** Calls that ended the same way one after another make one slice, so that nothing of the order is lost. */
  slices(): readonly WindowSlice[] {
    const slices: WindowSlice[] = [];
    const ring = this.#ring;
    let run = 0;
    for (let i = 0; i < this.calls; i++) {
      const at = (this.#next - this.calls + i + ring.length) % ring.length;
      run++;
      const how = ring[at]!;
      if (i + 1 < this.calls && ring[(at + 1) % ring.length] === how) continue;
      const isFailed = (how & FAILED) !== 0;
      const isSlow = (how & SLOW) !== 0;
      slices.push({ ageMs: 0, calls: run, failures: isFailed ? run : 0, slow: isSlow ? run : 0 });
      run = 0;
    }
    return slices;
  }

  #forget(how: number): void {
    this.calls--;
    if ((how & FAILED) !== 0) this.failures--;
    if ((how & SLOW) !== 0) this.slow--;
  }
}
