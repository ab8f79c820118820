import { byId, changeOf } from "./diff.ts";
import type { Change } from "./diff.ts";
import { hostPort } from "./host.ts";
import type { DirectoryEndpoint } from "./resolution.ts";
import { heldPriorityOffset } from "./resolution.ts";

/** A checked snapshot. */
export interface Offer {
  readonly kind: "bound" | "absent";
  /** Sorted by id, unique by id and by address; empty when absent. */
  readonly endpoints: readonly DirectoryEndpoint[];
  readonly suspect: boolean;
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

interface Held {
  readonly endpoint: DirectoryEndpoint;
  readonly until: number;
}

/** Fewer than this may always go at once: half of a pair is an ordinary deployment. */
const minShrink = 3;

/**
 * Decides how much of a source's word is taken at once. An empty or absent answer waits for its hold; a sudden loss
 * of most endpoints keeps the lost ones as a last resort; a suspect answer removes nothing. It knows time only as
 * an argument.
 */
export class Guard {
  readonly #options: GuardOptions;
  readonly #held = new Map<string, Held>();
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

  get holdingEmpty(): boolean {
    return this.#emptyHold !== undefined;
  }

  /** When the next hold ends, on the clock of the `now` arguments; infinity without one. */
  get deadline(): number {
    let first = this.#emptyHold?.until ?? Infinity;
    for (const { until } of this.#held.values()) first = Math.min(first, until);
    return first;
  }

  /** Everything to serve, sorted by id: what is known and what is kept as a last resort. */
  endpoints(): readonly DirectoryEndpoint[] {
    if (this.#held.size === 0) return this.#known;
    const all = [...this.#known];
    for (const { endpoint } of this.#held.values()) all.push(endpoint);
    return Object.freeze(all.toSorted(byId));
  }

  /** What there is to tell somebody who knows `served`. */
  changeFrom(served: readonly DirectoryEndpoint[]): Change {
    const to = this.endpoints();
    const last = this.#change;
    // Told once; keeping it would keep the list before as well.
    this.#change = undefined;
    return last?.from === served && last.to === to ? last : changeOf(served, to);
  }

  /** Takes in a snapshot. @returns what was held back for the first time, if anything */
  offer(offer: Offer, now: number): Protection | undefined {
    if (offer.suspect) return this.#merge(offer.endpoints);
    if (offer.endpoints.length === 0) return this.#offerEmpty(offer, now);
    this.#emptyHold = undefined;
    return this.#replace(offer, now);
  }

  /**
   * Ends the holds that are over. An empty hold only ends while the source is `live`: its last word is not believed
   * when it cannot be asked again. @returns whether anything changed
   */
  expire(now: number, live: boolean): boolean {
    let changed = false;
    for (const [id, held] of this.#held) {
      if (held.until <= now) changed = this.#held.delete(id);
    }
    const hold = this.#emptyHold;
    if (hold === undefined || hold.until > now || !live) return changed;
    this.#clear(hold.kind);
    return true;
  }

  /** Knows nothing any more, as before the first answer. */
  forget(): void {
    this.#clear("bound");
    this.#kind = "none";
  }

  #offerEmpty({ kind, explicit }: Offer, now: number): Protection | undefined {
    const { holdMs } = this.#options;
    if (this.#emptyHold !== undefined && !explicit) {
      this.#emptyHold.kind = kind;
      return undefined;
    }
    // Endpoints that were draining have said goodbye: nobody lost them by accident.
    const wanted = this.#known.filter(isStaying).length;
    if (explicit || holdMs === 0 || wanted === 0) {
      this.#clear(kind);
      return undefined;
    }
    this.#emptyHold = { kind, until: now + holdMs };
    const kept = this.#known.length + this.#held.size;
    return { reason: kind === "absent" ? "absent" : "empty", kept, holdMs };
  }

  #replace({ change, endpoints, explicit }: Offer, now: number): Protection | undefined {
    const { holdMs, maxShrinkRatio } = this.#options;
    const before = this.#known.length;
    const gone = this.#accept(endpoints, change).filter(isStaying);
    let protection: Protection | undefined;
    const many = gone.length >= minShrink && gone.length > before * maxShrinkRatio;
    if (!explicit && holdMs > 0 && many) {
      for (const endpoint of gone) this.#hold(endpoint, now + holdMs);
      protection = { reason: "shrink", kept: gone.length, holdMs };
    }
    this.#tidyHeld();
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
      this.#tidyHeld();
    }
    return kept.length === 0 ? undefined : { reason: "suspect", kept: kept.length, holdMs: 0 };
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
    this.#held.clear();
    this.#emptyHold = undefined;
    this.#kind = kind;
  }

  #hold(endpoint: DirectoryEndpoint, until: number): void {
    const priority = endpoint.priority + heldPriorityOffset;
    this.#held.set(endpoint.id, { endpoint: Object.freeze({ ...endpoint, priority, held: true }), until });
  }

  /** Drops from the last resort what came back, and the oldest when there are too many. */
  #tidyHeld(): void {
    if (this.#held.size === 0) return;
    const ids = idsOf(this.#known);
    const addresses = new Set(this.#known.map(addressOf));
    let excess = this.#known.length + this.#held.size - this.#options.maxEndpoints;
    for (const [id, { endpoint }] of this.#held) {
      if (excess <= 0 && !ids.has(id) && !addresses.has(addressOf(endpoint))) continue;
      this.#held.delete(id);
      excess--;
    }
  }
}

function idsOf(endpoints: readonly DirectoryEndpoint[]): ReadonlySet<string> {
  return new Set(endpoints.map(({ id }) => id));
}

function isStaying(endpoint: DirectoryEndpoint): boolean {
  return endpoint.health !== "draining";
}

function addressOf(endpoint: DirectoryEndpoint): string {
  return hostPort(endpoint.host, endpoint.port);
}
