import type { Diff } from "./resolution.ts";
import { healthRank } from "./validate-endpoint.ts";

/**
 * Whether the health of an endpoint got worse, or one shall get no traffic any more. Such news is not worth collecting with
 * others: every millisecond sends calls to the wrong place.
 */
export function worsens(diff: Diff): boolean {
  return diff.updated.some(
    ([before, after]) =>
      healthRank[after.health] > healthRank[before.health] || (after.weight === 0 && before.weight > 0),
  );
}
