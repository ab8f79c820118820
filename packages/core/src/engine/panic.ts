import type { EndpointState } from "../endpoints/endpoint-state.ts";
import type { LoadTable } from "../endpoints/load-table.ts";
import type { TrafficPlan } from "../endpoints/traffic/traffic-plan.ts";

/** So many endpoints a pick looks at in search of a better one, at the most. */
const MAX_LOOKS = 256;

/**
 * Whether a pick had no choice: the endpoint's gate is closed, or it fails again and again and so do all the others that a plan has.
 * Mostly the first few show that one is well. Where all of very many are in trouble the table's count has to do.
 */
export function isPanicPick({ groups }: TrafficPlan, table: LoadTable, { offset }: EndpointState): boolean {
  if (table.isClosed(offset)) return true;
  if (!table.isHopeless(offset)) return false;
  let count = 0;
  for (const { endpoints } of groups) {
    for (let i = 0; i < endpoints.length && count + i < MAX_LOOKS; i++) {
      if (!table.isTroubled(endpoints[i]!.offset)) return false;
    }
    count += endpoints.length;
  }
  return count <= MAX_LOOKS || table.troubled >= count;
}
