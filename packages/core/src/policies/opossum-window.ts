import { EventEmitter } from "node:events";

import CircuitBreaker from "opossum";

import type { TripRule, TripWindow, WindowCounts } from "./trip-window.ts";

const buckets = 10;

/** opossum notes a latency per fired call even with percentiles off; without a limit they pile up for a whole window. */
const maxLatencies = 100;

/** opossum trips above its threshold, our rule is at or above; one failure among ten million calls is ten times this. */
const percentEpsilon = 1e-6;

const failure = new Error("the call failed");
const settled = Promise.resolve();

/** Throwing at once makes opossum decide before `fire` returns, and leaves nothing that could stay unsettled. */
function fail(): Promise<void> {
  throw failure;
}

/**
 * A {@link TripWindow} whose buckets and whose decision to trip are opossum's. Only completed calls are counted,
 * the buckets turn when our own clock says so, and a tripped breaker is shut down on the spot: opossum neither
 * admits, times out, half-opens nor keeps a timer.
 */
export function openOpossumWindow(rule: TripRule, now: number): TripWindow {
  return new OpossumWindow(rule, now);
}

class OpossumWindow implements TripWindow {
  readonly #breaker: CircuitBreaker<[], void>;
  readonly #rotation = new EventEmitter();
  readonly #bucketMs: number;
  #bucket: CircuitBreaker.Bucket | undefined;
  #bucketEnd: number;

  constructor(rule: TripRule, now: number) {
    this.#bucketMs = rule.windowMs / buckets;
    this.#bucketEnd = now + this.#bucketMs;
    this.#breaker = new CircuitBreaker(fail, {
      name: "proxyless",
      timeout: false,
      errorThresholdPercentage: rule.failureRatio * 100 - percentEpsilon,
      volumeThreshold: rule.minCalls,
      rollingCountTimeout: rule.windowMs,
      rollingCountBuckets: buckets,
      rollingPercentilesEnabled: false,
      enableSnapshots: false,
      rotateBucketController: this.#rotation,
    });
    // A fallback resolves what would be a rejection, which Node would track at several times the cost.
    this.#breaker.fallback(() => settled);
    this.#bucket = this.#breaker.status.window[0];
  }

  record(failed: boolean, now: number): boolean {
    if (this.#breaker.isShutdown) return false;
    if (now >= this.#bucketEnd) this.#rotate(now);
    const bucket = this.#bucket!;
    if (!failed) {
      // opossum decides on failures only, so a success need not pay for the four promises of a `fire`.
      bucket.fires++;
      bucket.successes++;
      return false;
    }
    void this.#breaker.fire();
    if (bucket.latencyTimes.length > maxLatencies) bucket.latencyTimes.length = 0;
    if (!this.#breaker.opened) return false;
    this.#breaker.shutdown();
    return true;
  }

  counts(now: number): WindowCounts {
    if (now >= this.#bucketEnd && !this.#breaker.isShutdown) this.#rotate(now);
    const { fires, failures } = this.#breaker.stats;
    return { calls: fires, failures };
  }

  #rotate(now: number): void {
    const turns = Math.floor((now - this.#bucketEnd) / this.#bucketMs) + 1;
    for (let i = Math.min(turns, buckets); i > 0; i--) this.#rotation.emit("rotate");
    this.#bucketEnd += turns * this.#bucketMs;
    this.#bucket = this.#breaker.status.window[0];
  }
}
