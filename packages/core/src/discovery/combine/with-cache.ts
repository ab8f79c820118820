import { Alarm } from "../alarm.ts";
import type {
  DiscoveryError,
  DiscoveryNotice,
  DiscoverySource,
  Sink,
  Snapshot,
  Target,
  WatchContext,
  WatchHandle,
} from "../source.ts";
import type { CacheTarget } from "./cache-entry.ts";
import { CacheFolder } from "./cache-folder.ts";
import { resolveCache } from "./cache-options.ts";
import type { CacheOptions, CacheSettings } from "./cache-options.ts";
import { CacheWriter } from "./cache-writer.ts";
import { declarationsOf } from "./declarations.ts";

/**
 * A source whose lists outlive the process: each good one is saved to a disk, and when the registry does not answer a new
 * process in time, the saved one is told, marked as such, until it does. A process can so start while its registry is
 * down. Dubbo, Nacos and APISIX keep such a file; here a list that may be wrong never takes the place of a good one.
 *
 * Metadata whose key names a secret (`token`, `password`, …) is not written.
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG` for an option out of its range
 */
export function withCache(source: DiscoverySource, options: CacheOptions): DiscoverySource {
  const settings = resolveCache(options, source);
  const folder = new CacheFolder(settings);
  return {
    ...declarationsOf(source),
    name: source.name,
    key: (target) => source.key(target),
    watch: (target, sink, context) => {
      const watch = new CachedWatch(source, target, sink, context, settings, folder);
      return watch.open();
    },
    close: async () => {
      await source.close?.();
    },
  };
}

/** One watch with its file. */
class CachedWatch implements Sink {
  readonly #source: DiscoverySource;
  readonly #target: Target;
  readonly #sink: Sink;
  readonly #context: WatchContext;
  readonly #folder: CacheFolder;
  readonly #file: CacheTarget;
  readonly #writer: CacheWriter;
  readonly #coldStart: Alarm;
  readonly #coldStartWaitMs: number;
  /** The registry has said what there is; the disk is not asked any more. */
  #isLive = false;
  #wasLoaded = false;
  #loading: Promise<void> | undefined;
  /** Errors that wait for the disk, so that whoever fails on them has heard first what the disk knows. */
  #held: DiscoveryError[] = [];

  constructor(
    source: DiscoverySource,
    target: Target,
    sink: Sink,
    context: WatchContext,
    settings: CacheSettings,
    folder: CacheFolder,
  ) {
    this.#source = source;
    this.#target = target;
    this.#sink = sink;
    this.#context = context;
    this.#folder = folder;
    this.#file = { source: source.name, key: source.key(target), service: target.service };
    this.#coldStartWaitMs = settings.coldStartWaitMs;
    this.#writer = new CacheWriter(folder, this.#file, context.clock, settings.writeEveryMs, (problem) => {
      this.#say(problem);
    });
    this.#coldStart = new Alarm(context.clock, () => {
      this.#load();
    });
  }

  open(): WatchHandle {
    const { signal } = this.#context;
    const inner = this.#source.watch(this.#target, this, this.#context);
    if (!signal.aborted) this.#coldStart.set(this.#coldStartWaitMs);
    return {
      refresh: (reason) => {
        inner.refresh?.(reason);
      },
      done: this.#end(inner),
    };
  }

  snapshot(snapshot: Snapshot): void {
    if (this.#context.signal.aborted) return;
    // Of several sources one is not heard of: what it had may be on the disk, and only there.
    const isPartial = snapshot.trouble !== undefined;
    if (snapshot.trust === "authoritative" && !isPartial) {
      this.#isLive = true;
      this.#coldStart.clear();
      this.#writer.offer(snapshot);
    }
    this.#release();
    this.#sink.snapshot(isPartial && !this.#isLive ? { ...snapshot, trust: "suspect" } : snapshot);
  }

  alive(ageMs?: number): void {
    if (!this.#context.signal.aborted) this.#sink.alive(ageMs);
  }

  error(error: DiscoveryError): void {
    if (this.#context.signal.aborted) return;
    const isFatal = error.class === "auth" || error.class === "config";
    // It will not pass by itself, so there is nothing to wait for.
    if (!this.#isLive && isFatal) this.#load();
    if (!this.#isLive && this.#loading !== undefined) this.#held.push(error);
    else this.#sink.error(error);
  }

  notice(notice: DiscoveryNotice): void {
    if (!this.#context.signal.aborted) this.#sink.notice?.(notice);
  }

  #load(): void {
    this.#coldStart.clear();
    if (this.#isLive || this.#wasLoaded) return;
    this.#wasLoaded = true;
    this.#loading = this.#restore();
  }

  async #restore(): Promise<void> {
    const { clock, signal } = this.#context;
    const now = clock.wallNow();
    const list = await this.#folder.read(this.#file, now);
    this.#loading = undefined;
    if (signal.aborted) return;
    if (typeof list === "string") this.#say(list);
    else if (list !== undefined && !this.#isLive) {
      const { endpoints, revision, savedAt } = list;
      const ageMs = Math.max(0, now - savedAt);
      this.#say(`${endpoints.length} endpoints from the disk, ${Math.round(ageMs / 1_000)} s old`);
      this.#sink.snapshot({
        kind: "bound",
        endpoints,
        trust: "cached",
        ageMs,
        ...(revision === undefined ? undefined : { revision }),
      });
    }
    this.#release();
  }

  #release(): void {
    const held = this.#held;
    this.#held = [];
    for (const error of held) this.#sink.error(error);
  }

  async #end(inner: WatchHandle): Promise<void> {
    try {
      await inner.done;
    } finally {
      this.#coldStart.clear();
      await this.#loading;
      await this.#writer.end();
    }
  }

  #say(message: string): void {
    if (!this.#context.signal.aborted) this.#sink.notice?.({ topic: "cache", message });
  }
}
