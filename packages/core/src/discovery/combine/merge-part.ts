import type { Clock } from "../../clock.ts";
import { Alarm } from "../alarm.ts";
import { changeOf } from "../diff.ts";
import { Guard } from "../guard.ts";
import type { Listing } from "../listing.ts";
import { Refresher } from "../refresher.ts";
import type { DirectoryEndpoint } from "../resolution.ts";
import { SourceWatch } from "../source-watch.ts";
import type { DiscoveryError, DiscoveryNotice, DiscoverySource, Target, WatchContext } from "../source.ts";
import { readBody, readHead } from "../validate.ts";

/** Who puts the parts together. */
export interface MergePartOwner {
  /** The part's list, or what is known of it, changed. @param explicit what went was taken out on purpose */
  changed(explicit: boolean): void;
  /** The part's source confirmed its list. */
  confirmed(): void;
  failed(part: MergePart, error: DiscoveryError): void;
  notice(part: MergePart, notice: DiscoveryNotice): void;
}

export interface MergePartOptions {
  readonly label: string;
  readonly source: DiscoverySource;
  readonly target: Target;
  readonly context: WatchContext;
  readonly maxEndpoints: number;
}

const defaultHoldMs = 30_000;
const defaultShrinkRatio = 0.5;
const refreshMinMs = 5_000;

/**
 * One of several sources, with protections of its own: an answer that would take all of its endpoints away is no less
 * doubtful because others have some.
 */
export class MergePart {
  readonly label: string;
  /** The latest error; undefined while the source is well. */
  error: DiscoveryError | undefined;
  /** Since when it has endpoints again after all of them were gone; undefined when they never were. */
  returnedAt: number | undefined;
  /** What it knows is from a disk, or some of it: its source did not say with authority what there is. */
  isFromDisk = false;
  aliveAt: number = -Infinity;
  skipped = 0;
  readonly #clock: Clock;
  readonly #maxEndpoints: number;
  readonly #owner: MergePartOwner;
  readonly #guard: Guard;
  /** The last list made no sense, so that confirming it says nothing. */
  #refused = false;
  readonly #hold: Alarm;
  readonly #watch: SourceWatch;
  readonly #confirm: Refresher;
  #listing: Listing | undefined;
  #endpoints: readonly DirectoryEndpoint[] = [];
  #wasEmptied = false;
  #unheard: readonly string[] = [];

  constructor({ context, label, maxEndpoints, source, target }: MergePartOptions, owner: MergePartOwner) {
    const { clock, random } = context;
    this.label = label;
    this.#clock = clock;
    this.#maxEndpoints = maxEndpoints;
    this.#owner = owner;
    const { emptyHoldMs, maxShrinkRatio = defaultShrinkRatio } = context.protection ?? {};
    const ownHoldMs = emptyHoldMs ?? source.emptyHoldMs ?? defaultHoldMs;
    const holdMs = source.protectsItself === true ? 0 : ownHoldMs;
    this.#guard = new Guard({ holdMs, maxShrinkRatio, maxEndpoints });
    this.#hold = new Alarm(clock, () => {
      this.#settle(false);
    });
    this.#confirm = new Refresher(clock, random, refreshMinMs, (reason) => {
      this.refresh(reason);
    });
    this.#watch = new SourceWatch(source, target, context, {
      snapshot: (raw) => {
        this.#take(raw);
      },
      alive: (ageMs) => {
        this.#alive(ageMs);
      },
      error: (error) => {
        this.#fail(error);
      },
      notice: (notice) => {
        owner.notice(this, notice);
      },
    });
  }

  open(): void {
    this.#watch.open();
  }

  close(): Promise<void> {
    this.#hold.clear();
    this.#confirm.close();
    return this.#watch.close();
  }

  refresh(reason: string): void {
    this.#watch.refresh(reason);
  }

  /** `none` until the first answer. */
  get kind(): "none" | "bound" | "absent" {
    return this.#guard.kind;
  }

  /** All that it knows is from a disk: its source listed nothing yet. */
  get isDiskAlone(): boolean {
    return this.#guard.isDiskAlone;
  }

  get isWell(): boolean {
    return this.error === undefined && !this.isFromDisk && this.kind !== "none";
  }

  /** Beginnings of ids, as the part has them, of which nobody but a disk can know anything. */
  get unheard(): readonly string[] {
    return this.kind === "none" || this.isFromDisk ? [""] : this.#unheard;
  }

  /** What it lists, and what it keeps as a last resort; sorted by id. */
  get endpoints(): readonly DirectoryEndpoint[] {
    return this.#endpoints;
  }

  #take(raw: unknown): void {
    const head = readHead(raw, this.#maxEndpoints);
    if (typeof head === "string") {
      this.#refused = true;
      this.#fail({ class: "data", message: head });
      return;
    }
    const isUseless = head.entries.length === 0 || this.#guard.isTrusted;
    if (head.cached && isUseless) return;
    const { known } = this.#guard;
    const body = readBody(head, known, this.#listing?.sorted === known ? this.#listing : undefined);
    const { change = changeOf(known, body.endpoints), endpoints, listing, reason, skipped } = body;
    this.#listing = listing;
    this.skipped = skipped;
    if (endpoints.length === 0 && skipped > 0) {
      this.#refused = true;
      this.#fail({ class: "data", message: `none of ${skipped} entries is usable: ${reason}` });
      return;
    }
    this.#refused = false;
    const { ageMs, cached, explicit, kind, suspect } = head;
    if (suspect && endpoints.length === 0 && this.kind === "none") return;
    this.isFromDisk = cached || (this.isFromDisk && suspect);
    this.error = head.trouble;
    this.#unheard = head.unheard;
    const now = this.#clock.now();
    this.aliveAt = Math.max(this.aliveAt, now - ageMs);
    const protection = this.#guard.offer({ kind, endpoints, suspect, cached, explicit, change }, now);
    this.#settle(explicit);
    if (protection === undefined || suspect) return;
    const message = `${protection.reason}: ${protection.kept} endpoints stay for ${protection.holdMs} ms`;
    this.#owner.notice(this, { topic: "merge", message });
    this.#confirm.askNow(`confirm ${protection.reason}`);
  }

  #alive(ageMs: number): void {
    // It confirms what could not be used.
    if (this.#refused) return;
    this.aliveAt = Math.max(this.aliveAt, this.#clock.now() - ageMs);
    const wasInTrouble = this.error !== undefined;
    this.error = undefined;
    this.#guard.expire(this.#clock.now(), true);
    if (wasInTrouble || this.#guard.endpoints() !== this.#endpoints) this.#settle(false);
    else this.#owner.confirmed();
  }

  #fail(error: DiscoveryError): void {
    const labelled = { ...error, message: `[${this.label}] ${error.message}` };
    this.error = labelled;
    this.#owner.failed(this, labelled);
  }

  #settle(explicit: boolean): void {
    const now = this.#clock.now();
    this.#guard.expire(now, this.error === undefined);
    const { deadline } = this.#guard;
    if (deadline > now && Number.isFinite(deadline)) this.#hold.set(deadline - now);
    else this.#hold.clear();
    const before = this.#endpoints.length;
    this.#endpoints = this.#guard.endpoints();
    if (this.#endpoints.length === 0 && before > 0) this.#wasEmptied = true;
    if (this.#endpoints.length > 0 && before === 0 && this.#wasEmptied) this.returnedAt = now;
    this.#owner.changed(explicit);
  }
}
