import { systemClock, systemRandom } from "@proxyless/core";
import type {
  Clock,
  DiscoveryError,
  DiscoverySource,
  Random,
  Sink,
  Snapshot,
  WatchHandle,
} from "@proxyless/core";
import { onTestFinished } from "vitest";

/** What a test does when it is over; a concurrent test has its own. */
export type AtEnd = typeof onTestFinished;

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

  /** `id health` of each endpoint of the last snapshot. */
  get states(): string[] {
    return (this.last?.endpoints ?? [])
      .map(({ id, health }) => `${id.split("/").at(-1)} ${health}`)
      .toSorted();
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

  #heard(what: string): void {
    this.log.push(what);
    for (const listener of this.#listeners) listener();
  }
}

/** A running watch for a test, ended with it. */
export interface Watching {
  readonly sink: Recorder;
  readonly handle: WatchHandle;
  /** Ends the watch; resolves when it has let go of everything. */
  stop(): Promise<void>;
}

/** Watches a service until the test is over. */
export function watching(
  source: DiscoverySource,
  service: string,
  time: { clock?: Clock; random?: Random } = {},
  atEnd: AtEnd = onTestFinished,
): Watching {
  const sink = new Recorder();
  const abort = new AbortController();
  const handle = source.watch({ service }, sink, {
    signal: abort.signal,
    clock: time.clock ?? systemClock,
    random: time.random ?? systemRandom,
  });
  const stop = async (): Promise<void> => {
    abort.abort();
    await handle.done;
  };
  atEnd(stop);
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
