import { systemClock, systemRandom } from "@proxyless/core";
import type { DiscoveryError, Snapshot } from "@proxyless/core";
import { etcd } from "@proxyless/discovery-etcd";
import type { EtcdOptions } from "@proxyless/discovery-etcd";
import { onTestFinished } from "vitest";

/** A watch on a real etcd that remembers what it heard. */
export interface Watched {
  readonly snapshots: readonly Snapshot[];
  readonly errors: readonly DiscoveryError[];
  /** `host:port health` of each endpoint of the last snapshot, sorted. */
  states(): string[];
  /** Resolves when the last snapshot has exactly these states. */
  untilStates(states: readonly string[], timeoutMs?: number): Promise<void>;
  until(what: string, condition: () => boolean, timeoutMs?: number): Promise<void>;
  refresh(): void;
  stop(): Promise<void>;
}

/** What a test does when it is over; a concurrent test has its own. */
export type AtEnd = typeof onTestFinished;

/** Watches a service; ends with the test. */
export function watched(options: EtcdOptions, service = "web", atEnd: AtEnd = onTestFinished): Watched {
  const snapshots: Snapshot[] = [];
  const errors: DiscoveryError[] = [];
  const listeners = new Set<() => void>();
  const heard = (): void => {
    for (const listener of listeners) listener();
  };
  const abort = new AbortController();
  const handle = etcd(options).watch(
    { service },
    {
      snapshot: (snapshot) => {
        snapshots.push(snapshot);
        heard();
      },
      alive: heard,
      error: (error) => {
        errors.push(error);
        heard();
      },
    },
    { signal: abort.signal, clock: systemClock, random: systemRandom },
  );
  const states = (): string[] => statesOf(snapshots.at(-1));
  const untilHolds = (what: string, condition: () => boolean, timeoutMs = 15_000): Promise<void> =>
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
        const now = states().join(", ");
        reject(new Error(`not within ${timeoutMs} ms: ${what}; states: ${now}; last error: ${last}`));
      }, timeoutMs);
      listeners.add(check);
      check();
    });
  const stop = async (): Promise<void> => {
    abort.abort();
    await handle.done;
  };
  atEnd(stop);
  return {
    snapshots,
    errors,
    states,
    until: untilHolds,
    untilStates: (wanted, timeoutMs) =>
      untilHolds(
        wanted.join(", "),
        () => snapshots.length > 0 && states().join() === wanted.toSorted().join(),
        timeoutMs,
      ),
    refresh: () => handle.refresh?.("test"),
    stop,
  };
}

/** `host:port health` of each endpoint, sorted. */
function statesOf(snapshot: Snapshot | undefined): string[] {
  return (snapshot?.endpoints ?? []).map(({ host, port, health }) => `${host}:${port} ${health}`).toSorted();
}
