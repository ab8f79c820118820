import { systemClock, systemRandom } from "@proxyless/core";
import type { DiscoveryError, DiscoverySource, Snapshot } from "@proxyless/core";
import { consul } from "@proxyless/discovery-consul";
import type { ConsulOptions } from "@proxyless/discovery-consul";

import type { ConsulAgent } from "../../scripts/servers/index.ts";

/** A watch on a real Consul that remembers what it heard. */
export interface Watched {
  readonly snapshots: readonly Snapshot[];
  readonly errors: readonly DiscoveryError[];
  readonly ages: readonly (number | undefined)[];
  /** `id health` of each endpoint of the last snapshot, sorted. */
  states(): string[];
  /** Resolves when the last snapshot has exactly these states. */
  untilStates(states: readonly string[], timeoutMs?: number): Promise<void>;
  until(what: string, condition: () => boolean, timeoutMs?: number): Promise<void>;
  refresh(): void;
  stop(): Promise<void>;
}

/** Watches a service by its health. */
export function watched(options: ConsulOptions, service = "web"): Watched {
  return watchedSource(consul(options), service);
}

/** Watches a service of any source. */
export function watchedSource(source: DiscoverySource, service = "web"): Watched {
  const snapshots: Snapshot[] = [];
  const errors: DiscoveryError[] = [];
  const ages: (number | undefined)[] = [];
  const listeners = new Set<() => void>();
  const heard = (): void => {
    for (const listener of listeners) listener();
  };
  const abort = new AbortController();
  const handle = source.watch(
    { service },
    {
      snapshot: (snapshot) => {
        snapshots.push(snapshot);
        heard();
      },
      alive: (ageMs) => {
        ages.push(ageMs);
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
      .map(({ id, health }) => `${id.split("/").at(-1)} ${health}`)
      .toSorted();
  const untilHolds = (what: string, condition: () => boolean, timeoutMs = 10_000): Promise<void> =>
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
        reject(
          new Error(
            `not within ${timeoutMs} ms: ${what}; states: ${states().join(", ")}; last error: ${last}`,
          ),
        );
      }, timeoutMs);
      listeners.add(check);
      check();
    });
  return {
    snapshots,
    errors,
    ages,
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

/** Registers an instance as some other program would, and waits until the catalog has it. */
export async function put(agent: ConsulAgent, id: string, more: object = {}): Promise<void> {
  await agent.call("PUT", "/v1/agent/service/register?replace-existing-checks=true", {
    ID: id,
    Name: "web",
    Address: "10.9.0.1",
    Port: 8080,
    ...more,
  });
}
