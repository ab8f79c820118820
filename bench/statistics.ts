/** The smallest value that the share `q` (0 to 1) of `values` does not exceed: the nearest rank. */
export function quantile(values: ArrayLike<number>, q: number): number {
  const sorted = Float64Array.from(values).toSorted();
  if (sorted.length === 0) return Number.NaN;
  return sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)]!;
}

/** The middle value: a round that something else on the machine disturbed does not move it. */
export function median(values: ArrayLike<number>): number {
  return quantile(values, 0.5);
}
