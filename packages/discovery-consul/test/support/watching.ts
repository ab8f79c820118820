import { systemClock, systemRandom } from "@proxyless/core";
import type { Clock, DiscoveryError, Random, Sink, Snapshot, WatchHandle } from "@proxyless/core";

import { consul } from "../../src/index.ts";
import type { ConsulOptions } from "../../src/index.ts";

/** A sink that remembers, and lets a test wait for what it has not heard yet. */
class Recorder implements Sink {
  readonly snapshots: Snapshot[] = [];
  readonly errors: DiscoveryError[] = [];
  readonly ages: (number | undefined)[] = [];
  /** Every call in order. */
  readonly log: string[] = [];
  readonly #listeners = new Set<() => void>();

  get last(): Snapshot | undefined {
    return this.snapshots.at(-1);
  }

  /** `id health` of each endpoint of the last snapshot. */
  get states(): string[] {
    return (this.last?.endpoints ?? []).map(({ id, health }) => `${id.split("/").at(-1)} ${health}`);
  }

  snapshot(snapshot: Snapshot): void {
    this.snapshots.push(snapshot);
    this.#heard(`snapshot ${snapshot.kind} ${snapshot.trust} ${snapshot.endpoints.length}`);
  }

  alive(ageMs?: number): void {
    this.ages.push(ageMs);
    this.#heard("alive");
  }

  error(error: DiscoveryError): void {
    this.errors.push(error);
    this.#heard(`error ${error.class}`);
  }

  /** Resolves as soon as `condition` holds; rejects, saying what was heard, when it does not in time. */
  async until(what: string, condition: () => boolean, timeoutMs = 5000): Promise<void> {
    if (condition()) return;
    await new Promise<void>((resolve, reject) => {
      const check = (): void => {
        if (!condition()) return;
        clearTimeout(timer);
        this.#listeners.delete(check);
        resolve();
      };
      const timer = setTimeout(() => {
        this.#listeners.delete(check);
        reject(new Error(`not within ${timeoutMs} ms: ${what}; heard: ${this.log.slice(-12).join(", ")}`));
      }, timeoutMs);
      this.#listeners.add(check);
    });
  }

  #heard(what: string): void {
    this.log.push(what);
    for (const listener of this.#listeners) listener();
  }
}

/** A running watch for a test. */
export interface Watching {
  readonly sink: Recorder;
  readonly handle: WatchHandle;
  /** Ends the watch; resolves when it has let go of everything. */
  stop(): Promise<void>;
}

/** Watches a service of a Consul, real or not. */
export function watching(
  options: ConsulOptions,
  time: { clock?: Clock; random?: Random; service?: string } = {},
): Watching {
  const source = consul(options);
  const sink = new Recorder();
  const abort = new AbortController();
  const handle = source.watch({ service: time.service ?? "web" }, sink, {
    signal: abort.signal,
    clock: time.clock ?? systemClock,
    random: time.random ?? systemRandom,
  });
  return {
    sink,
    handle,
    stop: async () => {
      abort.abort();
      await handle.done;
    },
  };
}

/** Waits, by polling, for something that tells nobody. */
export async function eventually(what: string, condition: () => boolean, timeoutMs = 5000): Promise<void> {
  const end = performance.now() + timeoutMs;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    // eslint-disable-next-line no-await-in-loop -- a poll
    await new Promise((resolve) => {
      setTimeout(resolve, 2);
    });
  }
}
