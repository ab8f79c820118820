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
import { readUnheard } from "../validate.ts";
import type { CachedList, CacheTarget } from "./cache-entry.ts";
import { CacheFolder } from "./cache-folder.ts";
import { resolveCache } from "./cache-options.ts";
import type { CacheOptions, CacheSettings } from "./cache-options.ts";
import { CacheWriter } from "./cache-writer.ts";
import { declarationsOf } from "./declarations.ts";
import { completed } from "./unheard.ts";

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
  readonly #maxAgeMs: number;
  /** The registry has said what there is; the disk is not asked any more. */
  #isLive = false;
  #wasLoaded = false;
  #loading: Promise<void> | undefined;
  /** The disk has said what it knows. */
  #wasTold = false;
  #list: CachedList | undefined;
  /** What the registry said last, which waits for the disk to speak for those it never heard of. */
  #partial: { readonly snapshot: Snapshot; readonly at: number } | undefined;
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
    this.#maxAgeMs = settings.maxAgeMs;
    this.#writer = new CacheWriter(folder, this.#file, context.clock, settings, (problem) => {
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
    this.#release();
    if (snapshot.trust !== "authoritative") this.#pass(snapshot);
    else if (this.#isLive || readUnheard(snapshot.unheard).length === 0) this.#live(snapshot);
    else if (this.#wasTold) this.#complete(snapshot);
    else {
      this.#partial = { snapshot, at: this.#context.clock.now() };
      // What it leaves out may be on the disk, and only there.
      this.#sink.snapshot({ ...snapshot, trust: "suspect" });
    }
  }

  alive(ageMs?: number): void {
    if (this.#context.signal.aborted) return;
    this.#amend(undefined);
    this.#writer.confirm();
    this.#sink.alive(ageMs);
  }

  error(error: DiscoveryError): void {
    if (this.#context.signal.aborted) return;
    this.#amend(error);
    const isFatal = error.class === "auth" || error.class === "config";
    // It will not pass by itself, so there is nothing to wait for.
    if (!this.#isLive && isFatal) this.#load();
    if (!this.#isLive && this.#loading !== undefined) this.#held.push(error);
    else this.#sink.error(error);
  }

  notice(notice: DiscoveryNotice): void {
    if (!this.#context.signal.aborted) this.#sink.notice?.(notice);
  }

  #live(snapshot: Snapshot): void {
    this.#isLive = true;
    this.#coldStart.clear();
    this.#list = undefined;
    this.#partial = undefined;
    this.#pass(snapshot);
  }

  #pass(snapshot: Snapshot): void {
    this.#writer.offer(snapshot);
    this.#sink.snapshot(snapshot);
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
    else if (list !== undefined && !this.#isLive) this.#tell(list, Math.max(0, now - list.savedAt));
    this.#wasTold = true;
    this.#tellPartial();
    this.#release();
  }

  #tell(list: CachedList, ageMs: number): void {
    const { endpoints, revision } = list;
    this.#list = list;
    this.#say(`${endpoints.length} endpoints from the disk, ${Math.round(ageMs / 1_000)} s old`);
    this.#sink.snapshot({
      kind: "bound",
      endpoints,
      trust: "cached",
      ageMs,
      ...(revision === undefined ? undefined : { revision }),
    });
  }

  /** Said again later, the list shall neither end nor bring back trouble. */
  #amend(trouble: DiscoveryError | undefined): void {
    if (this.#partial === undefined) return;
    const { trouble: _, ...rest } = this.#partial.snapshot;
    const snapshot = { ...rest, ...(trouble === undefined ? undefined : { trouble }) };
    this.#partial = { ...this.#partial, snapshot };
  }

  /** What was said while the disk was still to speak counts from now on. */
  #tellPartial(): void {
    if (this.#partial === undefined) return;
    const { at, snapshot } = this.#partial;
    this.#partial = undefined;
    const ageMs = (snapshot.ageMs ?? 0) + this.#context.clock.now() - at;
    this.#complete({ ...snapshot, ageMs });
  }

  /** Tells, and saves, a list with what the disk has of those that were never heard of. */
  #complete(snapshot: Snapshot): void {
    const whole = completed(snapshot, this.#list);
    const savedAt = whole === snapshot ? undefined : this.#list?.savedAt;
    const isTooOld = this.#context.clock.wallNow() - (savedAt ?? Infinity) > this.#maxAgeMs;
    // Saved again it would not get any younger.
    if (isTooOld) this.#writer.offer(snapshot);
    else this.#writer.offer(whole, savedAt);
    this.#sink.snapshot(whole);
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
