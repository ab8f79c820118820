import type { Clock, Mesh, MeshEventType, MeshReadings, MeshView, TimerHandle } from "@proxyless/core";

import { kindOf, slotMs } from "./call-counter.ts";
import type { CallKind } from "./call-counter.ts";
import { Calls } from "./calls.ts";
import { History } from "./history.ts";
import { emptyRecord, mergePatch } from "./merge-patch.ts";
import { News } from "./news.ts";
import { snapshot } from "./snapshot.ts";
import type { PageState, Point } from "./state.ts";
import { Tally } from "./tally.ts";

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

/** Events that are counted with those of a service, and what they count as. */
const counted = [
  ["call.cached", "cached"],
  ["call.coalesced", "cached"],
  ["call.fell_back", "fallback"],
  ["call.fallback_failed", "fallbackFailed"],
  ["call.retried", "retry"],
  ["call.hedged", "hedge"],
] as const satisfies readonly (readonly [MeshEventType, CallKind])[];

/**
 * Looks at the mesh once a second and counts its calls, for all who watch and only while somebody does: nobody watching costs
 * nothing.
 */
export class Observer {
  readonly news: News;
  readonly calls: Calls = new Calls();
  readonly tally: Tally = new Tally();
  readonly history: History = new History();
  readonly clock: Clock;
  readonly #mesh: Mesh;
  readonly #watchers = new Set<Watcher>();
  #ends: (() => void)[] = [];
  #timer: TimerHandle | undefined;
  #ticks = 0;
  /** Ticks until the next look. */
  #ticksLeft = 0;
  /** Undefined until the first look of those who watch now. */
  #lookedAt: number | undefined;
  /** What a look takes, in milliseconds. */
  #lookMs = 0;
  #view: MeshView | undefined;
  #state: PageState = { services: emptyRecord(), registrations: [] };

  constructor(mesh: Mesh, clock: Clock) {
    this.#mesh = mesh;
    this.clock = clock;
    this.news = new News(mesh, clock);
  }

  /** Counts the times that watchers were told. */
  get ticks(): number {
    return this.#ticks;
  }

  /** As of the last look. */
  get state(): PageState {
    return this.#state;
  }

  /** As of the last look; undefined while nobody watches. */
  get view(): MeshView | undefined {
    return this.#view;
  }

  /** The numbers of this very moment. */
  read(): MeshReadings {
    return this.#mesh.read();
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
    this.news.close();
  }

  #start(): void {
    this.news.start();
    const { calls, clock, tally } = this;
    const wallNow = (): number => clock.wallNow();
    this.#ends = [
      this.#mesh.on("call.completed", (event) => {
        const { attempts, durationMs, endpoint, route, service } = event;
        const own = tally.of(service);
        own.of(route).record(kindOf(event), durationMs, attempts > 0);
        // The other attempts are told by `call.retried`: an event for each attempt would cost as much as this one again.
        if (endpoint !== undefined) own.endpoints.record(endpoint);
        calls.offer(event, wallNow);
      }),
      this.#mesh.on("call.retried", ({ endpoint, service }) => {
        tally.of(service).endpoints.record(endpoint);
      }),
      ...counted.map(([type, kind]) =>
        this.#mesh.on(type, (event) => {
          const route = "route" in event ? event.route : undefined;
          tally.of(event.service).of(route).count(kind);
        }),
      ),
    ];
    this.#lookedAt = undefined;
    this.#look();
    this.#schedule();
  }

  #stop(): void {
    for (const end of this.#ends.splice(0)) end();
    if (this.#timer !== undefined) this.clock.clearTimer(this.#timer);
    this.#timer = undefined;
    this.news.stop();
    this.tally.clear();
    this.#view = undefined;
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
    this.tally.turnEndpoints();
    this.#view = this.#mesh.inspect();
    this.tally.keep(new Set(this.#view.services.map(({ service }) => service)));
    for (const { calls, service } of this.#view.services)
      this.tally.of(service).of(undefined).sawInFlight(calls);
    this.calls.turn(this.#view);
    const before = this.#state;
    this.#state = snapshot(this.#view, this.tally, before);
    const at = this.clock.wallNow() / 1000;
    const points =
      lookedAt === undefined ? {} : this.history.add(this.#view, this.tally, at, (now - lookedAt) / 1000);
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
