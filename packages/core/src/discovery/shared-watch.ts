import type { Clock } from "../clock.ts";
import { ProxylessError } from "../errors.ts";
import type { EventHub } from "../events.ts";
import type { Random } from "../random.ts";
import { Alarm } from "./alarm.ts";
import { Audience } from "./audience.ts";
import { changeOf, isEmptyDiff } from "./diff.ts";
import type { Change } from "./diff.ts";
import type { ResolvedDirectoryOptions } from "./directory-options.ts";
import { describeWatch } from "./dump.ts";
import type { WatchDump } from "./dump.ts";
import { Guard } from "./guard.ts";
import type { Listing } from "./listing.ts";
import { Refresher } from "./refresher.ts";
import { Reporter } from "./reporter.ts";
import type { Diff, DirectoryEndpoint, Resolution } from "./resolution.ts";
import { SourceWatch } from "./source-watch.ts";
import type { SourceWatchSink } from "./source-watch.ts";
import type { DiscoveryError, DiscoverySource } from "./source.ts";
import { DirectorySubscription, noChange } from "./subscription.ts";
import type { SubscriptionHost } from "./subscription.ts";
import { Trouble } from "./trouble.ts";
import { worsens } from "./urgency.ts";
import type { SnapshotBody, SnapshotHead } from "./validate.ts";
import { readBody, readHead } from "./validate.ts";

/** What every watch of a directory is made with. */
export interface WatchEnvironment {
  readonly source: DiscoverySource;
  readonly clock: Clock;
  readonly random: Random;
  readonly events: EventHub;
  readonly options: ResolvedDirectoryOptions;
}

/** A snapshot that was read, and what comes of it. */
interface News {
  readonly head: SnapshotHead;
  readonly body: SnapshotBody;
  readonly change: Change;
}

/**
 * One upstream watch and all who use it. A snapshot goes: check the outside, check the entries, maybe wait for
 * more (debounce), let the guard decide how much of it counts, compare, tell.
 */
export class SharedWatch implements SubscriptionHost, SourceWatchSink {
  readonly service: string;
  readonly #env: WatchEnvironment;
  readonly #onIdle: () => void;
  readonly #guard: Guard;
  readonly #trouble = new Trouble();
  readonly #upstream: SourceWatch;
  readonly #refresher: Refresher;
  readonly #reporter: Reporter;
  readonly #audience: Audience;
  readonly #startedAt: number;
  readonly #init: Alarm;
  readonly #debounce: Alarm;
  readonly #hold: Alarm;
  readonly #linger: Alarm;
  #current: Resolution = Object.freeze({ status: "pending" });
  /** What the last snapshot listed. */
  #listing: Listing | undefined;
  #served: readonly DirectoryEndpoint[] = Object.freeze([]);
  /** A snapshot that waits for the debounce to end. */
  #waiting: News | undefined;
  /** The last snapshot made no sense, so an `alive` only confirms nonsense. */
  #refused = false;
  #aliveAt = -Infinity;
  #changedAt = -Infinity;
  #version = 0;
  #closed = false;

  constructor(service: string, env: WatchEnvironment, onIdle: () => void) {
    const { source, clock, random, events, options } = env;
    this.service = service;
    this.#env = env;
    this.#onIdle = onIdle;
    this.#startedAt = clock.now();
    this.#guard = new Guard({
      holdMs: options.emptyHoldMs,
      maxShrinkRatio: options.maxShrinkRatio,
      maxEndpoints: options.maxEndpoints,
    });
    this.#init = new Alarm(clock, () => {
      this.#fail(this.#lateError());
    });
    this.#debounce = new Alarm(clock, () => {
      this.#flush();
    });
    this.#hold = new Alarm(clock, () => {
      this.#settle();
    });
    this.#linger = new Alarm(clock, onIdle);
    this.#reporter = new Reporter(service, source.name, events);
    this.#audience = new Audience((resolution, diff) => {
      this.#reporter.updated(resolution, diff);
    });
    this.#refresher = new Refresher(clock, random, options.refreshMinMs, (reason) => {
      this.#reporter.counts.refreshes++;
      this.#upstream.refresh(reason);
    });
    this.#upstream = new SourceWatch(source, { service }, clock, random, this);
  }

  get current(): Resolution {
    return this.#current;
  }

  get sequence(): number {
    return this.#audience.sequence;
  }

  /** Begins to watch; apart from the constructor because a source may answer before this returns. */
  start(): void {
    this.#init.set(this.#env.options.initTimeoutMs);
    this.#upstream.open();
  }

  subscribe(): DirectorySubscription {
    this.#linger.clear();
    const user = new DirectorySubscription(this);
    this.#audience.add(user);
    return user;
  }

  release(user: DirectorySubscription): void {
    if (!this.#audience.delete(user) || this.#audience.size > 0) return;
    const { lingerMs } = this.#env.options;
    if (lingerMs === 0) this.#onIdle();
    else this.#linger.set(lingerMs);
  }

  waiting(): void {
    if (!this.#init.armed) return;
    // While somebody awaits the answer the process must live to see it, or its absence.
    const left = this.#startedAt + this.#env.options.initTimeoutMs - this.#env.clock.now();
    this.#init.set(left, !this.#audience.hasWaiters);
  }

  refresh(reason: string): void {
    this.#refresher.ask(reason);
  }

  failure(): ProxylessError {
    const error = this.#current.status === "failed" ? this.#current.error : this.#lateError();
    const from = this.#env.source.name;
    return new ProxylessError(
      "ERR_PROXYLESS_DISCOVERY",
      `no endpoints of ${this.service} from ${from}: ${error.message} (${error.class})`,
      {
        service: this.service,
        flag: "UH",
        retryable: error.class !== "auth" && error.class !== "config",
        retryAfterMs: error.retryAfterMs,
        ...(error.cause === undefined ? undefined : { cause: error.cause }),
      },
    );
  }

  snapshot(raw: unknown): void {
    this.#reporter.counts.snapshots++;
    const head = readHead(raw, this.#env.options.maxEndpoints);
    if (typeof head === "string") {
      this.#flush();
      this.#refuse(head);
      return;
    }
    // Snapshots are total, so a newer one replaces the one that waits. One that says less than everything, or is
    // taken in another way than the one that waits, must not swallow it.
    const plain = !head.suspect && !head.explicit && head.entries.length > 0;
    if (!plain || this.#waiting?.head.suspect === true) this.#flush();
    if (this.#closed) return;
    const news = this.#read(head);
    if (this.#isUrgent(news)) {
      this.#drop();
      this.#apply(news);
      return;
    }
    this.#waiting = news;
    if (!this.#debounce.armed) this.#debounce.set(this.#env.options.debounceMs);
  }

  alive(ageMs: number): void {
    this.#wake(ageMs);
    this.#settle();
  }

  error(error: DiscoveryError): void {
    // What came before the error is good and counts as such.
    this.#flush();
    this.#report(error);
  }

  dump(): WatchDump {
    const { clock, source } = this.#env;
    return describeWatch({
      now: clock.now(),
      service: this.service,
      source: source.name,
      current: this.#current,
      version: this.#version,
      aliveAt: this.#aliveAt,
      changedAt: this.#changedAt,
      staleSince: this.#trouble.since,
      error: this.#trouble.error,
      holdingEmpty: this.#guard.holdingEmpty,
      holdEndsAt: this.#guard.deadline,
      users: this.#audience.size,
      opened: this.#upstream.opened,
      counts: this.#reporter.counts,
    });
  }

  /** Ends everything; no listener is called any more. Resolves when the source has let go. */
  close(): Promise<void> {
    this.#closed = true;
    for (const alarm of [this.#init, this.#hold, this.#linger]) alarm.clear();
    this.#drop();
    this.#refresher.close();
    this.#audience.end();
    return this.#upstream.close();
  }

  #read(head: SnapshotHead): News {
    const { known } = this.#guard;
    // Unless the guard made something else of what the source told last.
    const last = this.#listing?.sorted === known ? this.#listing : undefined;
    const body = readBody(head, known, last);
    return { head, body, change: body.change ?? changeOf(known, body.endpoints) };
  }

  #isUrgent({ change, head }: News): boolean {
    return (
      this.#env.options.debounceMs === 0 ||
      this.#guard.known.length === 0 ||
      this.#guard.holdingEmpty ||
      head.explicit ||
      head.entries.length === 0 ||
      worsens(change.diff)
    );
  }

  #drop(): void {
    this.#waiting = undefined;
    this.#debounce.clear();
  }

  #flush(): void {
    const news = this.#waiting;
    this.#drop();
    if (news !== undefined) this.#apply(news);
  }

  #apply({ body, change, head }: News): void {
    const { endpoints, skipped, reason } = body;
    this.#listing = body.listing;
    this.#reporter.skipped(skipped, reason);
    if (this.#closed) return;
    if (endpoints.length === 0 && skipped > 0) {
      this.#refuse(`none of ${skipped} entries is usable: ${reason}`);
      return;
    }
    const { kind, suspect, explicit } = head;
    // An incomplete nothing is no answer: it would only turn "not known yet" into "none".
    if (suspect && endpoints.length === 0 && this.#guard.kind === "none") return;
    this.#refused = false;
    if (!suspect) this.#reporter.trusted();
    this.#wake(head.ageMs);
    const protection = this.#guard.offer(
      { kind, endpoints, suspect, explicit, change },
      this.#env.clock.now(),
    );
    this.#settle();
    if (protection === undefined || this.#closed) return;
    this.#reporter.protected(protection);
    if (!suspect) this.#refresher.askNow(`confirm ${protection.reason}`);
  }

  #refuse(problem: string): void {
    this.#refused = true;
    this.#report({ class: "data", message: problem });
  }

  #report(error: DiscoveryError): void {
    if (this.#closed) return;
    this.#reporter.counts.errors++;
    const say = this.#trouble.begin(error, this.#env.clock.now());
    const { status } = this.#current;
    if (status === "bound") this.#mark(true);
    else if (status === "failed") this.#current = Object.freeze({ status, error });
    else if (status === "pending" && (error.class === "auth" || error.class === "config")) this.#fail(error);
    if (say) this.#reporter.error(error, this.#served.length);
  }

  /** The source spoke sense. */
  #wake(ageMs: number): void {
    const now = this.#env.clock.now();
    // Knowledge does not get older by asking somebody worse informed.
    this.#aliveAt = Math.max(this.#aliveAt, now - ageMs);
    if (this.#refused) return;
    const staleMs = this.#trouble.end(now);
    this.#mark(false);
    if (staleMs !== undefined) this.#reporter.recovered(staleMs);
  }

  #mark(stale: boolean): void {
    const { current } = this;
    if (current.status !== "bound" || current.stale === stale) return;
    this.#current = Object.freeze({ ...current, stale });
  }

  /** Ends the holds that are over, waits for the next one, and tells what came of it. */
  #settle(): void {
    if (this.#closed) return;
    const now = this.#env.clock.now();
    this.#guard.expire(now, this.#trouble.error === undefined);
    const { deadline } = this.#guard;
    // A deadline in the past waits for the source to be well again, which leads here.
    if (deadline > now && Number.isFinite(deadline)) this.#hold.set(deadline - now);
    else this.#hold.clear();
    this.#publish();
  }

  #publish(): void {
    const { kind } = this.#guard;
    if (kind === "none") return;
    const { diff, to: endpoints } = this.#guard.changeFrom(this.#served);
    if (this.#current.status === kind && isEmptyDiff(diff)) return;
    const version = ++this.#version;
    const stale = this.#trouble.error !== undefined;
    this.#served = endpoints;
    this.#changedAt = this.#env.clock.now();
    this.#reporter.counts.updates++;
    this.#change(
      kind === "absent" ? { status: kind, version } : { status: kind, endpoints, version, stale },
      diff,
    );
  }

  #fail(error: DiscoveryError): void {
    this.#change({ status: "failed", error }, noChange);
  }

  #change(resolution: Resolution, diff: Diff): void {
    this.#init.clear();
    this.#current = Object.freeze(resolution);
    this.#audience.tell(resolution, diff);
  }

  #lateError(): DiscoveryError {
    const waited = `no answer within ${this.#env.options.initTimeoutMs} ms`;
    const last = this.#trouble.error;
    if (last === undefined) return { class: "transient", message: waited };
    return { ...last, message: `${waited}, last error: ${last.message}` };
  }
}
