import { byId, changeOf } from "./diff.ts";
import type { Change } from "./diff.ts";
import { addressOf } from "./host.ts";
import { LastResort } from "./last-resort.ts";
import type { DirectoryEndpoint } from "./resolution.ts";

/** A checked snapshot. */
export interface Offer {
  readonly kind: "bound" | "absent";
  /** Sorted by id, unique by id and by address; empty when absent. */
  readonly endpoints: readonly DirectoryEndpoint[];
  readonly suspect: boolean;
  /** It is from a disk. */
  readonly cached?: boolean;
  readonly explicit: boolean;
  /** What comes of the list that is known; undefined where nobody compared them yet. */
  readonly change?: Change | undefined;
}

/** A change that was held back, in part or whole. */
export interface Protection {
  readonly reason: "empty" | "absent" | "shrink" | "suspect";
  /** How many endpoints stay that the source no longer lists. */
  readonly kept: number;
  readonly holdMs: number;
}

export interface GuardOptions {
  /** For how long a change is held back, in milliseconds; 0 accepts everything at once. */
  readonly holdMs: number;
  /** The share of endpoints that may go in one update, 0 to 1. */
  readonly maxShrinkRatio: number;
  /** The most endpoints that are known at once. */
  readonly maxEndpoints: number;
}

interface EmptyHold {
  kind: "bound" | "absent";
  readonly until: number;
}

/** Fewer than this may always go at once: half of a pair is an ordinary deployment. */
const minShrink = 3;

/**
 * Decides how much of a source's word is taken at once. An empty or absent answer waits for its hold; a sudden loss
 * of most endpoints keeps the lost ones as a last resort; a suspect answer removes nothing, and a disk only adds to
 * that until the source has said with authority what there is. It knows time only as an argument.
 */
export class Guard {
  readonly #options: GuardOptions;
  readonly #lastResort = new LastResort();
  /** Ids that the source itself listed, before it said with authority what there is. */
  readonly #told = new Set<string>();
  #isTrusted = false;
  #kind: "none" | "bound" | "absent" = "none";
  #known: readonly DirectoryEndpoint[] = [];
  /** What led to `#known`. */
  #change: Change | undefined;
  #emptyHold: EmptyHold | undefined;

  constructor(options: GuardOptions) {
    this.#options = options;
  }

  /** `none` until the first answer. */
  get kind(): "none" | "bound" | "absent" {
    return this.#kind;
  }

  /** What the source listed last, sorted by id, without what is kept as a last resort. */
  get known(): readonly DirectoryEndpoint[] {
    return this.#known;
  }

  /** The source has said with authority what there is: a disk knows nothing that it did not tell since. */
  get isTrusted(): boolean {
    return this.#isTrusted;
  }

  /** What is known is from a disk, all of it. */
  get isDiskAlone(): boolean {
    return this.#kind !== "none" && !this.#isTrusted && this.#told.size === 0;
  }

  get holdingEmpty(): boolean {
    return this.#emptyHold !== undefined;
  }

  /** When the next hold ends, on the clock of the `now` arguments; infinity without one. */
  get deadline(): number {
    return Math.min(this.#emptyHold?.until ?? Infinity, this.#lastResort.deadline);
  }

  /** Everything to serve, sorted by id: what is known and what is kept as a last resort. */
  endpoints(): readonly DirectoryEndpoint[] {
    if (this.#lastResort.size === 0) return this.#known;
    return Object.freeze([...this.#known, ...this.#lastResort.endpoints].toSorted(byId));
  }

  /**
   * What there is to tell somebody who knows `served`.
   * @param rest what that was before, less what was told since
   */
  changeFrom(served: readonly DirectoryEndpoint[], rest?: Change): Change {
    const to = this.endpoints();
    const last = this.#change ?? rest;
    // Told once; keeping it would keep the list before as well.
    this.#change = undefined;
    return last?.from === served && last.to === to ? last : changeOf(served, to);
  }

  /** Takes in a snapshot. @returns what was held back for the first time, if anything */
  offer(offer: Offer, now: number): Protection | undefined {
    if (offer.cached === true) return this.#restore(offer.endpoints);
    if (offer.suspect) return this.#merge(offer.endpoints);
    this.#isTrusted = true;
    this.#told.clear();
    if (offer.endpoints.length === 0) return this.#offerEmpty(offer, now);
    this.#emptyHold = undefined;
    return this.#replace(offer, now);
  }

  /**
   * Ends the holds that are over, while the source is `live`: its last word is not believed when it cannot be asked
   * again. @returns whether anything changed
   */
  expire(now: number, live: boolean): boolean {
    if (!live) return false;
    const changed = this.#lastResort.expire(now);
    const hold = this.#emptyHold;
    if (hold === undefined || hold.until > now) return changed;
    this.#clear(hold.kind);
    return true;
  }

  /** Knows nothing any more, as before the first answer. */
  forget(): void {
    this.#clear("bound");
    this.#told.clear();
    this.#isTrusted = false;
    this.#kind = "none";
  }

  #offerEmpty({ kind, explicit }: Offer, now: number): Protection | undefined {
    const { holdMs } = this.#options;
    if (this.#emptyHold !== undefined && !explicit) {
      this.#emptyHold.kind = kind;
      return undefined;
    }
    // Endpoints that were draining have said goodbye: nobody lost them by accident. None of the last resort has.
    const wanted = this.#known.filter(isStaying).length + this.#lastResort.size;
    if (explicit || holdMs === 0 || wanted === 0) {
      this.#clear(kind);
      return undefined;
    }
    this.#emptyHold = { kind, until: now + holdMs };
    const kept = this.#known.length + this.#lastResort.size;
    return { reason: kind === "absent" ? "absent" : "empty", kept, holdMs };
  }

  #replace({ change, endpoints, explicit }: Offer, now: number): Protection | undefined {
    const { holdMs, maxShrinkRatio } = this.#options;
    const before = this.#known.length;
    const gone = this.#accept(endpoints, change).filter(isStaying);
    let protection: Protection | undefined;
    const many = gone.length >= minShrink && gone.length > before * maxShrinkRatio;
    if (!explicit && holdMs > 0 && many) {
      for (const endpoint of gone) this.#lastResort.keep(endpoint, now + holdMs);
      protection = { reason: "shrink", kept: gone.length, holdMs };
    }
    this.#tidy();
    return protection;
  }

  /** Adds and updates, removes nothing. */
  #merge(endpoints: readonly DirectoryEndpoint[]): Protection | undefined {
    const listed = idsOf(endpoints);
    const addresses = new Set(endpoints.map(addressOf));
    const unlisted = this.#known.filter((endpoint) => !listed.has(endpoint.id));
    const kept = unlisted.filter((endpoint) => !addresses.has(addressOf(endpoint)));
    if (endpoints.length > 0) {
      this.#emptyHold = undefined;
      // Nothing may go and nothing more fits: then only what is known is updated.
      const fits = kept.length + endpoints.length <= this.#options.maxEndpoints;
      const ids = idsOf(this.#known);
      const taken = fits ? endpoints : endpoints.filter(({ id }) => ids.has(id));
      this.#accept(Object.freeze([...kept, ...taken].toSorted(byId)));
      if (!this.#isTrusted) for (const { id } of taken) this.#told.add(id);
      this.#tidy();
    }
    return kept.length === 0 ? undefined : { reason: "suspect", kept: kept.length, holdMs: 0 };
  }

  /** Puts what a disk remembers below what the source itself has listed since: a list that may be incomplete removes nothing of it. */
  #restore(endpoints: readonly DirectoryEndpoint[]): undefined {
    if (this.#isTrusted) return;
    const own = this.#known.filter(({ id }) => this.#told.has(id));
    const ids = idsOf(own);
    const addresses = new Set(own.map(addressOf));
    const others = endpoints.filter((each) => !ids.has(each.id) && !addresses.has(addressOf(each)));
    const fitting = others.slice(0, this.#options.maxEndpoints - own.length);
    this.#accept(own.length === 0 ? endpoints : Object.freeze([...own, ...fitting].toSorted(byId)));
  }

  /** Makes `endpoints` what is known. @returns the endpoints that went */
  #accept(endpoints: readonly DirectoryEndpoint[], given?: Change): readonly DirectoryEndpoint[] {
    const from = this.#known;
    const change = given?.from === from ? given : changeOf(from, endpoints);
    this.#known = endpoints;
    this.#change = change;
    this.#kind = "bound";
    return change.diff.removed;
  }

  #clear(kind: "bound" | "absent"): void {
    this.#accept([]);
    this.#lastResort.clear();
    this.#emptyHold = undefined;
    this.#kind = kind;
  }

  #tidy(): void {
    this.#lastResort.makeRoom(this.#known, this.#options.maxEndpoints);
  }
}

function idsOf(endpoints: readonly DirectoryEndpoint[]): ReadonlySet<string> {
  return new Set(endpoints.map(({ id }) => id));
}

function isStaying(endpoint: DirectoryEndpoint): boolean {
  return endpoint.health !== "draining";
}
