import type { Clock } from "../clock.ts";
import { ProxylessError } from "../errors.ts";
import type { EventHub } from "../events.ts";
import type { Random } from "../random.ts";
import { Alarm } from "./alarm.ts";
import { Audience } from "./audience.ts";
import { isEmptyDiff } from "./diff.ts";
import type { ResolvedDirectoryOptions } from "./directory-options.ts";
import { describeWatch } from "./dump.ts";
import type { WatchDump } from "./dump.ts";
import { Freshness } from "./freshness.ts";
import { Guard } from "./guard.ts";
import { Intake } from "./intake.ts";
import type { News } from "./intake.ts";
import { Refresher } from "./refresher.ts";
import { Reporter } from "./reporter.ts";
import type { Diff, DirectoryEndpoint, Resolution } from "./resolution.ts";
import { SourceWatch } from "./source-watch.ts";
import type { SourceWatchSink } from "./source-watch.ts";
import type { DiscoveryError, DiscoveryNotice, DiscoverySource } from "./source.ts";
import { DirectorySubscription, noChange } from "./subscription.ts";
import type { SubscriptionHost } from "./subscription.ts";
import { readHead } from "./validate.ts";

/** What every watch of a directory is made with. */
export interface WatchEnvironment {
  readonly source: DiscoverySource;
  readonly clock: Clock;
  readonly random: Random;
  readonly events: EventHub;
  readonly options: ResolvedDirectoryOptions;
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
  readonly #freshness: Freshness;
  readonly #intake: Intake;
  readonly #upstream: SourceWatch;
  readonly #refresher: Refresher;
  readonly #reporter: Reporter;
  readonly #audience: Audience;
  readonly #startedAt: number;
  readonly #init: Alarm;
  readonly #hold: Alarm;
  /** Half of a hold is over: asks once more. */
  readonly #confirm: Alarm;
  readonly #linger: Alarm;
  #current: Resolution = Object.freeze({ status: "pending" });
  #served: readonly DirectoryEndpoint[] = Object.freeze([]);
  /** The last snapshot made no sense, so an `alive` only confirms nonsense. */
  #refused = false;
  /** What it listed was given up, and it listed nothing since. */
  #wasGivenUp = false;
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
    this.#intake = new Intake(clock, options.debounceMs, this.#guard, (news) => {
      this.#apply(news);
    });
    this.#freshness = new Freshness(clock, options.maxStaleMs, (error) => {
      this.#giveUp(error);
    });
    this.#hold = new Alarm(clock, () => {
      this.#settle();
    });
    this.#confirm = new Alarm(clock, () => {
      if (Number.isFinite(this.#guard.deadline)) this.#refresher.askNow("confirm once more");
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
      this.#intake.flush();
      this.#refuse(head);
      return;
    }
    // A disk knows nothing that the source did not tell since.
    const isTooLate = this.#guard.kind !== "none" && !this.#freshness.isFromDisk;
    if (head.cached && (isTooLate || head.entries.length === 0)) return;
    this.#intake.take(head);
  }

  alive(ageMs: number): void {
    // It confirms a list that was given up since: only a new watch says it again.
    if (this.#wasGivenUp && !this.#refused) {
      this.#wasGivenUp = false;
      this.#upstream.restart("the source confirms a list that was given up");
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

  dump(): WatchDump {
    const { clock, source } = this.#env;
    return describeWatch({
      now: clock.now(),
      service: this.service,
      source: source.name,
      current: this.#current,
      version: this.#version,
      aliveAt: this.#freshness.aliveAt,
      changedAt: this.#changedAt,
      staleSince: this.#freshness.troubledSince,
      error: this.#freshness.error,
      from: this.#marks().from,
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
    for (const alarm of [this.#init, this.#hold, this.#confirm, this.#linger]) alarm.clear();
    this.#intake.close();
    this.#freshness.forget();
    this.#refresher.close();
    this.#audience.end();
    return this.#upstream.close();
  }

  #apply({ body, change, head }: News): void {
    const { endpoints, skipped, reason } = body;
    this.#reporter.skipped(skipped, reason);
    if (this.#closed) return;
    if (endpoints.length === 0 && skipped > 0) {
      // A disk that holds nonsense is no trouble of the source.
      if (!head.cached) this.#refuse(`none of ${skipped} entries is usable: ${reason}`);
      return;
    }
    const { cached, explicit, kind, suspect } = head;
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
    const protection = this.#guard.offer(
      { kind, endpoints, suspect: suspect && !cached, explicit, change },
      this.#env.clock.now(),
    );
    this.#settle();
    // After the list, so that what is known now is what the error says is still served.
    if (sayTrouble && !this.#closed) this.#reporter.error(head.trouble, this.#served.length);
    if (cached || head.trouble !== undefined) this.#watchStale();
    if (protection === undefined || this.#closed) return;
    this.#reporter.protected(protection);
    if (suspect || this.#closed) return;
    this.#refresher.askNow(`confirm ${protection.reason}`);
    this.#confirm.set(protection.holdMs / 2);
  }

  #refuse(problem: string): void {
    this.#refused = true;
    this.#report({ class: "data", message: problem });
  }

  #report(error: DiscoveryError): void {
    if (this.#closed) return;
    const say = this.#suffer(error);
    const { status } = this.#current;
    if (status === "bound") this.#remark();
    else if (status === "failed") this.#current = Object.freeze({ status, error });
    else if (status === "pending" && (error.class === "auth" || error.class === "config")) this.#fail(error);
    if (say) this.#reporter.error(error, this.#served.length);
    if (this.#guard.kind === "none" || this.#closed) return;
    if (error.class === "data" && this.#env.options.onDataError === "drop") this.#giveUp(error);
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
    this.#freshness.confirmed(ageMs);
    if (this.#refused) return;
    const staleMs = this.#freshness.recover();
    this.#remark();
    if (staleMs !== undefined) this.#reporter.recovered(staleMs);
  }

  /** Serves nothing any more; the next good answer is like the first. */
  #giveUp(error: DiscoveryError): void {
    const removed = this.#served;
    for (const alarm of [this.#hold, this.#confirm]) alarm.clear();
    this.#intake.forget();
    this.#guard.forget();
    this.#wasGivenUp = true;
    this.#freshness.forget();
    this.#served = Object.freeze([]);
    this.#version++;
    this.#changedAt = this.#env.clock.now();
    this.#reporter.counts.updates++;
    this.#change({ status: "failed", error }, { ...noChange, removed });
  }

  /** Says anew where the endpoints come from and whether anybody confirms them. */
  #remark(): void {
    const { current } = this;
    if (current.status !== "bound") return;
    const { from, stale } = this.#marks();
    if (current.stale === stale && current.from === from) return;
    this.#current = Object.freeze({ ...current, stale, from });
  }

  #marks(): { readonly stale: boolean; readonly from: "live" | "held" | "disk" } {
    const { isFromDisk, isStale } = this.#freshness;
    return { stale: isStale, from: isFromDisk ? "disk" : this.#guard.holdingEmpty ? "held" : "live" };
  }

  /** Ends the holds that are over, waits for the next one, and tells what came of it. */
  #settle(): void {
    if (this.#closed) return;
    const now = this.#env.clock.now();
    this.#guard.expire(now, this.#freshness.error === undefined);
    const { deadline } = this.#guard;
    // A deadline in the past waits for the source to be well again, which leads here.
    if (deadline > now && Number.isFinite(deadline)) this.#hold.set(deadline - now);
    else this.#hold.clear();
    if (deadline === Infinity) this.#confirm.clear();
    this.#publish();
  }

  #publish(): void {
    const { kind } = this.#guard;
    if (kind === "none") return;
    const { diff, to: endpoints } = this.#guard.changeFrom(this.#served);
    if (this.#current.status === kind && isEmptyDiff(diff)) {
      this.#remark();
      return;
    }
    const version = ++this.#version;
    this.#served = endpoints;
    this.#changedAt = this.#env.clock.now();
    this.#reporter.counts.updates++;
    this.#change(
      kind === "absent" ? { status: kind, version } : { status: kind, endpoints, version, ...this.#marks() },
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
    const last = this.#freshness.error;
    if (last === undefined) return { class: "transient", message: waited };
    return { ...last, message: `${waited}, last error: ${last.message}` };
  }
}
