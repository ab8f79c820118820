/** A priority counts as fully able while this much less than all of it is healthy (Envoy's overprovisioning factor). */
export const OVERPROVISIONING = 1.4;

/** How traffic is divided between priorities. */
export interface PriorityLoads {
  /** Of the traffic, by priority; they add up to 1 where there is any priority. */
  readonly shares: readonly number[];
  /** The priorities together can take all of it. */
  readonly isEnough: boolean;
}

/**
 * Envoy's priority load: each priority takes what it is able to, best first; what it cannot take spills over to the next.
 * Where all together are not able to take everything, each takes its part of what there is.
 * @param healthy the share of healthy endpoints of each priority, best first, 0 to 1
 */
export function priorityLoads(healthy: readonly number[]): PriorityLoads {
  const able = healthy.map((share) => Math.min(1, OVERPROVISIONING * share));
  const total = able.reduce((sum, share) => sum + share, 0);
  if (total === 0) return { shares: healthy.map((_, index) => Number(index === 0)), isEnough: false };
  let left = 1;
  const shares = able.map((share) => {
    const taken = total < 1 ? share / total : Math.min(left, share);
    left -= taken;
    return taken;
  });
  // Rounding must not leave a sliver for a priority that should have nothing.
  return { shares: shares.map((share) => (share < 1e-9 ? 0 : share)), isEnough: total >= 1 };
}
