import type { Sink, WatchContext, WatchHandle } from "@proxyless/core";
import { inTurns, SourceError, watchLoop } from "@proxyless/core/discovery";

import { backoffOf, spread } from "./alone-watch.ts";
import type { EurekaHttp } from "./eureka-http.ts";
import type { Lookup } from "./lookup.ts";
import { RegistryView } from "./registry-view.ts";
import type { Teller } from "./teller.ts";

/** A server keeps its changes for three minutes; whoever asked longer ago may have missed some. */
const deltaReachMs = 150_000;
/** Answers come out of caches of different age, so that counts often differ for a while: that is no reason to hurry. */
const fullEveryMs = 30_000;

/** What the registry is read with. */
export interface RegistryWatchParts {
  readonly intervalMs: number;
  readonly http: EurekaHttp;
  readonly lookup: Lookup;
}

/**
 * Reads the whole registry once for every service that is watched: everything at first, then what changed, checked with
 * the server's own count. A count that differs, changes that are not told, another server or a long silence lead back to
 * everything, at most every 30 s while one server answers.
 */
export class RegistryWatch {
  readonly #parts: RegistryWatchParts;
  readonly #members = new Map<Teller, string>();
  readonly #view = new RegistryView();
  #loop: { readonly handle: WatchHandle; readonly abort: AbortController } | undefined;
  #isLoaded = false;
  #isConsistent = false;
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
    else if (this.#isLoaded) {
      // The sink must hear nothing before its watch has returned.
      queueMicrotask(() => {
        if (this.#members.has(teller)) void this.#tell(teller);
      });
    }
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
        const isNews = await this.#round(context, round.signal);
        http.good();
        round.good();
        if (isNews) await Promise.all(Array.from(this.#members.keys(), (teller) => this.#tell(teller)));
        return spread(intervalMs, context);
      },
      onTrouble: (error) => http.trouble(error, asked),
    });
    this.#loop = { handle, abort };
  }

  /** @returns whether there is anything to tell, if only that nothing changed */
  async #round(context: WatchContext, signal: AbortSignal): Promise<boolean> {
    const { lookup, http } = this.#parts;
    const { clock } = context;
    const isSameServer = this.#base === http.base;
    const mayAsk = clock.now() - this.#fullAt >= fullEveryMs || !isSameServer || !this.#isLoaded;
    const canFollow = this.#isLoaded && isSameServer && clock.now() - this.#okAt < deltaReachMs;
    if (canFollow) {
      const delta = await lookup.delta(context, signal);
      if (delta !== undefined) {
        this.#view.apply(delta.records);
        this.#isConsistent = delta.hashCode === this.#view.hashCode();
        this.#okAt = clock.now();
        if (this.#isConsistent || !mayAsk) return true;
      } else if (!mayAsk) return false;
    }
    const base = http.base;
    const asked = clock.now();
    const all = await lookup.all(context, signal);
    await inTurns(this.#view.replace(all.records), { clock, signal });
    this.#unreadable = all.unreadable;
    this.#isLoaded = true;
    this.#isConsistent = true;
    this.#base = base;
    this.#fullAt = asked;
    this.#okAt = asked;
    return true;
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
