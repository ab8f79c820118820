import type { Attributes } from "@opentelemetry/api";

import type { Exemplar } from "../series/duration.ts";
import { coarsened, maxBuckets, maxScale, minScale } from "../series/exponential-duration.ts";
import type { ExplicitPoint, ExponentialPoint, NumberPoint } from "./report.ts";

/** One series of all workers: it grows by what each of them grew, so that it stays when a worker goes. */
abstract class Total<P extends NumberPoint | ExplicitPoint | ExponentialPoint> {
  readonly attributes: Attributes;
  readonly startedAt: number;

  constructor(attributes: Attributes, startedAt: number) {
    this.attributes = attributes;
    this.startedAt = startedAt;
  }

  /** @param before what the same worker said last; where it has begun anew since, all of `now` is new */
  grow(before: P | undefined, now: P): void {
    this.add(now, before?.startedAt === now.startedAt && this.isGrown(before, now) ? before : undefined);
  }

  protected abstract isGrown(before: P, now: P): boolean;
  protected abstract add(now: P, before: P | undefined): void;
}

/** Of a counter. */
export class NumberTotal extends Total<NumberPoint> {
  value = 0;

  protected isGrown(before: NumberPoint, now: NumberPoint): boolean {
    return now.value >= before.value;
  }

  protected add(now: NumberPoint, before: NumberPoint | undefined): void {
    this.value += Math.max(0, now.value - (before?.value ?? 0));
  }
}

/** Of durations with fixed bounds. */
export class ExplicitTotal extends Total<ExplicitPoint> {
  readonly boundaries: readonly number[];
  readonly counts: number[];
  exemplars: (Exemplar | undefined)[] | undefined;
  count = 0;
  sum = 0;
  min: number = Infinity;
  max: number = -Infinity;

  constructor(attributes: Attributes, startedAt: number, boundaries: readonly number[]) {
    super(attributes, startedAt);
    this.boundaries = boundaries;
    this.counts = Array.from({ length: boundaries.length + 1 }, () => 0);
  }

  /** Others cannot be told apart in these buckets. */
  fits({ boundaries }: ExplicitPoint): boolean {
    return (
      boundaries.length === this.boundaries.length &&
      boundaries.every((bound, i) => bound === this.boundaries[i])
    );
  }

  protected isGrown(before: ExplicitPoint, now: ExplicitPoint): boolean {
    return now.counts.every((count, i) => count >= before.counts[i]!);
  }

  protected add(now: ExplicitPoint, before: ExplicitPoint | undefined): void {
    addDuration(this, now, before);
    for (const [i, count] of now.counts.entries()) this.counts[i]! += count - (before?.counts[i] ?? 0);
    for (const [i, exemplar] of (now.exemplars ?? []).entries()) {
      if (exemplar === null || exemplar.at < (this.exemplars?.[i]?.at ?? -Infinity)) continue;
      this.exemplars ??= Array.from(this.counts, () => undefined);
      this.exemplars[i] = exemplar;
    }
  }
}

/** Of durations in buckets that are fine everywhere: as fine as those of the coarsest worker. */
export class ExponentialTotal extends Total<ExponentialPoint> {
  scale: number = maxScale;
  offset = 0;
  counts: number[] = [];
  zeroCount = 0;
  count = 0;
  sum = 0;
  min: number = Infinity;
  max: number = -Infinity;

  protected isGrown(before: ExponentialPoint, now: ExponentialPoint): boolean {
    if (now.scale > before.scale || now.count < before.count || now.zeroCount < before.zeroCount)
      return false;
    const earlier = scaledTo(now.scale, before);
    return earlier.counts.every((count, i) => (now.counts[earlier.offset + i - now.offset] ?? 0) >= count);
  }

  protected add(now: ExponentialPoint, before: ExponentialPoint | undefined): void {
    addDuration(this, now, before);
    this.zeroCount += now.zeroCount - (before?.zeroCount ?? 0);
    this.#coarsenTo(Math.min(this.scale, now.scale));
    while (this.scale > minScale && this.#width(scaledTo(this.scale, now)) > maxBuckets) {
      this.#coarsenTo(this.scale - 1);
    }
    this.#addBuckets(scaledTo(this.scale, now), 1);
    if (before !== undefined) this.#addBuckets(scaledTo(this.scale, before), -1);
  }

  #coarsenTo(scale: number): void {
    const { counts, offset } = scaledTo(scale, this);
    Object.assign(this, { counts, offset, scale });
  }

  /** How many buckets there would be with these. */
  #width({ counts, offset }: Scaled): number {
    if (counts.length === 0 || this.counts.length === 0) return counts.length + this.counts.length;
    const end = Math.max(offset + counts.length, this.offset + this.counts.length);
    return end - Math.min(offset, this.offset);
  }

  #addBuckets({ counts, offset }: Scaled, sign: 1 | -1): void {
    if (counts.length === 0) return;
    if (this.counts.length === 0) this.offset = offset;
    const missing = Math.max(0, this.offset - offset);
    if (missing > 0) this.counts = [...Array.from({ length: missing }, () => 0), ...this.counts];
    this.offset -= missing;
    while (this.counts.length < offset + counts.length - this.offset) this.counts.push(0);
    for (const [i, count] of counts.entries()) this.counts[offset + i - this.offset]! += sign * count;
  }
}

interface Scaled {
  readonly offset: number;
  readonly counts: number[];
}

/** @param scale that of the buckets, or less */
function scaledTo(scale: number, buckets: Pick<ExponentialPoint, "counts" | "offset" | "scale">): Scaled {
  let scaled: Scaled = { offset: buckets.offset, counts: [...buckets.counts] };
  for (let own = buckets.scale; own > scale; own--) scaled = coarsened(scaled);
  return scaled;
}

type Duration = Pick<ExplicitPoint, "count" | "sum" | "min" | "max">;

function addDuration(
  total: { -readonly [K in keyof Duration]: number },
  now: Duration,
  before: Duration | undefined,
): void {
  if (now.count === 0) return;
  total.count += now.count - (before?.count ?? 0);
  total.sum += Math.max(0, now.sum - (before?.sum ?? 0));
  total.min = Math.min(total.min, now.min);
  total.max = Math.max(total.max, now.max);
}
