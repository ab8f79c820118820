/** A source of chance: a number in [0, 1), uniformly distributed. */
export type Random = () => number;

/** The ambient generator. */
export const systemRandom: Random = () => Math.random();

/**
 * A seeded generator: the same seed gives the same sequence on every platform.
 * Algorithm: sfc32 (Chris Doty-Humphrey, PractRand), seeded by splitmix32.
 */
export function seededRandom(seed: number): Random {
  let s = seed >>> 0;
  const next32 = (): number => {
    s = (s + 0x9e3779b9) >>> 0;
    let z = s;
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return (z ^ (z >>> 15)) >>> 0;
  };
  let a = next32();
  let b = next32();
  let c = next32();
  let d = 1;
  return () => {
    const t = (((a + b) | 0) + d) | 0;
    d = (d + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (c << 21) | (c >>> 11);
    c = (c + t) | 0;
    return (t >>> 0) / 4294967296;
  };
}
