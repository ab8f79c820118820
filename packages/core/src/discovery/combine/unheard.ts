import { addressOf } from "../host.ts";
import type { Endpoint, Snapshot } from "../source.ts";
import { readUnheard } from "../validate.ts";
import type { CachedList } from "./cache-entry.ts";

/**
 * A list together with what a disk remembers of those that its source never heard of. Of all others it says itself who is
 * there, and who is not any more.
 */
export function completed(snapshot: Snapshot, list: CachedList | undefined): Snapshot {
  const remembered = rememberedOf(snapshot, list);
  if (remembered.length === 0) return snapshot;
  return { ...snapshot, kind: "bound", endpoints: [...snapshot.endpoints, ...remembered] };
}

function rememberedOf(snapshot: Snapshot, list: CachedList | undefined): readonly Endpoint[] {
  if (list === undefined) return [];
  const unheard = readUnheard(snapshot.unheard);
  const others = list.endpoints.filter(({ id }) => unheard.some((beginning) => id.startsWith(beginning)));
  if (others.length === 0) return [];
  // Each address once: whoever is listed now comes before who was.
  const addresses = new Set(snapshot.endpoints.map(addressOf));
  const ids = new Set(snapshot.endpoints.map(({ id }) => id));
  return others.filter((each) => !ids.has(each.id) && !addresses.has(addressOf(each)));
}
