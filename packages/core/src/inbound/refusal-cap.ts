const SLICES = 10;
const SLICE_MS = 1_000;
/** What may be refused in any window whatever the ratio, so that services with little traffic can refuse at all. */
const FREE = 10;

/**
 * Keeps what is refused to a share of what came, over a sliding 10 seconds (Finagle's deadline filter, which caps its
 * rejections for the same reason: a clock or a caller that is wrong).
 */
export class RefusalCap {
  readonly #ratio: number;
  readonly #seen = new Float64Array(SLICES);
  readonly #refused = new Float64Array(SLICES);
  #slice = -1;
  #seenInAll = 0;
  #refusedInAll = 0;

  /** @param ratio 0 to 1; with 1 everything may be refused */
  constructor(ratio: number) {
    this.#ratio = ratio;
  }

  /** A request came, whatever becomes of it. */
  came(now: number): void {
    this.#turn(now);
    this.#seen[this.#slice % SLICES]! += 1;
    this.#seenInAll++;
  }

  /** Whether one more may be refused; it counts as refused if so. */
  allows(now: number): boolean {
    this.#turn(now);
    if (this.#ratio < 1 && this.#refusedInAll + 1 > FREE + this.#ratio * this.#seenInAll) return false;
    this.#refused[this.#slice % SLICES]! += 1;
    this.#refusedInAll++;
    return true;
  }

  /** Empties the slices that have become too old. */
  #turn(now: number): void {
    const slice = Math.floor(now / SLICE_MS);
    if (slice <= this.#slice) return;
    const from = Math.max(this.#slice + 1, slice - SLICES + 1);
    for (let i = from; i <= slice; i++) {
      const at = i % SLICES;
      this.#seenInAll -= this.#seen[at]!;
      this.#refusedInAll -= this.#refused[at]!;
      this.#seen[at] = this.#refused[at] = 0;
    }
    this.#slice = slice;
  }
}
