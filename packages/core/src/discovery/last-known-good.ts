import type { Clock } from "../clock.ts";
import { Alarm } from "./alarm.ts";
import { CurrentResolution } from "./current-resolution.ts";
import type { ResolvedDirectoryOptions } from "./directory-options.ts";
import type { WatchState } from "./dump.ts";
import { Freshness } from "./freshness.ts";
import { Guard } from "./guard.ts";
import { Intake } from "./intake.ts";
import type { News } from "./intake.ts";
import type { Reporter } from "./reporter.ts";
import type { Diff, Resolution } from "./resolution.ts";
import type { SourceWatchSink } from "./source-watch.ts";
import type { DiscoveryError, DiscoveryNotice } from "./source.ts";
import { readHead } from "./validate.ts";

/** What it stands on. */
export interface LastKnownGoodParts {
  readonly clock: Clock;
  readonly options: ResolvedDirectoryOptions;
  readonly reporter: Reporter;
  /** Hears of each change of what is known, in order. */
  readonly changed: (resolution: Resolution, diff: Diff) => void;
  /** Asks the source at once, because what it said is in doubt. */
  readonly ask: (reason: string) => void;
  /** The source shall tell everything anew. */
  readonly restart: (problem: string) => void;
}

/**
 * What is known of a service, whatever its source does. A snapshot goes: check the outside, check the entries, maybe wait
 * for more (debounce), let the guard decide how much of it counts, compare, tell. Trouble changes nothing but the marks.
 */
export class LastKnownGood implements SourceWatchSink {
  readonly #parts: LastKnownGoodParts;
  readonly #reporter: Reporter;
  readonly #guard: Guard;
  readonly #freshness: Freshness;
  readonly #intake: Intake;
  readonly #current: CurrentResolution;
  readonly #hold: Alarm;
  /** Half of a hold is over: asks once more. */
  readonly #confirm: Alarm;
  /** The last snapshot made no sense, so an `alive` only confirms nonsense. */
  #refused = false;
  /** What it listed was given up, and it listed nothing since. */
  #wasGivenUp = false;
  #closed = false;

  constructor(parts: LastKnownGoodParts) {
    const { ask, changed, clock, options, reporter } = parts;
    this.#parts = parts;
    this.#reporter = reporter;
    const { emptyHoldMs: holdMs, maxShrinkRatio, maxEndpoints } = options;
    const guard = new Guard({ holdMs, maxShrinkRatio, maxEndpoints });
    const freshness = new Freshness(clock, options.maxStaleMs, (error) => {
      this.#giveUp(error);
    });
    this.#guard = guard;
    this.#freshness = freshness;
    this.#current = new CurrentResolution({ clock, guard, freshness, reporter, changed });
    this.#intake = new Intake(clock, options.debounceMs, guard, (news) => {
      this.#apply(news);
    });
    this.#hold = new Alarm(clock, () => {
      this.#settle();
    });
    this.#confirm = new Alarm(clock, () => {
      if (Number.isFinite(guard.deadline)) ask("confirm once more");
    });
  }

  get current(): Resolution {
    return this.#current.value;
  }

  get told(): Resolution {
    return this.#current.told;
  }

  /** The latest trouble; `undefined` while the source is well. */
  get trouble(): DiscoveryError | undefined {
    return this.#freshness.error;
  }

  /** Its part of a dump. */
  get state(): Omit<WatchState, "now" | "service" | "source" | "users" | "opened" | "counts"> {
    return {
      current: this.#current.value,
      version: this.#current.version,
      aliveAt: this.#freshness.aliveAt,
      changedAt: this.#current.changedAt,
      staleSince: this.#freshness.troubledSince,
      error: this.#freshness.error,
      from: this.#current.marks.from,
      holdingEmpty: this.#guard.holdingEmpty,
      holdEndsAt: this.#guard.deadline,
    };
  }

  snapshot(raw: unknown): void {
    this.#reporter.counts.snapshots++;
    const head = readHead(raw, this.#parts.options.maxEndpoints);
    if (typeof head === "string") {
      this.#intake.flush();
      this.#refuse(head);
      return;
    }
    this.#intake.take(head);
  }

  alive(ageMs: number): void {
    // It confirms a list that was given up since: only a new watch says it again.
    if (this.#wasGivenUp && !this.#refused) {
      this.#wasGivenUp = false;
      this.#parts.restart("the source confirms a list that was given up");
      return;
    }
    this.#wake(ageMs);
    this.#settle();
  }

  error(error: DiscoveryError): void {
    // What came before the error is good and counts as such.
    this.#intake.flush();
    this.#report(error);
  }

  notice(notice: DiscoveryNotice): void {
    this.#reporter.noticed(notice);
  }

  /** There is no answer in time. */
  late(error: DiscoveryError): void {
    // An answer that is long is being read, or told.
    this.#intake.flush();
    this.#current.finish();
    if (this.current.status === "pending") this.#current.fail(error);
  }

  /** Ends every timer; nothing is told any more. */
  close(): void {
    this.#closed = true;
    for (const alarm of [this.#hold, this.#confirm]) alarm.clear();
    this.#intake.close();
    this.#current.close();
    this.#freshness.forget();
  }

  #apply({ body, change, head }: News): void {
    const { endpoints, skipped, reason } = body;
    const { cached, explicit, kind, suspect } = head;
    // A disk knows nothing that the source did not tell since.
    if (cached && (this.#guard.isTrusted || head.entries.length === 0)) return;
    this.#reporter.skipped(skipped, reason);
    if (this.#closed) return;
    if (endpoints.length === 0 && skipped > 0) {
      // A disk that holds nonsense is no trouble of the source.
      if (!cached) this.#refuse(`none of ${skipped} entries is usable: ${reason}`);
      return;
    }
    // An incomplete nothing is no answer: it would only turn "not known yet" into "none".
    if (suspect && endpoints.length === 0 && this.#guard.kind === "none") return;
    if (!cached) this.#refused = false;
    this.#wasGivenUp = false;
    if (!suspect) {
      this.#reporter.trusted();
      this.#freshness.live();
    }
    if (cached) this.#freshness.restored(head.ageMs);
    else if (head.trouble === undefined) this.#wake(head.ageMs);
    else this.#freshness.confirmed(head.ageMs);
    const sayTrouble = head.trouble !== undefined && this.#suffer(head.trouble);
    const offer = { kind, endpoints, suspect, cached, explicit, change };
    const protection = this.#guard.offer(offer, this.#parts.clock.now());
    this.#settle();
    // After the list, so that what is known now is what the error says is still served.
    if (sayTrouble && !this.#closed) this.#reporter.error(head.trouble, this.#current.size);
    if (cached || head.trouble !== undefined) this.#watchStale();
    if (protection === undefined || this.#closed) return;
    this.#reporter.protected(protection);
    if (suspect || this.#closed) return;
    this.#parts.ask(`confirm ${protection.reason}`);
    this.#confirm.set(protection.holdMs / 2);
  }

  #refuse(problem: string): void {
    this.#refused = true;
    this.#report({ class: "data", message: problem });
  }

  #report(error: DiscoveryError): void {
    if (this.#closed) return;
    this.#current.finish();
    const say = this.#suffer(error);
    const { status } = this.current;
    if (status === "bound") this.#current.remark();
    else if (status === "failed") this.#current.failAgain(error);
    else if (status === "pending" && (error.class === "auth" || error.class === "config")) {
      this.#current.fail(error);
    }
    if (say) this.#reporter.error(error, this.#current.size);
    if (this.#guard.kind === "none" || this.#closed) return;
    if (error.class === "data" && this.#parts.options.onDataError === "drop") this.#giveUp(error);
    else this.#watchStale();
  }

  /** Notes trouble. @returns whether it is to be said */
  #suffer(error: DiscoveryError): boolean {
    this.#reporter.counts.errors++;
    if (error.class === "protocol-reset") this.#reporter.counts.resets++;
    return this.#freshness.suffer(error);
  }

  #watchStale(): void {
    if (this.#guard.kind !== "none" && !this.#closed) this.#freshness.watch();
  }

  /** The source spoke sense. */
  #wake(ageMs: number): void {
    if (this.#refused) return;
    this.#freshness.confirmed(ageMs);
    const staleMs = this.#freshness.recover();
    this.#current.remark();
    if (staleMs !== undefined) this.#reporter.recovered(staleMs);
  }

  /** Serves nothing any more; the next good answer is like the first. */
  #giveUp(error: DiscoveryError): void {
    for (const alarm of [this.#hold, this.#confirm]) alarm.clear();
    this.#intake.forget();
    this.#guard.forget();
    this.#wasGivenUp = true;
    this.#freshness.forget();
    this.#current.giveUp(error);
  }

  /** Ends the holds that are over, waits for the next one, and tells what came of it. */
  #settle(): void {
    if (this.#closed) return;
    const now = this.#parts.clock.now();
    this.#guard.expire(now, this.#freshness.error === undefined);
    const { deadline } = this.#guard;
    // A deadline in the past waits for the source to be well again, which leads here.
    if (deadline > now && Number.isFinite(deadline)) this.#hold.set(deadline - now);
    else this.#hold.clear();
    if (deadline === Infinity) this.#confirm.clear();
    this.#current.publish();
  }
}
