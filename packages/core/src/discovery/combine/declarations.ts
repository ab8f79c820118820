import type { DiscoverySource } from "../source.ts";

/** Everything that a source says of itself. */
export type SourceDeclarations = Omit<DiscoverySource, "name" | "key" | "watch" | "close">;

/** What a source says of itself, for one that stands in its place. */
export function declarationsOf(source: DiscoverySource): SourceDeclarations {
  const { aliveEveryMs, cacheMaxAgeMs, debounceMs, emptyHoldMs, maxStaleMs, onDataError, protectsItself } =
    source;
  return {
    ...(aliveEveryMs === undefined ? undefined : { aliveEveryMs }),
    ...(cacheMaxAgeMs === undefined ? undefined : { cacheMaxAgeMs }),
    ...(debounceMs === undefined ? undefined : { debounceMs }),
    ...(emptyHoldMs === undefined ? undefined : { emptyHoldMs }),
    ...(maxStaleMs === undefined ? undefined : { maxStaleMs }),
    ...(onDataError === undefined ? undefined : { onDataError }),
    ...(protectsItself === undefined ? undefined : { protectsItself }),
  };
}
