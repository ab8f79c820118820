import { EventEmitter } from "node:events";

import CircuitBreaker from "opossum";

import type { ResolvedCircuit } from "./circuit-policy.ts";
import { percentEpsilon, sliceCount, SliceGrid } from "./trip-window.ts";
import type { TripCause, TripWindow, WindowCounts, WindowHistory, WindowSlice } from "./trip-window.ts";

/** opossum notes a latency per fired call even with percentiles off; without a limit they pile up for a whole window. */
const maxLatencies = 100;

const failure = new Error("the call failed");
const settled = Promise.resolve();

/** Throwing at once makes opossum decide before `fire` returns, and leaves nothing that could stay unsettled. */
function fail(): Promise<void> {
  throw failure;
}

/**
 * A {@link TripWindow} whose buckets and whose decision to trip are opossum's. Only completed calls are counted,
 * the buckets turn when our own clock says so, and a tripped breaker is shut down on the spot: opossum neither
 * admits, times out, half-opens nor keeps a timer. It knows nothing of slow calls.
 */
export function openOpossumWindow(policy: ResolvedCircuit, now: number, history?: WindowHistory): TripWindow {
  return new OpossumWindow(policy, now, history);
}

class OpossumWindow implements TripWindow {
  readonly #breaker: CircuitBreaker<[], void>;
  readonly #rotation = new EventEmitter();
  readonly #bucketMs: number;
  #bucket: CircuitBreaker.Bucket | undefined;
  #bucketEnd: number;

  constructor(
    { failureRatio, minCalls, windowMs = 0 }: ResolvedCircuit,
    now: number,
    history?: WindowHistory,
  ) {
    this.#bucketMs = windowMs / sliceCount;
    this.#breaker = new CircuitBreaker(fail, {
      name: "proxyless",
      timeout: false,
      // opossum trips above its threshold, our rule is at or above.
      errorThresholdPercentage: Number(failureRatio) * 100 - percentEpsilon,
      volumeThreshold: minCalls,
      rollingCountTimeout: windowMs,
      rollingCountBuckets: sliceCount,
      rollingPercentilesEnabled: false,
      enableSnapshots: false,
      rotateBucketController: this.#rotation,
    });
    // A fallback resolves what would be a rejection, which Node would track at several times the cost.
    this.#breaker.fallback(() => settled);
    this.#bucket = this.#breaker.status.window[0];
    const grid = new SliceGrid(history, this.#bucketMs);
    this.#bucketEnd = now - grid.ageMs + this.#bucketMs;
    for (const slice of history?.slices ?? []) {
      const bucket = this.#breaker.status.window[grid.back(slice)];
      if (bucket === undefined) continue;
      bucket.fires += slice.calls;
      bucket.failures += slice.failures;
      bucket.successes += slice.calls - slice.failures;
    }
  }

  record(failed: boolean, _slow: boolean, now: number): TripCause | undefined {
    if (this.#breaker.isShutdown) return undefined;
    if (now >= this.#bucketEnd) this.#rotate(now);
    const bucket = this.#bucket!;
    if (!failed) {
      // opossum decides on failures only, so a success need not pay for the four promises of a `fire`.
      bucket.fires++;
      bucket.successes++;
      return undefined;
    }
    void this.#breaker.fire();
    if (bucket.latencyTimes.length > maxLatencies) bucket.latencyTimes.length = 0;
    if (!this.#breaker.opened) return undefined;
    this.#breaker.shutdown();
    return "failures";
  }

  counts(now: number): WindowCounts {
    if (now >= this.#bucketEnd && !this.#breaker.isShutdown) this.#rotate(now);
    const { fires, failures } = this.#breaker.stats;
    return { calls: fires, failures, slow: 0 };
  }

  history(now: number): WindowHistory {
    if (now >= this.#bucketEnd) this.#rotate(now);
    const slices: WindowSlice[] = [];
    for (const [back, bucket] of this.#breaker.status.window.entries()) {
      if (bucket.fires === 0) continue;
      const ageMs = now - this.#bucketEnd + this.#bucketMs * (back + 1);
      slices.unshift({ ageMs, calls: bucket.fires, failures: bucket.failures, slow: 0 });
    }
    return { slices, consecutiveFailures: 0 };
  }

  #rotate(now: number): void {
    const turns = Math.floor((now - this.#bucketEnd) / this.#bucketMs) + 1;
    for (let i = Math.min(turns, sliceCount); i > 0; i--) this.#rotation.emit("rotate");
    this.#bucketEnd += turns * this.#bucketMs;
    this.#bucket = this.#breaker.status.window[0];
  }
}
