import { sleep } from "@proxyless/core";
import type { Clock, DiscoveryError, Endpoint, Sink } from "@proxyless/core";
import { SourceError, toDiscoveryError, toSourceError } from "@proxyless/core/discovery";

import { FileSet } from "./file-set.ts";
import type { View } from "./file-set.ts";
import { FolderWatch } from "./folder-watch.ts";
import type { WatchFolder } from "./folder-watch.ts";
import type { Settings } from "./options.ts";
import { locate } from "./place.ts";
import type { Place } from "./place.ts";

/** Who listens to a feed. */
export interface FeedUser {
  readonly service: string;
  readonly sink: Sink;
  /** It hears nothing more once this aborted. */
  readonly signal: AbortSignal;
  /** What it was told last. */
  told: readonly (readonly unknown[])[] | undefined;
}

/** Events of one change are waited for together, in milliseconds. */
const settleMs = 10;
/** However many come, the files are read after so long, in milliseconds. */
const maxSettleMs = 200;
/** What is broken is read again after so long, in milliseconds, doubling up to the latter. */
const retryMs = 200;
const maxRetryMs = 1000;

/** Reads the same files for any number of watches: when something happens in their folders, and every now and then. */
export class Feed {
  readonly #settings: Settings;
  readonly #paths: readonly string[];
  readonly #clock: Clock;
  readonly #watchFolder: WatchFolder | undefined;
  readonly #files: FileSet;
  readonly #users = new Set<FeedUser>();
  readonly #watches = new Map<string, FolderWatch>();
  readonly #end = new AbortController();
  #places: readonly Place[] = [];
  /** Cuts the present pause short. */
  #step = new AbortController();
  /** When the first event came that was not answered yet, on the clock. */
  #eventAt: number | undefined;
  /** Whether all of these events were replacements of whole files. */
  #isSwap = true;
  #isHurried = false;
  #saidUnwatched = false;
  #hasRead = false;
  #running: Promise<void> | undefined;

  constructor(settings: Settings, paths: readonly string[], clock: Clock, watchFolder?: WatchFolder) {
    this.#watchFolder = watchFolder;
    this.#settings = settings;
    this.#paths = paths;
    this.#clock = clock;
    this.#files = new FileSet(settings, { clock, signal: this.#end.signal });
  }

  get isIdle(): boolean {
    return this.#users.size === 0;
  }

  add(user: FeedUser): void {
    this.#users.add(user);
    this.#running ??= this.#run();
    // It learns what is known with the next reading; it shall not have to wait for a change.
    if (this.#hasRead) this.refresh();
  }

  /** Resolves at once, or when everything is let go that the last user leaves behind. */
  async remove(user: FeedUser): Promise<void> {
    this.#users.delete(user);
    if (this.#users.size > 0) return;
    this.#end.abort();
    this.#step.abort();
    await this.#running;
  }

  /** Reads now. */
  refresh(): void {
    this.#isHurried = true;
    this.#step.abort();
  }

  async #run(): Promise<void> {
    // No sink hears anything before its watch was handed out.
    await Promise.resolve();
    let failures = 0;
    while (!this.#end.signal.aborted) {
      this.#step = new AbortController();
      const isSwap = this.#isSwap && this.#eventAt !== undefined;
      this.#eventAt = undefined;
      this.#isSwap = true;
      this.#isHurried = false;
      // eslint-disable-next-line no-await-in-loop -- the loop is the feed
      const isUnsettled = await this.#read(isSwap);
      failures = isUnsettled ? failures + 1 : 0;
      const soon = Math.min(maxRetryMs, retryMs * 2 ** Math.min(failures - 1, 10));
      // eslint-disable-next-line no-await-in-loop -- as above
      await this.#pause(isUnsettled ? Math.min(soon, this.#settings.pollMs) : this.#settings.pollMs);
    }
    for (const watch of this.#watches.values()) watch.close();
    this.#watches.clear();
  }

  /** @returns whether something has to be read again soon */
  async #read(isSwap: boolean): Promise<boolean> {
    try {
      const places = await Promise.all(this.#paths.map(locate));
      await this.#watch(places);
      // Watched before they are read: what changes meanwhile is an event.
      this.#places = places;
      const { isUnsettled } = await this.#files.read(places, isSwap);
      if (this.#end.signal.aborted) return false;
      this.#hasRead = true;
      for (const user of this.#users) this.#tell(user, this.#files.view(user.service));
      return isUnsettled;
    } catch (error) {
      const problem = toDiscoveryError(toSourceError(error));
      this.#sayAll(problem);
      return true;
    }
  }

  async #watch(places: readonly Place[]): Promise<void> {
    if (!this.#settings.watch) return;
    const folders = new Set(places.map(({ folder }) => folder));
    for (const [folder, watch] of this.#watches) {
      if (folders.has(folder)) continue;
      watch.close();
      this.#watches.delete(folder);
    }
    for (const folder of folders) {
      const watch =
        this.#watches.get(folder) ??
        new FolderWatch(
          folder,
          (kind, name) => {
            this.#happened(folder, kind, name);
          },
          this.#watchFolder,
        );
      this.#watches.set(folder, watch);
      // eslint-disable-next-line no-await-in-loop -- mostly one
      await watch.ensure();
      if (this.#end.signal.aborted) return;
    }
    const problem = [...this.#watches.values()].find((watch) => watch.problem !== undefined)?.problem;
    if (problem === undefined || this.#saidUnwatched) return;
    this.#saidUnwatched = true;
    const message = `${problem}: the files are read every ${this.#settings.pollMs} ms instead`;
    this.#sayAll(toDiscoveryError(new SourceError("transient", message)));
  }

  #sayAll(error: DiscoveryError): void {
    for (const { sink, signal } of this.#users) if (!signal.aborted) sink.error(error);
  }

  #happened(folder: string, kind: "rename" | "change", name: string | undefined): void {
    const isOurs =
      name === undefined ||
      // The link that a ConfigMap's volume swaps.
      name === "..data" ||
      this.#places.some((place) => place.folder === folder && place.matches(name));
    if (!isOurs) return;
    if (kind === "change") this.#isSwap = false;
    this.#eventAt ??= this.#clock.now();
    this.#step.abort();
  }

  #tell(user: FeedUser, { lists, problem }: View): void {
    const { sink, service, signal, told } = user;
    if (signal.aborted) return;
    const isSame =
      lists !== undefined && told?.length === lists.length && lists.every((each, i) => each === told[i]);
    const said = lists === undefined || isSame ? undefined : endpointsOf(service, lists);
    if (said instanceof SourceError) {
      sink.error(toDiscoveryError(said));
      return;
    }
    if (said !== undefined) {
      user.told = lists;
      sink.snapshot({
        kind: this.#files.has(service) ? "bound" : "absent",
        endpoints: said.endpoints,
        trust: "authoritative",
        // What somebody wrote is what somebody wanted.
        explicitRemovals: true,
        skipped: said.skipped,
      });
    }
    if (problem !== undefined) sink.error(toDiscoveryError(problem));
    else if (said === undefined) sink.alive();
  }

  /** Waits, but no longer than until the next event has settled. */
  async #pause(ms: number): Promise<void> {
    const { signal } = this.#end;
    const end = this.#clock.now() + ms;
    while (!signal.aborted && !this.#isHurried) {
      const now = this.#clock.now();
      const first = this.#eventAt;
      const until = first === undefined ? end : Math.min(now + settleMs, first + maxSettleMs);
      if (until <= now) return;
      this.#step = new AbortController();
      try {
        // eslint-disable-next-line no-await-in-loop -- each event makes it wait anew
        await sleep(this.#clock, until - now, this.#step.signal, true);
        return;
      } catch {
        // An event, a hint, or the end.
      }
    }
  }
}

function endpointsOf(
  service: string,
  lists: readonly (readonly unknown[])[],
): { readonly endpoints: readonly Endpoint[]; readonly skipped: number } | SourceError {
  const all = lists.flat();
  const endpoints = all.filter(isEndpoint);
  const skipped = all.length - endpoints.length;
  if (endpoints.length === 0 && skipped > 0) {
    return new SourceError("data", `service ${service}: none of ${skipped} entries is an endpoint`);
  }
  return { endpoints, skipped };
}

function isEndpoint(draft: unknown): draft is Endpoint {
  return draft !== undefined;
}
