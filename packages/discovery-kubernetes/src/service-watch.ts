import type { DiscoveryError, Sink, WatchContext, WatchHandle } from "@proxyless/core";
import {
  Pace,
  SourceError,
  toDiscoveryError,
  toSourceError,
  workAtOnce,
  workOneTurn,
} from "@proxyless/core/discovery";
import type { Sliceable } from "@proxyless/core/discovery";

import type { FeedPool } from "./feed-pool.ts";
import type { Settings } from "./options.ts";
import type { ServiceName } from "./service-name.ts";
import type { FeedListener, SliceFeed } from "./slice-feed.ts";
import { SliceMerger } from "./slice-merger.ts";
import type { Merged, Reading } from "./slice-merger.ts";

/** A list that is being put together. */
interface Merging {
  readonly work: Sliceable<Merged>;
  readonly kind: "bound" | "absent";
  readonly revision: string | undefined;
}

/** Tells a sink what the slices of one service come to. */
export class ServiceWatch implements FeedListener, WatchHandle {
  readonly service: string;
  readonly done: Promise<void>;
  readonly #name: ServiceName;
  readonly #pool: FeedPool;
  readonly #merger: SliceMerger;
  readonly #pace: Pace;
  readonly #sink: Sink;
  readonly #context: WatchContext;
  /** The last list made no sense, so that nothing confirms it. */
  #isRefused = false;
  /** The last one that told of a change. */
  #feed: SliceFeed | undefined;
  /** What takes longer than a turn of the event loop may. */
  #merging: Merging | undefined;

  constructor(name: ServiceName, pool: FeedPool, settings: Settings, sink: Sink, context: WatchContext) {
    this.service = name.name;
    this.#name = name;
    this.#pool = pool;
    this.#merger = new SliceMerger(readingOf(name, settings));
    this.#pace = new Pace(context.clock, () => {
      this.#tell();
    });
    this.#sink = sink;
    this.#context = context;
    this.done = this.#run();
  }

  refresh(): void {
    if (!this.#context.signal.aborted) this.#pool.feedOf(this, this.#name.namespace)?.refresh();
  }

  changed(feed: SliceFeed): void {
    if (this.#context.signal.aborted) return;
    this.#feed = feed;
    this.#pace.ask(this.#merger.size);
  }

  alive(): void {
    if (this.#context.signal.aborted) return;
    this.#flush();
    if (!this.#isRefused) this.#sink.alive();
  }

  error(error: DiscoveryError): void {
    if (this.#context.signal.aborted) return;
    // What came before the trouble is good, and must not look as if it were over.
    this.#flush();
    this.#sink.error(error);
  }

  async #run(): Promise<void> {
    const { signal } = this.#context;
    // The sink must hear nothing before the caller has its handle.
    await Promise.resolve();
    if (signal.aborted) return;
    this.#pool.join(this, this.#name, this.#context);
    await aborted(signal);
    this.#pace.clear();
    await this.#pool.leave(this, this.#name.namespace);
  }

  #tell(): void {
    const feed = this.#feed;
    if (feed === undefined || this.#context.signal.aborted) return;
    // What is being put together is older.
    this.#finish();
    const slices = feed.store.of(this.service);
    this.#merging = {
      work: this.#merger.merge(slices, feed.store.unreadable),
      // Kubernetes gives every service with a selector a slice, if only an empty one.
      kind: slices.length === 0 ? "absent" : "bound",
      revision: feed.revision,
    };
    this.#goOn(this.#merging);
  }

  /** Whatever waits to be told is told now. */
  #flush(): void {
    this.#pace.flush();
    this.#finish();
  }

  #goOn(merging: Merging): void {
    if (this.#merging !== merging || this.#context.signal.aborted) return;
    this.#say(merging, () => {
      const done = workOneTurn(merging.work, this.#context.clock);
      if (done === undefined) setImmediate(() => this.#goOn(merging));
      return done?.result;
    });
  }

  #finish(): void {
    const merging = this.#merging;
    if (merging !== undefined) this.#say(merging, () => workAtOnce(merging.work));
  }

  /** @param work gives nothing where it goes on in another turn */
  #say({ kind, revision }: Merging, work: () => Merged | undefined): void {
    let merged: Merged | undefined;
    try {
      merged = work();
    } catch (error) {
      const trouble = toSourceError(error);
      this.#merging = undefined;
      this.#isRefused = true;
      this.#sink.error({ class: trouble.class, message: `${this.#described()}: ${trouble.message}` });
      return;
    }
    if (merged === undefined) return;
    const { endpoints, skipped, saidGoodbye } = merged;
    this.#merging = undefined;
    this.#isRefused = false;
    this.#sink.snapshot({
      kind,
      endpoints,
      trust: "authoritative",
      ...(saidGoodbye ? { explicitRemovals: true } : {}),
      ...(revision === undefined ? {} : { revision }),
      ...(skipped === 0 ? {} : { skipped }),
    });
  }

  #described(): string {
    return `service ${this.service} in namespace ${this.#name.namespace}`;
  }
}

function readingOf({ name, namespace }: ServiceName, settings: Settings): Reading {
  const { port, family, zone, nodeName, hints } = settings;
  const wanted = typeof port === "object" ? (port.get(`${name}.${namespace}`) ?? port.get(name)) : port;
  return { port: wanted, family, zone, nodeName, hints };
}

/** A watch of something that cannot be the name of a service: says so, and waits for its end. */
export class NoServiceWatch implements WatchHandle {
  readonly done: Promise<void>;

  constructor(service: string, sink: Sink, { signal }: WatchContext) {
    this.done = this.#run(service, sink, signal);
  }

  async #run(service: string, sink: Sink, signal: AbortSignal): Promise<void> {
    await Promise.resolve();
    const expected = "expected one like orders, orders.shop or orders.shop.svc.cluster.local";
    const error = new SourceError("config", `"${service}" is no name of a Kubernetes service; ${expected}`);
    if (!signal.aborted) sink.error(toDiscoveryError(error));
    await aborted(signal);
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
