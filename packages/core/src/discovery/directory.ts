import type { Clock } from "../clock.ts";
import { sleep } from "../clock.ts";
import { configError, ProxylessError } from "../errors.ts";
import type { EventHub } from "../event-hub.ts";
import type { Random } from "../random.ts";
import { resolveDirectoryOptions } from "./directory-options.ts";
import type { DirectoryOptions } from "./directory-options.ts";
import type { WatchDump, WatchReading } from "./dump.ts";
import type { Subscription } from "./resolution.ts";
import { SharedWatch } from "./shared-watch.ts";
import type { WatchEnvironment } from "./shared-watch.ts";
import type { DiscoverySource } from "./source.ts";

/** What a directory is made of. */
export interface DirectoryParts {
  readonly source: DiscoverySource;
  readonly clock: Clock;
  readonly random: Random;
  readonly events: EventHub;
  readonly options?: DirectoryOptions;
}

/**
 * The shared view over a source. It keeps one watch per service however many use it, goes on serving the last good
 * endpoints when the source fails, holds back answers that would take everything away, and tells only real changes.
 */
export interface Directory {
  /**
   * Starts, or joins, the watch of a service.
   * @throws ProxylessError `ERR_PROXYLESS_CONFIG` for an empty name, `ERR_PROXYLESS_CLOSED` after `close`
   */
  subscribe(service: string): Subscription;
  /**
   * Ends every watch and the source itself, and resolves when the source has let go (or `closeTimeoutMs` passed).
   * No listener and no event is called afterwards. Never rejects; calling it again gives the same promise.
   */
  close(): Promise<void>;
  /** The state of every watch, as plain data without secrets. */
  dump(): readonly WatchDump[];
  /** The same without the endpoints: for whoever asks often. */
  read(): readonly WatchReading[];
}

/** @throws ProxylessError `ERR_PROXYLESS_CONFIG` for an option out of its range */
export function createDirectory(parts: DirectoryParts): Directory {
  const { source, clock, random, events } = parts;
  const options = resolveDirectoryOptions(parts.options ?? {}, source);
  return new WatchDirectory({ source, clock, random, events, options });
}

class WatchDirectory implements Directory {
  readonly #env: WatchEnvironment;
  readonly #watches = new Map<string, SharedWatch>();
  readonly #ending = new Set<Promise<void>>();
  #closing: Promise<void> | undefined;
  #sourceClosing: Promise<void> | undefined;

  constructor(env: WatchEnvironment) {
    this.#env = env;
  }

  subscribe(service: string): Subscription {
    if (typeof service !== "string" || service === "") {
      throw configError("service", "a name of at least one character", service);
    }
    if (this.#closing !== undefined) {
      throw new ProxylessError("ERR_PROXYLESS_CLOSED", `cannot look up ${service}: the directory is closed`, {
        service,
      });
    }
    const key = this.#key(service);
    const shared = this.#watches.get(key);
    if (shared !== undefined) return shared.subscribe();
    const watch = new SharedWatch(service, this.#env, () => {
      this.#end(key, watch);
    });
    this.#watches.set(key, watch);
    const subscription = watch.subscribe();
    watch.start();
    return subscription;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  dump(): readonly WatchDump[] {
    return [...this.#watches.values()].map((watch) => watch.dump());
  }

  read(): readonly WatchReading[] {
    return Array.from(this.#watches.values(), (watch) => watch.read());
  }

  #key(service: string): string {
    try {
      const key: unknown = this.#env.source.key({ service });
      if (typeof key === "string") return key;
    } catch {
      // A broken key costs sharing between aliases, not discovery.
    }
    return service;
  }

  #end(key: string, watch: SharedWatch): void {
    this.#watches.delete(key);
    const done = watch.close();
    this.#ending.add(done);
    void this.#forget(done);
  }

  async #forget(done: Promise<void>): Promise<void> {
    await done;
    this.#ending.delete(done);
  }

  async #close(): Promise<void> {
    for (const [key, watch] of this.#watches) this.#end(key, watch);
    const { clock, options } = this.#env;
    const late = new AbortController();
    const ended = Promise.all(this.#ending).then(() => this.#closeSource());
    // A source that never lets go must not keep its user from ending.
    await Promise.race([ended, sleep(clock, options.closeTimeoutMs, late.signal).catch(() => {})]);
    late.abort();
    // Nor may one watch that hangs keep open what the source shares between all of them.
    void this.#closeSource();
  }

  #closeSource(): Promise<void> {
    // Closing is best effort: there is nobody left to tell of trouble.
    this.#sourceClosing ??= (async () => this.#env.source.close?.())().catch(() => undefined);
    return this.#sourceClosing;
  }
}
