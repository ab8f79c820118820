/** The value below which the share `q` (0 to 1) of `values` lies. */
export function quantile(values: ArrayLike<number>, q: number): number {
  const sorted = Float64Array.from(values).toSorted();
  if (sorted.length === 0) return Number.NaN;
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))]!;
}

/** The middle value: a round that something else on the machine disturbed does not move it. */
export function median(values: ArrayLike<number>): number {
  return quantile(values, 0.5);
}
