import { systemClock, systemRandom } from "@proxyless/core";
import type { DiscoveryError, Snapshot } from "@proxyless/core";
import { zookeeper } from "@proxyless/discovery-zookeeper";
import type { ZookeeperOptions } from "@proxyless/discovery-zookeeper";

/** A watch on a real ZooKeeper that remembers what it heard. */
export interface Watched {
  readonly snapshots: readonly Snapshot[];
  readonly errors: readonly DiscoveryError[];
  readonly alive: () => number;
  /** `host:port health` of each endpoint of the last snapshot, sorted. */
  states(): string[];
  /** Resolves when the last snapshot has exactly these states. */
  untilStates(states: readonly string[], timeoutMs?: number): Promise<void>;
  until(what: string, condition: () => boolean, timeoutMs?: number): Promise<void>;
  refresh(): void;
  stop(): Promise<void>;
}

/** Watches a service. */
export function watched(options: ZookeeperOptions, service = "web"): Watched {
  const snapshots: Snapshot[] = [];
  const errors: DiscoveryError[] = [];
  let alive = 0;
  const listeners = new Set<() => void>();
  const heard = (): void => {
    for (const listener of listeners) listener();
  };
  const abort = new AbortController();
  const source = zookeeper(options);
  const handle = source.watch(
    { service },
    {
      snapshot: (snapshot) => {
        snapshots.push(snapshot);
        heard();
      },
      alive: () => {
        alive++;
        heard();
      },
      error: (error) => {
        errors.push(error);
        heard();
      },
    },
    { signal: abort.signal, clock: systemClock, random: systemRandom },
  );
  const states = (): string[] =>
    (snapshots.at(-1)?.endpoints ?? [])
      .map(({ host, port, health }) => `${host}:${port} ${health}`)
      .toSorted();
  const untilHolds = (what: string, condition: () => boolean, timeoutMs = 20_000): Promise<void> =>
    new Promise((resolve, reject) => {
      const check = (): void => {
        if (!condition()) return;
        clearTimeout(timer);
        listeners.delete(check);
        resolve();
      };
      const timer = setTimeout(() => {
        listeners.delete(check);
        const last = errors.at(-1)?.message ?? "none";
        const now = states().slice(0, 10).join(", ");
        reject(new Error(`not within ${timeoutMs} ms: ${what}; states: ${now}; last error: ${last}`));
      }, timeoutMs);
      listeners.add(check);
      check();
    });
  return {
    snapshots,
    errors,
    alive: () => alive,
    states,
    until: untilHolds,
    untilStates: (wanted, timeoutMs) =>
      untilHolds(
        wanted.join(", "),
        () => snapshots.length > 0 && states().join() === wanted.toSorted().join(),
        timeoutMs,
      ),
    refresh: () => handle.refresh?.("test"),
    stop: async () => {
      abort.abort();
      await handle.done;
    },
  };
}
