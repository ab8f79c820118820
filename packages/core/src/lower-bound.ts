/** The first place from `low` on of a sorted list at which an element is not before what is looked for. */
export function lowerBound<T>(sorted: readonly T[], isBefore: (element: T) => boolean, low = 0): number {
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (isBefore(sorted[middle]!)) low = middle + 1;
    else high = middle;
  }
  return low;
}
