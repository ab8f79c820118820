/** Buckets per doubling: each is 4 % wide. */
const perOctave = 16;
/** What is quicker needs no telling apart. */
const smallestMs = 0.05;
/** From a twentieth of a millisecond to some two minutes. */
const buckets = perOctave * 21;

/** {@link Latencies} as JSON. */
export interface LatencyParts {
  readonly sumMs: number;
  readonly buckets: readonly number[];
}

/** How many calls took how long, in buckets of equal ratio: of bounded size, and recording allocates nothing. */
export class Latencies {
  readonly #counts = new Uint32Array(buckets);
  #sumMs = 0;
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** 0 without any. */
  get meanMs(): number {
    return this.#count === 0 ? 0 : this.#sumMs / this.#count;
  }

  record(ms: number): void {
    this.#counts[bucketOf(ms)]!++;
    this.#sumMs += ms;
    this.#count++;
  }

  add(other: Latencies): void {
    if (other.#count === 0) return;
    for (let i = 0; i < buckets; i++) this.#counts[i]! += other.#counts[i]!;
    this.#sumMs += other.#sumMs;
    this.#count += other.#count;
  }

  /** For another process: bucket and count by turns, of buckets that are not empty. */
  get parts(): LatencyParts {
    const parts: number[] = [];
    for (const [bucket, count] of this.#counts.entries()) if (count > 0) parts.push(bucket, count);
    return { sumMs: this.#sumMs, buckets: parts };
  }

  /** Adds those of another process; what lies beyond the buckets is left out. */
  addParts({ buckets: parts, sumMs }: LatencyParts): void {
    for (let i = 0; i + 1 < parts.length; i += 2) {
      const bucket = parts[i]!;
      if (!(bucket in this.#counts)) continue;
      this.#counts[bucket]! += parts[i + 1]!;
      this.#count += parts[i + 1]!;
    }
    this.#sumMs += sumMs;
  }

  clear(): void {
    if (this.#count === 0) return;
    this.#counts.fill(0);
    this.#sumMs = 0;
    this.#count = 0;
  }

  /** The middle of the bucket that the percentile lies in, in milliseconds, 3 % from it at most; undefined without any. */
  percentile(percent: number): number | undefined {
    if (this.#count === 0) return undefined;
    const rank = Math.max(1, Math.ceil((percent / 100) * this.#count));
    let seen = 0;
    for (let bucket = 0; bucket < buckets; bucket++) {
      seen += this.#counts[bucket]!;
      if (seen >= rank) return smallestMs * 2 ** ((bucket - 0.5) / perOctave);
    }
    return undefined;
  }
}

function bucketOf(ms: number): number {
  if (!(ms > smallestMs)) return 0;
  return Math.min(buckets - 1, Math.ceil(Math.log2(ms / smallestMs) * perOctave));
}
