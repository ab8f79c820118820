import type { CallCounts } from "./call-counts.ts";
import type { ResolvedCircuit } from "./circuit-policy.ts";
import { openLastCalls } from "./last-calls.ts";
import { openTimeCounts } from "./time-counts.ts";
import { percentEpsilon } from "./trip-window.ts";
import type { TripCause, TripWindow, WindowCounts, WindowHistory } from "./trip-window.ts";

/** A {@link TripWindow} of our own: over time or over calls, by failures, slow calls or failures in a row. */
export function openNativeWindow(policy: ResolvedCircuit, now: number, history?: WindowHistory): TripWindow {
  return new NativeWindow(policy, now, history);
}

class NativeWindow implements TripWindow {
  readonly #counts: CallCounts;
  readonly #minCalls: number;
  readonly #failurePercent: number;
  readonly #slowPercent: number;
  readonly #mostFailures: number;
  #run: number;
  #isTripped = false;

  constructor(policy: ResolvedCircuit, now: number, history: WindowHistory | undefined) {
    const { consecutiveFailures, failureRatio, minCalls, slowCallMs, slowCallRatio, windowCalls } = policy;
    this.#counts =
      windowCalls === undefined
        ? openTimeCounts(policy.windowMs ?? 0, now, history)
        : openLastCalls(windowCalls, now, history);
    this.#minCalls = minCalls;
    this.#failurePercent = failureRatio === false ? Infinity : failureRatio * 100 - percentEpsilon;
    this.#slowPercent = slowCallMs === false ? Infinity : slowCallRatio * 100 - percentEpsilon;
    this.#mostFailures = consecutiveFailures === false ? Infinity : consecutiveFailures;
    this.#run = history?.consecutiveFailures ?? 0;
  }

  record(failed: boolean, slow: boolean, now: number): TripCause | undefined {
    if (this.#isTripped) return undefined;
    const counts = this.#counts;
    counts.turn(now);
    counts.add(failed, slow);
    this.#run = failed ? this.#run + 1 : 0;
    if (!failed && !slow) return undefined;
    const cause = this.#causeOf(failed, slow, counts);
    this.#isTripped = cause !== undefined;
    return cause;
  }

  counts(now: number): WindowCounts {
    const counts = this.#counts;
    if (!this.#isTripped) counts.turn(now);
    return { calls: counts.calls, failures: counts.failures, slow: counts.slow };
  }

  history(now: number): WindowHistory {
    this.#counts.turn(now);
    return { slices: this.#counts.slices(now), consecutiveFailures: this.#run };
  }

  #causeOf(
    failed: boolean,
    slow: boolean,
    { calls, failures, slow: slowCalls }: CallCounts,
  ): TripCause | undefined {
    if (failed && this.#run >= this.#mostFailures) return "consecutive";
    if (calls < this.#minCalls) return undefined;
    if (failed && (failures / calls) * 100 > this.#failurePercent) return "failures";
    return slow && (slowCalls / calls) * 100 > this.#slowPercent ? "slow" : undefined;
  }
}
