import { systemClock, systemRandom } from "@proxyless/core";
import type { DiscoveryError, DiscoverySource, Snapshot } from "@proxyless/core";

/** A watch that remembers what it heard. */
export interface Watched {
  readonly snapshots: readonly Snapshot[];
  readonly errors: readonly DiscoveryError[];
  /** How often it was told that nothing has changed. */
  readonly confirmed: () => number;
  /** `host:port` of each endpoint of the last snapshot, sorted; `absent` for an absent service. */
  places(): string[];
  untilPlaces(places: readonly string[], timeoutMs?: number): Promise<void>;
  until(what: string, condition: () => boolean, timeoutMs?: number): Promise<void>;
  refresh(): void;
  stop(): Promise<void>;
}

/** Watches a service of a source. */
export function watched(source: DiscoverySource, service: string): Watched {
  const snapshots: Snapshot[] = [];
  const errors: DiscoveryError[] = [];
  let confirmed = 0;
  const abort = new AbortController();
  const handle = source.watch(
    { service },
    {
      snapshot: (snapshot) => void snapshots.push(snapshot),
      alive: () => void confirmed++,
      error: (error) => void errors.push(error),
    },
    { signal: abort.signal, clock: systemClock, random: systemRandom },
  );
  const places = (): string[] => {
    const last = snapshots.at(-1);
    if (last?.kind === "absent") return ["absent"];
    return (last?.endpoints ?? []).map(({ host, port }) => `${host}:${port}`).toSorted();
  };
  const until = async (what: string, condition: () => boolean, timeoutMs = 10_000): Promise<void> => {
    const end = performance.now() + timeoutMs;
    while (!condition()) {
      if (performance.now() > end) {
        const last = errors.at(-1)?.message ?? "none";
        throw new Error(
          `not within ${timeoutMs} ms: ${what}; now: ${places().join(", ")}; last error: ${last}`,
        );
      }
      await new Promise((resolve) => {
        setTimeout(resolve, 3);
      });
    }
  };
  return {
    snapshots,
    errors,
    confirmed: () => confirmed,
    places,
    until,
    untilPlaces: (wanted, timeoutMs) =>
      until(
        wanted.join(", "),
        () => snapshots.length > 0 && places().join() === wanted.toSorted().join(),
        timeoutMs,
      ),
    refresh: () => handle.refresh?.("test"),
    stop: async () => {
      abort.abort();
      await handle.done;
    },
  };
}
