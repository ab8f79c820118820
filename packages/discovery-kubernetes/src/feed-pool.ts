import type { WatchContext } from "@proxyless/core";

import type { Settings } from "./options.ts";
import type { ServiceName } from "./service-name.ts";
import type { SliceApi } from "./slice-api.ts";
import { SliceFeed } from "./slice-feed.ts";
import type { FeedListener } from "./slice-feed.ts";

/** A feed and what ends it. */
interface Running {
  readonly feed: SliceFeed;
  readonly abort: AbortController;
}

/** One namespace: a feed for each service, or, once there are many, one for all. */
interface Namespace {
  readonly own: Map<FeedListener, Running>;
  shared: Running | undefined;
}

/**
 * Gives every service a feed. A namespace of which many services are watched gets one feed for all of them, to spare the
 * API server; those that have their own change over when the shared one has read its first list, and nobody notices.
 */
export class FeedPool {
  readonly #api: SliceApi;
  readonly #settings: Settings;
  readonly #namespaces = new Map<string, Namespace>();

  constructor(api: SliceApi, settings: Settings) {
    this.#api = api;
    this.#settings = settings;
  }

  /** Begins to tell a listener of its service. */
  join(
    listener: FeedListener,
    { name, namespace }: ServiceName,
    context: Pick<WatchContext, "clock" | "random">,
  ): void {
    const space = this.#namespace(namespace);
    const others = space.own.size;
    if (space.shared === undefined && others < this.#settings.maxServiceWatches) {
      const own = this.#start(namespace, name, context);
      space.own.set(listener, own);
      own.feed.add(listener);
      return;
    }
    space.shared ??= this.#start(namespace, undefined, context);
    const { feed } = space.shared;
    feed.add(listener);
    if (space.own.size > 0 && !feed.isSynced) feed.add(new Mover(() => this.#move(space)));
  }

  /** Resolves when the listener hears nothing any more and everything that was there for it alone is gone. */
  async leave(listener: FeedListener, namespace: string): Promise<void> {
    const space = this.#namespace(namespace);
    const own = space.own.get(listener);
    space.own.delete(listener);
    own?.feed.remove(listener);
    own?.abort.abort();
    const { shared } = space;
    shared?.feed.remove(listener);
    const isLast =
      shared !== undefined && ![...shared.feed.listeners].some((each) => !(each instanceof Mover));
    if (isLast) {
      space.shared = undefined;
      shared.abort.abort();
    }
    if (space.own.size === 0 && space.shared === undefined) this.#namespaces.delete(namespace);
    await Promise.all([own?.feed.done, isLast ? shared.feed.done : undefined]);
  }

  /** The feed that tells a listener. */
  feedOf(listener: FeedListener, namespace: string): SliceFeed | undefined {
    const space = this.#namespaces.get(namespace);
    return (space?.own.get(listener) ?? space?.shared)?.feed;
  }

  #namespace(name: string): Namespace {
    const known = this.#namespaces.get(name);
    if (known !== undefined) return known;
    const made: Namespace = { own: new Map(), shared: undefined };
    this.#namespaces.set(name, made);
    return made;
  }

  #start(
    namespace: string,
    service: string | undefined,
    { clock, random }: Pick<WatchContext, "clock" | "random">,
  ): Running {
    const abort = new AbortController();
    const scope = { namespace, service, managedBy: this.#settings.managedBy };
    const feed = new SliceFeed(this.#api, this.#settings, scope, { clock, random, signal: abort.signal });
    return { feed, abort };
  }

  #move(space: Namespace): void {
    const { shared } = space;
    if (shared === undefined) return;
    const moving = [...space.own];
    space.own.clear();
    for (const [listener, { abort, feed }] of moving) {
      feed.remove(listener);
      abort.abort();
      shared.feed.add(listener);
    }
  }
}

/** Waits for the first list of a shared feed. */
class Mover implements FeedListener {
  readonly service: string = "";
  readonly #move: () => void;

  constructor(move: () => void) {
    this.#move = move;
  }

  changed(feed: SliceFeed): void {
    feed.remove(this);
    this.#move();
  }

  alive(): void {
    // The list comes first.
  }

  error(): void {
    // Those who have their own feed go on with it.
  }
}
