/** The odd number closest to 2^32 divided by the golden ratio: its multiples fall far from each other. */
const GOLDEN = 0x9e3779b9;

/**
 * The `turn`-th of the 32-bit numbers that follow from a 64-bit hash: as good as random, and no two turns of one hash are alike.
 * MurmurHash3's finalizer (Austin Appleby), once for each half.
 */
export function mixed(hi: number, lo: number, turn: number): number {
  return finalized(finalized((hi + Math.imul(turn, GOLDEN)) | 0) ^ lo);
}

function finalized(value: number): number {
  let mix = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  mix = Math.imul(mix ^ (mix >>> 13), 0xc2b2ae35);
  return mix ^ (mix >>> 16);
}
