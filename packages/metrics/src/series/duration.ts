import type { Attributes } from "@opentelemetry/api";
import type { Clock, MeshEventOf } from "@proxyless/core";

import type { Series } from "./series-set.ts";

type Trace = MeshEventOf<"call.completed">["trace"];

/** Where durations of the same attributes go. */
export interface Duration extends Series {
  /** @param trace what it was measured of, for exemplars */
  record(seconds: number, trace: Trace): void;
}

/** A measurement that a trace can be found of. */
export interface Exemplar {
  readonly seconds: number;
  readonly traceId: string;
  readonly spanId: string;
  /** Milliseconds since the Unix epoch. */
  readonly at: number;
}

/** Counts in buckets with fixed upper bounds, which belong to their buckets. */
export class ExplicitDuration implements Duration {
  readonly attributes: Attributes;
  readonly startedAt: number;
  readonly boundaries: readonly number[];
  /** One more than boundaries. */
  readonly counts: Float64Array;
  count = 0;
  sum = 0;
  min: number = Infinity;
  max: number = -Infinity;
  /** By bucket: the last one of it. Only of traces that are kept, for others would lead nowhere. */
  exemplars: (Exemplar | undefined)[] | undefined;
  readonly #clock: Clock;

  constructor(attributes: Attributes, boundaries: readonly number[], clock: Clock) {
    this.attributes = attributes;
    this.startedAt = clock.wallNow();
    this.boundaries = boundaries;
    this.counts = new Float64Array(boundaries.length + 1);
    this.#clock = clock;
  }

  record(seconds: number, trace: Trace): void {
    const { boundaries } = this;
    let bucket = 0;
    while (bucket < boundaries.length && seconds > boundaries[bucket]!) bucket++;
    this.counts[bucket]!++;
    this.count++;
    this.sum += seconds;
    if (seconds < this.min) this.min = seconds;
    if (seconds > this.max) this.max = seconds;
    if (trace?.isSampled !== true) return;
    const { spanId, traceId } = trace;
    this.exemplars ??= Array.from(this.counts, () => undefined);
    this.exemplars[bucket] = { seconds, traceId, spanId, at: this.#clock.wallNow() };
  }
}
