/** Buckets per doubling: each is 9 % wide. */
const perOctave = 8;
/** The first bucket ends here; what is quicker needs no telling apart. */
const smallestMs = 0.125;
/** From an eighth of a millisecond to some nine minutes. */
const buckets = perOctave * 22;

/**
 * Latencies of the last 20 to 30 seconds in buckets of equal ratio: two full slices of ten seconds, and the one that is being
 * filled. Recording takes constant time and allocates nothing.
 */
export class SlidingHistogram {
  readonly #slices = [new Uint32Array(buckets), new Uint32Array(buckets), new Uint32Array(buckets)];
  readonly #counts = [0, 0, 0];
  readonly #sliceMs: number;
  #current = 0;
  #sliceEnd: number;

  /** @param now monotonic milliseconds */
  constructor(now: number, sliceMs = 10_000) {
    this.#sliceMs = sliceMs;
    this.#sliceEnd = now + sliceMs;
  }

  record(ms: number, now: number): void {
    if (now >= this.#sliceEnd) this.#turn(now);
    this.#slices[this.#current]![bucketOf(ms)]!++;
    this.#counts[this.#current]!++;
  }

  /** How many latencies are in it. */
  count(now: number): number {
    if (now >= this.#sliceEnd) this.#turn(now);
    return this.#counts[0]! + this.#counts[1]! + this.#counts[2]!;
  }

  /** The upper end of the bucket in which the percentile lies, in milliseconds; 0 without any latencies. */
  percentile(percent: number, now: number): number {
    const above = this.count(now) * (1 - percent / 100);
    const [first, second, third] = this.#slices;
    let seen = 0;
    // From above: high percentiles are what is asked for.
    for (let bucket = buckets - 1; bucket >= 0; bucket--) {
      seen += first![bucket]! + second![bucket]! + third![bucket]!;
      if (seen > above) return smallestMs * 2 ** (bucket / perOctave);
    }
    return 0;
  }

  #turn(now: number): void {
    const turns = Math.floor((now - this.#sliceEnd) / this.#sliceMs) + 1;
    for (let i = Math.min(turns, 3); i > 0; i--) {
      this.#current = (this.#current + 1) % 3;
      this.#slices[this.#current]!.fill(0);
      this.#counts[this.#current] = 0;
    }
    this.#sliceEnd += turns * this.#sliceMs;
  }
}

function bucketOf(ms: number): number {
  if (ms <= smallestMs) return 0;
  return Math.min(buckets - 1, Math.ceil(Math.log2(ms / smallestMs) * perOctave));
}
