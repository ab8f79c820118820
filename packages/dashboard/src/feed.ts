import { endingAtService } from "@proxyless/core";
import type { Clock, Mesh, MeshEventType, MeshView } from "@proxyless/core";

import { kindOf } from "./call-counter.ts";
import type { CallKind } from "./call-counter.ts";
import { Calls } from "./calls.ts";
import { commandsOf } from "./commands.ts";
import type { Command } from "./commands.ts";
import { News } from "./news.ts";
import { snapshot } from "./snapshot.ts";
import type { CallItem, NewsItem, PageState } from "./state.ts";
import { Tally } from "./tally.ts";

/** What the page is of: a mesh, or several of them as one. */
export interface Feed {
  /** What was reported, by ascending ids. */
  readonly news: { since(id: number): readonly NewsItem[] };
  /** Calls to look at, by ascending ids. */
  readonly calls: { since(id: number): readonly CallItem[] };
  /** What is counted between `start` and `stop`. */
  readonly tally: Tally;
  /** Somebody watches. */
  start(): void;
  /** Nobody does any more. */
  stop(): void;
  close(): void;
  /** How everything stands. @param before what the last look came to */
  look(before: PageState): PageState;
  /** The circuits, as they stand now. */
  commands(): readonly Command[];
}

/** Makes the feed of a page. */
export interface FeedSource {
  feed(clock: Clock): Feed;
}

/** Events that are counted with those of a service, and what they count as. */
const counted = [
  ["call.cached", "cached"],
  ["call.coalesced", "cached"],
  ["call.fell_back", "fallback"],
  ["call.fallback_failed", "fallbackFailed"],
  ["call.retried", "retry"],
  ["call.hedged", "hedge"],
] as const satisfies readonly (readonly [MeshEventType, CallKind])[];

/** One mesh. */
export class MeshFeed implements Feed {
  readonly news: News;
  readonly calls: Calls = new Calls();
  readonly tally: Tally = new Tally();
  readonly #mesh: Mesh;
  readonly #clock: Clock;
  #ends: (() => void)[] = [];
  /** As of the last look; undefined while nobody watches. */
  #view: MeshView | undefined;

  constructor(mesh: Mesh, clock: Clock) {
    this.#mesh = mesh;
    this.#clock = clock;
    this.news = new News(mesh, clock);
  }

  start(): void {
    this.news.start();
    const { calls, tally } = this;
    const mesh = this.#mesh;
    const wallNow = (): number => this.#clock.wallNow();
    this.#ends = [
      mesh.on("call.completed", (event) => {
        const { attempts, endpoint, route, service } = event;
        // The page shows how services do; that somebody else answered is counted below.
        const ending = endingAtService(event);
        if (ending === undefined) return;
        const own = tally.of(service);
        own.of(route).record(kindOf(ending), ending.durationMs, attempts > 0);
        // The other attempts are told by `call.retried`: an event for each attempt would cost as much as this one again.
        if (endpoint !== undefined) own.endpoints.record(endpoint);
        calls.offer(ending === event ? event : { ...event, ...ending }, wallNow);
      }),
      mesh.on("call.retried", ({ endpoint, service }) => {
        tally.of(service).endpoints.record(endpoint);
      }),
      ...counted.map(([type, kind]) =>
        mesh.on(type, (event) => {
          const route = "route" in event ? event.route : undefined;
          tally.of(event.service).of(route).count(kind);
        }),
      ),
    ];
  }

  stop(): void {
    for (const end of this.#ends.splice(0)) end();
    this.news.stop();
    this.tally.clear();
    this.#view = undefined;
  }

  close(): void {
    this.stop();
    this.news.close();
  }

  look(before: PageState): PageState {
    this.tally.turnEndpoints();
    this.#view = this.#mesh.inspect();
    for (const { calls, service } of this.#view.services)
      this.tally.of(service).of(undefined).sawInFlight(calls);
    this.calls.turn(this.#view);
    return snapshot(this.#view, this.tally, before);
  }

  commands(): readonly Command[] {
    return commandsOf(this.#mesh.read(), this.#view);
  }
}
