import type { Attributes } from "@opentelemetry/api";
import type { Clock } from "@proxyless/core";

import type { Duration } from "./duration.ts";

/** As many as OpenTelemetry's SDKs keep. */
export const maxBuckets = 160;
/** The finest there is: 2^(1/2^20) per bucket. */
export const maxScale = 20;
export const minScale = -10;

/**
 * OpenTelemetry's exponential histogram: bucket `i` holds what is above base^i and at most base^(i+1), base = 2^(2^-scale). It begins as fine as
 * can be, and each time the range of what was measured needs more buckets than there are, two and two become one.
 */
export class ExponentialDuration implements Duration {
  readonly attributes: Attributes;
  readonly startedAt: number;
  scale: number = maxScale;
  count = 0;
  sum = 0;
  /** Of 0, which no bucket holds. */
  zeroCount = 0;
  min: number = Infinity;
  max: number = -Infinity;
  /** The index of the first bucket. */
  offset = 0;
  /** From `offset` on; the last one is not empty. */
  counts: number[] = [];

  constructor(attributes: Attributes, clock: Clock) {
    this.attributes = attributes;
    this.startedAt = clock.wallNow();
  }

  record(seconds: number): void {
    this.count++;
    this.sum += seconds;
    if (seconds < this.min) this.min = seconds;
    if (seconds > this.max) this.max = seconds;
    if (!(seconds > 0)) {
      this.zeroCount++;
      return;
    }
    let index = this.#indexOf(seconds);
    while (this.scale > minScale && this.#width(index) > maxBuckets) {
      this.#coarsen();
      index = this.#indexOf(seconds);
    }
    this.#add(index);
  }

  #indexOf(seconds: number): number {
    return Math.ceil(Math.log2(seconds) * 2 ** this.scale) - 1;
  }

  /** How many buckets there would be with another one at `index`. */
  #width(index: number): number {
    if (this.counts.length === 0) return 1;
    const last = this.offset + this.counts.length - 1;
    return Math.max(last, index) - Math.min(this.offset, index) + 1;
  }

  #add(index: number): void {
    if (this.counts.length === 0) this.offset = index;
    if (index < this.offset) {
      const before = Array.from({ length: this.offset - index }, () => 0);
      this.counts = [...before, ...this.counts];
      this.offset = index;
    }
    while (this.counts.length <= index - this.offset) this.counts.push(0);
    this.counts[index - this.offset]!++;
  }

  #coarsen(): void {
    const { counts, offset } = coarsened(this);
    this.counts = counts;
    this.offset = offset;
    this.scale--;
  }
}

/** Neighbouring buckets, from `offset` on. */
export interface Buckets {
  readonly offset: number;
  readonly counts: readonly number[];
}

/** The same in buckets of which each holds two of these: one scale less. */
export function coarsened({ counts, offset }: Buckets): { offset: number; counts: number[] } {
  const first = offset >> 1;
  const coarser: number[] = [];
  for (const [i, count] of counts.entries()) {
    const at = ((offset + i) >> 1) - first;
    coarser[at] = (coarser[at] ?? 0) + count;
  }
  return { offset: first, counts: coarser };
}
