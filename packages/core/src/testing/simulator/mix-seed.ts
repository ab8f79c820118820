/** Seeds of chances that have nothing to do with each other. */
export function mixSeed(seed: number, kind: number, index: number): number {
  return (
    (Math.imul(seed, 0x9e37_79b1) ^ Math.imul(kind, 0x85eb_ca77) ^ Math.imul(index + 1, 0xc2b2_ae3d)) >>> 0
  );
}
