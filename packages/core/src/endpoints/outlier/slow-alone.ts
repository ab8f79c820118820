import type { EndpointState } from "../endpoint-state.ts";
import type { OutlierStats } from "./outlier-stats.ts";

/** Where others have slow answers too it is the service that is slow, or the zone that is far, and nobody is an outlier. */
export function isSlowAlone(
  state: EndpointState,
  members: Iterable<EndpointState>,
  stats: OutlierStats | undefined,
): boolean {
  const { locality, priority } = state.spec;
  let [peers, slow, near, nearSlow] = [0, 0, 0, 0];
  for (const other of members) {
    if (other === state || !other.open || other.spec.priority !== priority || stats === undefined) continue;
    const isSlow = Number(stats.slowRun(other.offset) >= 2);
    peers++;
    slow += isSlow;
    if (other.spec.locality?.zone !== locality?.zone) continue;
    near++;
    nearSlow += isSlow;
  }
  return near > 0 ? nearSlow * 4 <= near : peers > 0 && slow * 4 <= peers;
}
