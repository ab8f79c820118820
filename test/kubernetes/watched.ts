import { systemClock, systemRandom } from "@proxyless/core";
import type { Clock, DiscoveryError, DiscoverySource, Endpoint, Random, Snapshot } from "@proxyless/core";
import { kubernetes } from "@proxyless/discovery-kubernetes";
import type { KubernetesOptions } from "@proxyless/discovery-kubernetes";

/** A watch of a service that remembers what it heard. */
export class Watched {
  readonly snapshots: Snapshot[] = [];
  readonly errors: DiscoveryError[] = [];
  /** Every call of the sink, in order: `snapshot 3`, `alive`, `error auth`. */
  readonly log: string[] = [];
  readonly #abort = new AbortController();
  readonly #listeners = new Set<() => void>();
  readonly #handle: ReturnType<DiscoverySource["watch"]>;

  constructor(source: DiscoverySource, service: string, time: { clock?: Clock; random?: Random } = {}) {
    this.#handle = source.watch(
      { service },
      {
        snapshot: (snapshot) => {
          this.snapshots.push(snapshot);
          this.#heard(`snapshot ${snapshot.endpoints.length}`);
        },
        alive: () => {
          this.#heard("alive");
        },
        error: (error) => {
          this.errors.push(error);
          this.#heard(`error ${error.class}`);
        },
      },
      { signal: this.#abort.signal, clock: time.clock ?? systemClock, random: time.random ?? systemRandom },
    );
  }

  get endpoints(): readonly Endpoint[] {
    return this.snapshots.at(-1)?.endpoints ?? [];
  }

  /** The addresses of the last snapshot, sorted. */
  get hosts(): readonly string[] {
    return this.endpoints.map(({ host }) => host).toSorted();
  }

  /** Resolves as soon as `condition` holds; rejects with what was heard when it does not in time. */
  async until(what: string, condition: () => boolean, timeoutMs = 15_000): Promise<void> {
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
        const last = [...new Set(this.errors.map(({ message }) => message))].slice(-4).join(" | ");
        reject(
          new Error(
            `not within ${timeoutMs} ms: ${what}; heard ${this.log.slice(-8).join(", ")}; last errors: ${last}`,
          ),
        );
      }, timeoutMs);
      this.#listeners.add(check);
    });
  }

  /** Resolves when the last snapshot has exactly these addresses. */
  untilHosts(hosts: readonly string[], timeoutMs?: number): Promise<void> {
    const wanted = hosts.toSorted().join();
    const has = (): boolean => this.snapshots.length > 0 && this.hosts.join() === wanted;
    return this.until(`the addresses ${wanted.slice(0, 200)}`, has, timeoutMs);
  }

  refresh(): void {
    this.#handle.refresh?.("test");
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#handle.done;
  }

  #heard(what: string): void {
    this.log.push(what);
    for (const listener of this.#listeners) listener();
  }
}

/** Watches one service with a source of its own. */
export function watched(
  options: KubernetesOptions,
  service: string,
  time?: { clock?: Clock; random?: Random },
): Watched {
  return new Watched(kubernetes(options), service, time);
}
