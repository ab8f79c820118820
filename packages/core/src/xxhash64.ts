/** A 64-bit hash in two halves, each an integer of 32 bits with a sign. Hashing writes into the caller's: picks need not allocate. */
export interface Hash64 {
  hi: number;
  lo: number;
}

/** A hash for {@link xxhash64} to write into. */
export function emptyHash(): Hash64 {
  return { hi: 0, lo: 0 };
}

/**
 * XXH64 of the UTF-8 bytes of `text`, written into `into` (Yann Collet, xxHash specification 0.1.1).
 * @param seed a whole number from 0 to 2^32 − 1
 */
export function xxhash64(text: string, into: Hash64, seed = 0): void {
  // A code unit takes three bytes at most.
  if (text.length * 3 > bytes.length) grow(text.length * 3);
  hashBytes(encoder.encodeInto(text, bytes).written, seed);
  into.hi = halves[HASH * 2 + 1]!;
  into.lo = halves[HASH * 2]!;
  if (bytes.length > KEPT_BYTES) grow(FIRST_BYTES);
}

/**
 * The upper 53 bits of {@link xxhash64}, from 0 to 2^53 − 1: as many as a number holds exactly, in the order of the whole.
 * Divided by 2^53 it is as good as a uniformly random number in [0, 1).
 */
export function xxhash53(text: string, seed = 0): number {
  xxhash64(text, own, seed);
  return (own.hi >>> 0) * 0x200000 + (own.lo >>> 11);
}

const own = emptyHash();
const encoder = new TextEncoder();

const FIRST_BYTES = 1_024;
/** One huge text must not hold its memory for ever. */
const KEPT_BYTES = 65_536;

/** Where texts are laid out, as bytes, words and double words. */
let bytes = new Uint8Array(FIRST_BYTES);
let words = new Uint32Array(bytes.buffer);
let longs = new BigUint64Array(bytes.buffer);

function grow(size: number): void {
  bytes = new Uint8Array(Math.ceil(size / 8) * 8);
  words = new Uint32Array(bytes.buffer);
  longs = new BigUint64Array(bytes.buffer);
}

const P1 = 0x9e3779b185ebca87n;
const P2 = 0xc2b2ae3d27d4eb4fn;
const P3 = 0x165667b19e3779f9n;
const P4 = 0x85ebca77c2b2ae63n;
const P5 = 0x27d4eb2f165667c5n;

/**
 * The running sums: four lanes of a long text, the hash, the seed. V8 compiles 64-bit BigInt arithmetic to machine instructions
 * as long as every single step is cut to 64 bits, and nothing has to survive a branch, a loop or a call that is too large to be
 * compiled into its caller: that would be an object, and hashing several times slower. So the sums live here. (Processors that keep the high byte first would read
 * another hash: of those that Node runs on, that is s390x alone.)
 */
const sums = new BigUint64Array(6);
const halves = new Int32Array(sums.buffer);
const HASH = 4;
const SEED = 5;
// Under a name of its own: through a function of ours it would no longer be compiled into where it is used.
// eslint-disable-next-line typescript/unbound-method -- it does not use `this`
const { asUintN } = BigInt;

function hashBytes(length: number, seed: number): void {
  halves[SEED * 2] = seed;
  let at = 0;
  if (length >= 32) at = hashStripes(length);
  else sums[HASH] = asUintN(64, sums[SEED]! + P5);
  sums[HASH] = asUintN(64, sums[HASH]! + asUintN(64, BigInt(length)));
  for (; at + 8 <= length; at += 8) {
    const mixed = asUintN(64, sums[HASH] ^ round(0n, longs[at >> 3]!));
    sums[HASH] = asUintN(64, asUintN(64, rotate(mixed, 27n, 37n) * P1) + P4);
  }
  if (at + 4 <= length) {
    const word = asUintN(64, BigInt(words[at >> 2]!));
    const mixed = asUintN(64, sums[HASH] ^ asUintN(64, word * P1));
    sums[HASH] = asUintN(64, asUintN(64, rotate(mixed, 23n, 41n) * P2) + P3);
    at += 4;
  }
  for (; at < length; at++) {
    const byte = asUintN(64, BigInt(bytes[at]!));
    const mixed = asUintN(64, sums[HASH] ^ asUintN(64, byte * P5));
    sums[HASH] = asUintN(64, rotate(mixed, 11n, 53n) * P1);
  }
  const first = sums[HASH];
  const second = asUintN(64, asUintN(64, first ^ asUintN(64, first >> 33n)) * P2);
  const third = asUintN(64, asUintN(64, second ^ asUintN(64, second >> 29n)) * P3);
  sums[HASH] = asUintN(64, third ^ asUintN(64, third >> 32n));
}

/** Takes in all whole stripes of 32 bytes; returns where the rest begins. */
function hashStripes(length: number): number {
  const seed = sums[SEED]!;
  sums[0] = asUintN(64, asUintN(64, seed + P1) + P2);
  sums[1] = asUintN(64, seed + P2);
  sums[2] = seed;
  sums[3] = asUintN(64, seed - P1);
  let at = 0;
  for (; at + 32 <= length; at += 32) {
    const long = at >> 3;
    sums[0] = round(sums[0], longs[long]!);
    sums[1] = round(sums[1], longs[long + 1]!);
    sums[2] = round(sums[2], longs[long + 2]!);
    sums[3] = round(sums[3], longs[long + 3]!);
  }
  const a = sums[0];
  const b = sums[1];
  const c = sums[2];
  const d = sums[3];
  const ab = asUintN(64, rotate(a, 1n, 63n) + rotate(b, 7n, 57n));
  const cd = asUintN(64, rotate(c, 12n, 52n) + rotate(d, 18n, 46n));
  sums[HASH] = asUintN(64, ab + cd);
  for (let lane = 0; lane < 4; lane++) {
    const mixed = asUintN(64, sums[HASH] ^ round(0n, sums[lane]!));
    sums[HASH] = asUintN(64, asUintN(64, mixed * P1) + P4);
  }
  return at;
}

/** `left` and `right` are 64 together. */
function rotate(value: bigint, left: bigint, right: bigint): bigint {
  return asUintN(64, asUintN(64, value << left) | asUintN(64, value >> right));
}

/** A sum and eight bytes become the next sum. */
function round(sum: bigint, input: bigint): bigint {
  const added = asUintN(64, sum + asUintN(64, input * P2));
  return asUintN(64, rotate(added, 31n, 33n) * P1);
}
