import type { Sink, WatchContext, WatchHandle } from "@proxyless/core";
import { inTurns, SourceError, watchLoop } from "@proxyless/core/discovery";
import type { WatchRound } from "@proxyless/core/discovery";

import { backoffOf, spread } from "./alone-watch.ts";
import type { EurekaHttp } from "./eureka-http.ts";
import type { Lookup } from "./lookup.ts";
import type { RegistryAnswer } from "./registry-json.ts";
import { RegistryView } from "./registry-view.ts";
import type { Teller } from "./teller.ts";

/** A server keeps its changes for three minutes; whoever asked longer ago may have missed some. */
const deltaReachMs = 150_000;
/** Hints come in storms, and a whole registry is a lot: for them it is read at most so often. */
const firmEveryMs = 5_000;

/** What the registry is read with. */
export interface RegistryWatchParts {
  readonly intervalMs: number;
  readonly http: EurekaHttp;
  readonly lookup: Lookup;
}

/**
 * Reads the whole registry once for every service that is watched: everything at first, then what changed, checked with
 * the server's own count. A count that differs, changes that are not told, another server or a long silence lead back to
 * everything, as with Netflix' client; so does a hint, because changes are only as good as what they were applied to.
 */
export class RegistryWatch {
  readonly #parts: RegistryWatchParts;
  readonly #members = new Map<Teller, string>();
  readonly #view = new RegistryView();
  #loop: { readonly handle: WatchHandle; readonly abort: AbortController } | undefined;
  #isLoaded = false;
  /** Changes that are being taken in. */
  #changing: Promise<void> = Promise.resolve();
  #isConsistent = false;
  /** Somebody doubts what is known, and everything has not been read since. */
  #isDoubted = false;
  #unreadable = 0;
  #base: URL | undefined;
  #okAt = -Infinity;
  #fullAt = -Infinity;

  constructor(parts: RegistryWatchParts) {
    this.#parts = parts;
  }

  /** Tells `teller` of a service from now on; at once when the registry is known. */
  join(service: string, teller: Teller, context: WatchContext): void {
    this.#members.set(teller, service.toUpperCase());
    if (this.#loop === undefined) this.#start(context);
    else if (this.#isLoaded) void this.#tellWhenWhole(teller);
  }

  /** Ends what {@link join} began. @returns when nothing of it is left */
  async leave(teller: Teller): Promise<void> {
    this.#members.delete(teller);
    const loop = this.#loop;
    if (this.#members.size > 0 || loop === undefined) return;
    this.#loop = undefined;
    // Nobody follows the changes from here on.
    this.#isLoaded = false;
    loop.abort.abort();
    await loop.handle.done;
  }

  refresh(reason: string): void {
    this.#loop?.handle.refresh?.(reason);
  }

  #start({ clock, random }: WatchContext): void {
    const abort = new AbortController();
    const context: WatchContext = { clock, random, signal: abort.signal };
    const { http, intervalMs } = this.#parts;
    let asked = http.base;
    const everyone: Sink = {
      snapshot: () => undefined,
      alive: () => undefined,
      error: ({ class: kind, message, cause, retryAfterMs }) => {
        for (const teller of this.#members.keys()) {
          teller.trouble(new SourceError(kind, message, { cause, retryAfterMs }));
        }
      },
    };
    const handle = watchLoop(everyone, context, {
      backoff: backoffOf(intervalMs),
      round: async (round) => {
        asked = http.base;
        const isNews = await this.#round(context, round);
        http.good();
        round.good();
        if (isNews) await Promise.all(Array.from(this.#members.keys(), (teller) => this.#tell(teller)));
        const pauseMs = spread(intervalMs, context);
        return this.#isDoubted ? Math.min(pauseMs, firmEveryMs - this.#sinceAll(context)) : pauseMs;
      },
      onTrouble: (error) => http.trouble(error, asked),
    });
    this.#loop = { handle, abort };
  }

  /** @returns whether there is anything to tell, if only that nothing changed */
  async #round(context: WatchContext, { signal, wasRefreshed }: WatchRound): Promise<boolean> {
    const { lookup, http } = this.#parts;
    const { clock } = context;
    this.#isDoubted ||= wasRefreshed;
    const isFirm = this.#isDoubted && this.#sinceAll(context) >= firmEveryMs;
    if (!isFirm && this.#canFollow(context)) {
      const delta = await lookup.delta(context, signal);
      if (delta !== undefined) await this.#follow(delta, context, signal);
      const isKnown = delta !== undefined && this.#isConsistent;
      if (isKnown || this.#isTooSoon(context)) return delta !== undefined;
    }
    const base = http.base;
    const asked = clock.now();
    const all = await lookup.all(context, signal);
    await inTurns(this.#view.replace(all.records), { clock, signal });
    this.#unreadable = all.unreadable;
    this.#isLoaded = true;
    this.#isConsistent = true;
    this.#isDoubted = false;
    this.#base = base;
    this.#fullAt = asked;
    this.#okAt = asked;
    return true;
  }

  /** Whether changes since the last answer are enough to know everything. */
  #canFollow({ clock }: WatchContext): boolean {
    return this.#isLoaded && this.#base === this.#parts.http.base && clock.now() - this.#okAt < deltaReachMs;
  }

  async #follow(delta: RegistryAnswer, { clock }: WatchContext, signal: AbortSignal): Promise<void> {
    const changing = inTurns(this.#view.apply(delta.records), { clock, signal });
    // Who joins meanwhile waits for its end, whatever it is.
    this.#changing = changing.catch(() => undefined);
    await changing;
    this.#isConsistent = delta.hashCode === this.#view.hashCode();
    this.#okAt = clock.now();
  }

  /** Each interval everything may be read where changes are of no use; between them only hints ask, one on another's heels. */
  #isTooSoon(context: WatchContext): boolean {
    return this.#sinceAll(context) < Math.min(firmEveryMs, this.#parts.intervalMs / 2);
  }

  /** How long ago everything was asked for, in milliseconds. */
  #sinceAll({ clock }: WatchContext): number {
    return clock.now() - this.#fullAt;
  }

  /** Not at once: the sink must hear nothing before its watch has returned. */
  async #tellWhenWhole(teller: Teller): Promise<void> {
    await this.#changing;
    if (this.#members.has(teller) && this.#isLoaded) await this.#tell(teller);
  }

  #tell(teller: Teller): Promise<void> {
    const records = this.#view.app(this.#members.get(teller) ?? "");
    return teller.tell({
      records,
      trust: this.#isConsistent ? "authoritative" : "suspect",
      // It is not known whose they are; they matter where nothing else was found.
      unreadable: records === undefined ? this.#unreadable : 0,
    });
  }
}
