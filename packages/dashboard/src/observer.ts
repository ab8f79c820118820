import type { Clock, TimerHandle } from "@proxyless/core";

import { slotMs } from "./call-counter.ts";
import type { Command } from "./commands.ts";
import type { Feed } from "./feed.ts";
import { History } from "./history.ts";
import { emptyRecord, mergePatch } from "./merge-patch.ts";
import type { PageState, Point } from "./state.ts";
import type { Tally } from "./tally.ts";

/** What is new since the last look. */
export interface Look {
  readonly patch: unknown;
  readonly points: Readonly<Record<string, Point>>;
}

/** Told twice a second; `look` is there every other time, less often where looking takes long. Must not throw. */
export type Watcher = (look: Look | undefined) => void;

/** A look a second, and one in four where there is very much to look at: the page takes longer silence for a break. */
const minTicks = 2;
const maxTicks = 8;

/**
 * Looks once a second, for all who watch and only while somebody does: nobody watching costs
 * nothing.
 */
export class Observer {
  readonly history: History = new History();
  readonly clock: Clock;
  readonly #feed: Feed;
  readonly #watchers = new Set<Watcher>();
  #timer: TimerHandle | undefined;
  #ticks = 0;
  /** Ticks until the next look. */
  #ticksLeft = 0;
  /** Undefined until the first look of those who watch now. */
  #lookedAt: number | undefined;
  /** What a look takes, in milliseconds. */
  #lookMs = 0;
  #state: PageState = { services: emptyRecord(), registrations: [] };

  constructor(feed: Feed, clock: Clock) {
    this.#feed = feed;
    this.clock = clock;
  }

  get news(): Feed["news"] {
    return this.#feed.news;
  }

  get calls(): Feed["calls"] {
    return this.#feed.calls;
  }

  get tally(): Tally {
    return this.#feed.tally;
  }

  /** Counts the times that watchers were told. */
  get ticks(): number {
    return this.#ticks;
  }

  /** As of the last look. */
  get state(): PageState {
    return this.#state;
  }

  /** The circuits. */
  commands(): readonly Command[] {
    return this.#feed.commands();
  }

  /** Watches from now on. @returns what ends it */
  watch(watcher: Watcher): () => void {
    this.#watchers.add(watcher);
    if (this.#timer === undefined) this.#start();
    return () => {
      this.#watchers.delete(watcher);
      if (this.#watchers.size === 0) this.#stop();
    };
  }

  close(): void {
    this.#watchers.clear();
    this.#stop();
    this.#feed.close();
  }

  #start(): void {
    this.#feed.start();
    this.#lookedAt = undefined;
    this.#look();
    this.#schedule();
  }

  #stop(): void {
    if (this.#timer !== undefined) this.clock.clearTimer(this.#timer);
    this.#timer = undefined;
    this.#feed.stop();
  }

  #schedule(): void {
    this.#timer = this.clock.setTimer(
      () => {
        this.#tick();
      },
      slotMs,
      undefined,
      true,
    );
  }

  #tick(): void {
    this.#schedule();
    this.#ticks++;
    this.#ticksLeft--;
    this.tally.turn();
    const look = this.#ticksLeft <= 0 ? this.#look() : undefined;
    for (const watcher of this.#watchers) watcher(look);
  }

  #look(): Look {
    const now = this.clock.now();
    const lookedAt = this.#lookedAt;
    this.#lookedAt = now;
    const before = this.#state;
    this.#state = this.#feed.look(before);
    const names = Object.keys(this.#state.services);
    this.tally.keep(new Set(names));
    const at = this.clock.wallNow() / 1000;
    const points =
      lookedAt === undefined ? {} : this.history.add(names, this.tally, at, (now - lookedAt) / 1000);
    const patch = mergePatch({ ...before }, { ...this.#state }) ?? {};
    // Less is believed at once, more step by step: one that was held up by chance is no reason to look less often.
    this.#lookMs = Math.min(this.clock.now() - now, 2 * this.#lookMs + 1);
    this.#ticksLeft = ticksAfter(this.#lookMs);
    return { patch, points };
  }
}

/** How many ticks pass after a look that took so long: as many as keep looking at 0.4 % of the time, 2 to 8. */
function ticksAfter(lookMs: number): number {
  return Math.min(maxTicks, Math.max(minTicks, Math.ceil((lookMs * 250) / slotMs)));
}
