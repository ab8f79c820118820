import type { DiscoveryError, Sink, WatchContext, WatchHandle } from "@proxyless/core";
import { Backoff, watchLoop } from "@proxyless/core/discovery";
import type { WatchRound } from "@proxyless/core/discovery";

import { eventError, RevisionError } from "./api-error.ts";
import type { Scope } from "./api-path.ts";
import type { Settings } from "./options.ts";
import type { SliceApi, WatchStart } from "./slice-api.ts";
import { readSliceLine, readSliceLineAgain } from "./slice-line.ts";
import { SliceStore } from "./slice-store.ts";
import type { Slice } from "./slice.ts";
import { WatchSpan } from "./watch-span.ts";

/** Who hears of a feed. */
export interface FeedListener {
  /** Its service's slices may have changed; they are in the store. */
  changed(feed: SliceFeed): void;
  alive(): void;
  error(error: DiscoveryError): void;
  readonly service: string;
}

/** Whoever asks again sooner than this after a list has just been answered. */
const freshMs = { service: 500, namespace: 5000 };

/**
 * Follows the slices of one service, or of all in a namespace, for ever: lists, then watches from the list's revision.
 * Nothing is forgotten before a newer list is whole. After any trouble, and after a long silence, the list is read again,
 * from the server's memory and no older than what is known; only a watch that ends as agreed is simply renewed.
 */
export class SliceFeed {
  readonly scope: Scope;
  readonly store: SliceStore = new SliceStore();
  readonly #api: SliceApi;
  readonly #settings: Settings;
  readonly #context: WatchContext;
  readonly #handle: WatchHandle;
  readonly #listeners = new Set<FeedListener>();
  readonly #renewals = new Backoff();
  /** Where the watch goes on; `undefined` when what there is has to be asked for. */
  #revision: string | undefined;
  /** The newest state that was seen: a list must not be older. */
  #seen: string | undefined;
  /** The address that the last request went to. */
  #asked: URL;
  #isSynced = false;
  #listedAt = -Infinity;
  /** There are changes that nobody was told of. */
  #isDirty = false;

  constructor(api: SliceApi, settings: Settings, scope: Scope, context: WatchContext) {
    this.scope = scope;
    this.#api = api;
    this.#settings = settings;
    this.#context = context;
    this.#asked = api.client.base;
    const sink: Sink = {
      snapshot: () => undefined,
      alive: () => undefined,
      error: (error) => {
        for (const listener of this.#listeners) listener.error(error);
      },
    };
    this.#handle = watchLoop(sink, context, {
      round: (round) => this.#round(round),
      onTrouble: (error) => {
        this.#revision = undefined;
        if (!(error instanceof RevisionError)) return this.#api.client.trouble(error, this.#asked);
        this.#seen = undefined;
        return "wait";
      },
    });
  }

  /** Settles when the feed has let go of everything. */
  get done(): Promise<void> {
    return this.#handle.done;
  }

  /** Whether a whole list was read. */
  get isSynced(): boolean {
    return this.#isSynced;
  }

  /** The newest revision that was seen. */
  get revision(): string | undefined {
    return this.#seen;
  }

  get listeners(): ReadonlySet<FeedListener> {
    return this.#listeners;
  }

  /** The listener hears of everything from now on, and what there is at once where it is known. */
  add(listener: FeedListener): void {
    this.#listeners.add(listener);
    if (this.#isSynced) listener.changed(this);
  }

  remove(listener: FeedListener): void {
    this.#listeners.delete(listener);
  }

  /** Asks the storage itself again, unless that has just been done. */
  refresh(): void {
    const fresh = this.scope.service === undefined ? freshMs.namespace : freshMs.service;
    if (this.#context.clock.now() - this.#listedAt >= fresh) this.#handle.refresh?.("refresh");
  }

  async #round(round: WatchRound): Promise<number> {
    if (round.wasRefreshed) {
      this.#revision = undefined;
      this.#seen = undefined;
    }
    const { random, clock } = this.#context;
    const known = this.#revision;
    if (known === undefined && !round.wasRefreshed && this.#api.streamsLists) {
      if (!(await this.#follow({ from: "everything", atLeast: this.#seen }, round))) return 0;
    } else {
      const revision = known ?? (await this.#list(round));
      if (!(await this.#follow({ from: "revision", revision }, round))) return 0;
    }
    this.#good(round);
    this.#renewals.succeeded(clock.now());
    // As agreed, or so it seems: a server that ends every watch at once must not be asked in a tight loop.
    return this.#renewals.failed(clock.now(), random);
  }

  async #list({ signal }: WatchRound): Promise<string> {
    const { clock } = this.#context;
    this.#asked = this.#api.client.base;
    const list = await this.#api.list(this.scope, this.#seen, { clock, signal });
    this.#take(list.slices, list.revision);
    return list.revision;
  }

  /** @returns `false` when the watch has to be begun anew, with a list */
  async #follow(start: WatchStart, round: WatchRound): Promise<boolean> {
    const { clock, random } = this.#context;
    const { requestTimeoutMs: initialMs, silenceMs, watchMs } = this.#settings;
    const span = new WatchSpan(start, clock, round.signal, { initialMs, silenceMs });
    const seconds = Math.round((watchMs * (0.8 + 0.4 * random())) / 1000);
    const opened = (): void => {
      span.heard();
      if (!span.isGathering) round.interruptible();
    };
    const line = (text: string): void => {
      this.#hear(text, span, round);
    };
    this.#asked = this.#api.client.base;
    try {
      const context = { clock, signal: span.signal };
      const took = await this.#api.watch(this.scope, start, seconds, { opened, line }, context);
      // An end before everything was told is no better than a refusal.
      if (!took || span.isGathering) this.#api.noStreamedLists();
      return took;
    } catch (error) {
      if (!span.isGivenUp || round.signal.aborted) throw error;
      if (span.isGathering) this.#api.noStreamedLists();
      this.#revision = undefined;
      return false;
    } finally {
      span.end();
      this.#tellNow();
    }
  }

  #hear(line: string, span: WatchSpan, round: WatchRound): void {
    const { event, slice } = span.isGathering
      ? readSliceLine(line)
      : readSliceLineAgain(line, (name) => this.store.find(name));
    if (event.type === "error") {
      throw eventError({ verb: "watch", namespace: this.scope.namespace }, event.object);
    }
    span.heard();
    if (event.type === "other") return;
    if (span.isGathering) {
      if (event.type === "put") span.slices.push(slice);
      if (event.type !== "bookmark" || !event.isInitialEnd || event.revision === undefined) return;
      span.gathered();
      this.#take(span.slices, event.revision);
      round.interruptible();
      return;
    }
    this.#good(round);
    if (event.revision !== undefined) {
      this.#revision = event.revision;
      this.#seen = event.revision;
    }
    if (event.type === "bookmark") {
      this.#tellNow();
      for (const listener of this.#listeners) listener.alive();
      return;
    }
    if (event.type === "put") this.store.put(slice);
    else this.store.delete(slice);
    this.#tellSoon();
  }

  /** A list alone proves little: whoever answers it but ends every watch is waited for, and left. */
  #good(round: WatchRound): void {
    round.good();
    this.#api.client.good();
  }

  #take(slices: readonly (Slice | undefined)[], revision: string): void {
    this.store.replace(slices);
    this.#revision = revision;
    this.#seen = revision;
    this.#isSynced = true;
    this.#listedAt = this.#context.clock.now();
    this.#isDirty = true;
    this.#tellNow();
  }

  /** What one piece of the stream says is told together, when it is read. */
  #tellSoon(): void {
    if (this.#isDirty) return;
    this.#isDirty = true;
    queueMicrotask(() => {
      this.#tellNow();
    });
  }

  #tellNow(): void {
    if (!this.#isDirty || this.#context.signal.aborted) return;
    this.#isDirty = false;
    const isChanged = this.store.takeChanges();
    for (const listener of this.#listeners) {
      if (isChanged(listener.service)) listener.changed(this);
    }
  }
}
