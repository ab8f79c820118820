import type { DirectoryEndpoint } from "./resolution.ts";
import { healthRank, isHealth, isLoose } from "./validate-endpoint.ts";

/**
 * Whether an unchecked list says of any known endpoint that its health got worse or that it shall get no traffic any
 * more. Such news is not worth collecting with others: every millisecond sends calls to the wrong place.
 */
export function worsens(entries: readonly unknown[], known: ReadonlyMap<string, DirectoryEndpoint>): boolean {
  try {
    return entries.some((entry) => {
      if (!isLoose(entry) || typeof entry.id !== "string") return false;
      const before = known.get(entry.id);
      if (before === undefined) return false;
      if (entry.weight === 0 && before.weight > 0) return true;
      const { health } = entry;
      return health !== before.health && isHealth(health) && healthRank[health] > healthRank[before.health];
    });
  } catch {
    // Unreadable entries are the validation's matter.
    return false;
  }
}
