import { systemClock, systemRandom } from "@proxyless/core";
import type { Clock, DiscoveryError, Random, Sink, Snapshot, WatchHandle } from "@proxyless/core";
import { onTestFinished } from "vitest";

import { etcd } from "../../src/index.ts";
import type { EtcdOptions } from "../../src/index.ts";

/** A sink that remembers, and lets a test wait for what it has not heard yet. */
class Recorder implements Sink {
  readonly snapshots: Snapshot[] = [];
  readonly errors: DiscoveryError[] = [];
  /** Every call in order. */
  readonly log: string[] = [];
  readonly #listeners = new Set<() => void>();

  get last(): Snapshot | undefined {
    return this.snapshots.at(-1);
  }

  /** `host:port` of each endpoint of the last snapshot, sorted. */
  get addresses(): string[] {
    return (this.last?.endpoints ?? []).map(({ host, port }) => `${host}:${port}`).toSorted();
  }

  snapshot(snapshot: Snapshot): void {
    this.snapshots.push(snapshot);
    this.#heard(`snapshot ${snapshot.kind} ${snapshot.trust} ${snapshot.endpoints.length}`);
  }

  alive(): void {
    this.#heard("alive");
  }

  error(error: DiscoveryError): void {
    this.errors.push(error);
    this.#heard(`error ${error.class}`);
  }

  /** Resolves as soon as `condition` holds; rejects, saying what was heard, when it does not in time. */
  async until(what: string, condition: () => boolean, timeoutMs = 10_000): Promise<void> {
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
        const last = this.errors.at(-1)?.message ?? "none";
        const heard = this.log.slice(-12).join(", ");
        reject(new Error(`not within ${timeoutMs} ms: ${what}; heard: ${heard}; last error: ${last}`));
      }, timeoutMs);
      this.#listeners.add(check);
    });
  }

  /** Resolves when the last snapshot has exactly these addresses. */
  untilAddresses(...wanted: readonly string[]): Promise<void> {
    return this.until(
      wanted.join(", "),
      () => this.last !== undefined && this.addresses.join() === wanted.toSorted().join(),
    );
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

/** Watches a service; ends with the test. */
export function watching(
  options: EtcdOptions,
  time: { clock?: Clock; random?: Random; service?: string } = {},
): Watching {
  const source = etcd(options);
  const sink = new Recorder();
  const abort = new AbortController();
  const handle = source.watch({ service: time.service ?? "web" }, sink, {
    signal: abort.signal,
    clock: time.clock ?? systemClock,
    random: time.random ?? systemRandom,
  });
  const stop = async (): Promise<void> => {
    abort.abort();
    await handle.done;
  };
  onTestFinished(stop);
  return { sink, handle, stop };
}

/** Waits, by polling, for something that tells nobody. */
export async function eventually(what: string, condition: () => boolean, timeoutMs = 10_000): Promise<void> {
  const end = performance.now() + timeoutMs;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    // eslint-disable-next-line no-await-in-loop -- a poll
    await new Promise((resolve) => {
      setTimeout(resolve, 2);
    });
  }
}
