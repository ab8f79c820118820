import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { systemClock, systemRandom } from "@proxyless/core";
import type { DiscoveryError, DiscoverySource, Sink, Snapshot, WatchHandle } from "@proxyless/core";
import { onTestFinished } from "vitest";

/** A sink that remembers, and lets a test wait for what it has not heard yet. */
export class Recorder implements Sink {
  readonly snapshots: Snapshot[] = [];
  readonly errors: DiscoveryError[] = [];
  alives = 0;
  readonly #listeners = new Set<() => void>();

  get last(): Snapshot | undefined {
    return this.snapshots.at(-1);
  }

  /** `host:port` of the endpoints of the last snapshot, sorted. */
  get addresses(): string[] {
    return (this.last?.endpoints ?? []).map(({ host, port }) => `${host}:${port}`).toSorted();
  }

  snapshot(snapshot: Snapshot): void {
    this.snapshots.push(snapshot);
    this.#heard();
  }

  alive(): void {
    this.alives++;
    this.#heard();
  }

  error(error: DiscoveryError): void {
    this.errors.push(error);
    this.#heard();
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
        const said = this.errors.at(-1)?.message ?? "none";
        reject(
          new Error(`not within ${timeoutMs} ms: ${what}; has ${this.addresses.join()}; last error: ${said}`),
        );
      }, timeoutMs);
      this.#listeners.add(check);
    });
  }

  /** Resolves when the last snapshot lists exactly these addresses. */
  untilAddresses(wanted: readonly string[], timeoutMs?: number): Promise<void> {
    const expected = wanted.toSorted().join();
    return this.until(
      expected,
      () => this.last !== undefined && this.addresses.join() === expected,
      timeoutMs,
    );
  }

  #heard(): void {
    for (const listener of this.#listeners) listener();
  }
}

/** Watches a service until the test is over. */
export function watching(
  source: DiscoverySource,
  service = "orders",
): { readonly sink: Recorder; readonly handle: WatchHandle; stop(): Promise<void> } {
  const sink = new Recorder();
  const abort = new AbortController();
  const handle = source.watch({ service }, sink, {
    signal: abort.signal,
    clock: systemClock,
    random: systemRandom,
  });
  const stop = async (): Promise<void> => {
    abort.abort();
    await handle.done;
  };
  onTestFinished(stop);
  return { sink, handle, stop };
}

/** A folder of the test's own. */
export async function folder(): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), "proxyless-file-"));
  onTestFinished(() => rm(made, { recursive: true, force: true }));
  return made;
}

/** Replaces a file in one step, as one should. */
export async function swap(path: string, content: string): Promise<void> {
  await writeFile(`${path}.tmp`, content);
  await rename(`${path}.tmp`, path);
}

/** A list of the package's own shape. */
export function list(...addresses: readonly string[]): string {
  return JSON.stringify({ services: { orders: addresses } });
}
