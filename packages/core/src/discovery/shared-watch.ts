import type { Clock } from "../clock.ts";
import { ProxylessError } from "../errors.ts";
import type { EventHub } from "../event-hub.ts";
import type { Random } from "../random.ts";
import { Alarm } from "./alarm.ts";
import { Audience } from "./audience.ts";
import type { ResolvedDirectoryOptions } from "./directory-options.ts";
import { describeWatch, readWatch } from "./dump.ts";
import type { WatchDump, WatchReading, WatchState } from "./dump.ts";
import { LastKnownGood } from "./last-known-good.ts";
import { Refresher } from "./refresher.ts";
import { Reporter } from "./reporter.ts";
import type { Resolution } from "./resolution.ts";
import { SourceWatch } from "./source-watch.ts";
import type { DiscoveryError, DiscoverySource } from "./source.ts";
import { DirectorySubscription } from "./subscription.ts";
import type { SubscriptionHost } from "./subscription.ts";

/** What every watch of a directory is made with. */
export interface WatchEnvironment {
  readonly source: DiscoverySource;
  readonly clock: Clock;
  readonly random: Random;
  readonly events: EventHub;
  readonly options: ResolvedDirectoryOptions;
}

/** One upstream watch and all who use it: how long it lives, how long they wait, and what each of them hears. */
export class SharedWatch implements SubscriptionHost {
  readonly service: string;
  readonly #env: WatchEnvironment;
  readonly #onIdle: () => void;
  readonly #known: LastKnownGood;
  readonly #upstream: SourceWatch;
  readonly #refresher: Refresher;
  readonly #reporter: Reporter;
  readonly #audience: Audience;
  readonly #startedAt: number;
  readonly #init: Alarm;
  readonly #linger: Alarm;

  constructor(service: string, env: WatchEnvironment, onIdle: () => void) {
    const { source, clock, random, events, options } = env;
    this.service = service;
    this.#env = env;
    this.#onIdle = onIdle;
    this.#startedAt = clock.now();
    this.#init = new Alarm(clock, () => {
      this.#known.late(this.#lateError());
    });
    this.#linger = new Alarm(clock, onIdle);
    const reporter = new Reporter(service, source.name, events);
    this.#reporter = reporter;
    this.#audience = new Audience((resolution, diff) => {
      reporter.updated(resolution, diff);
    });
    this.#refresher = new Refresher(clock, random, options.refreshMinMs, (reason) => {
      reporter.counts.refreshes++;
      this.#upstream.refresh(reason);
    });
    this.#known = new LastKnownGood({
      clock,
      options,
      reporter,
      changed: (resolution, diff) => {
        if (this.current.status !== "pending") this.#init.clear();
        this.#audience.tell(resolution, diff);
      },
      ask: (reason) => {
        this.#refresher.askNow(reason);
      },
      restart: (problem) => {
        this.#upstream.restart(problem);
      },
    });
    this.#upstream = new SourceWatch(
      source,
      { service },
      { clock, random, protection: options.protection },
      this.#known,
    );
  }

  get current(): Resolution {
    return this.#known.current;
  }

  get told(): Resolution {
    return this.#known.told;
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
    const { current } = this;
    const error = current.status === "failed" ? current.error : this.#lateError();
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

  dump(): WatchDump {
    return describeWatch(this.#state());
  }

  read(): WatchReading {
    return readWatch(this.#state());
  }

  #state(): WatchState {
    const { clock, source } = this.#env;
    return {
      ...this.#known.state,
      now: clock.now(),
      service: this.service,
      source: source.name,
      users: this.#audience.size,
      opened: this.#upstream.opened,
      counts: this.#reporter.counts,
    };
  }

  /** Ends everything; no listener is called any more. Resolves when the source has let go. */
  close(): Promise<void> {
    for (const alarm of [this.#init, this.#linger]) alarm.clear();
    this.#known.close();
    this.#refresher.close();
    this.#audience.end();
    return this.#upstream.close();
  }

  #lateError(): DiscoveryError {
    const waited = `no answer within ${this.#env.options.initTimeoutMs} ms`;
    const last = this.#known.trouble;
    if (last === undefined) return { class: "transient", message: waited };
    return { ...last, message: `${waited}, last error: ${last.message}` };
  }
}
