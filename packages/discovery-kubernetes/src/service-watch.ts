import type { DiscoveryError, Endpoint, Sink, WatchContext, WatchHandle } from "@proxyless/core";
import { SourceError, toDiscoveryError, toSourceError } from "@proxyless/core/discovery";

import type { FeedPool } from "./feed-pool.ts";
import { mergeSlices } from "./merge.ts";
import type { Merged } from "./merge.ts";
import type { Settings } from "./options.ts";
import type { ServiceName } from "./service-name.ts";
import type { FeedListener, SliceFeed } from "./slice-feed.ts";
import type { Slice } from "./slice.ts";

/** Tells a sink what the slices of one service come to. */
export class ServiceWatch implements FeedListener, WatchHandle {
  readonly service: string;
  readonly done: Promise<void>;
  readonly #name: ServiceName;
  readonly #pool: FeedPool;
  readonly #settings: Settings;
  readonly #sink: Sink;
  readonly #context: WatchContext;
  /** The last list made no sense, so that nothing confirms it. */
  #isRefused = false;
  #told: readonly Endpoint[] = [];

  constructor(name: ServiceName, pool: FeedPool, settings: Settings, sink: Sink, context: WatchContext) {
    this.service = name.name;
    this.#name = name;
    this.#pool = pool;
    this.#settings = settings;
    this.#sink = sink;
    this.#context = context;
    this.done = this.#run();
  }

  refresh(): void {
    if (!this.#context.signal.aborted) this.#pool.feedOf(this, this.#name.namespace)?.refresh();
  }

  changed(feed: SliceFeed): void {
    if (this.#context.signal.aborted) return;
    const slices = feed.store.of(this.service);
    const merged = this.#merge(slices, feed.store.unreadable);
    this.#isRefused = merged instanceof SourceError;
    if (merged instanceof SourceError) {
      this.#sink.error({ class: merged.class, message: `${this.#described()}: ${merged.message}` });
      return;
    }
    const { endpoints, skipped } = merged;
    const saidGoodbye = this.#saidGoodbye(endpoints);
    this.#told = endpoints;
    this.#sink.snapshot({
      // Kubernetes gives every service with a selector a slice, if only an empty one.
      kind: slices.length === 0 ? "absent" : "bound",
      endpoints,
      trust: "authoritative",
      ...(saidGoodbye ? { explicitRemovals: true } : {}),
      ...(feed.revision === undefined ? {} : { revision: feed.revision }),
      ...(skipped === 0 ? {} : { skipped }),
    });
  }

  alive(): void {
    if (!this.#isRefused && !this.#context.signal.aborted) this.#sink.alive();
  }

  error(error: DiscoveryError): void {
    if (!this.#context.signal.aborted) this.#sink.error(error);
  }

  async #run(): Promise<void> {
    const { signal } = this.#context;
    // The sink must hear nothing before the caller has its handle.
    await Promise.resolve();
    if (signal.aborted) return;
    this.#pool.join(this, this.#name, this.#context);
    await aborted(signal);
    await this.#pool.leave(this, this.#name.namespace);
  }

  #merge(slices: readonly Slice[], unreadable: number): Merged | SourceError {
    try {
      const { endpoints, skipped: unusable } = mergeSlices(slices, this.#reading());
      const skipped = unusable + unreadable;
      if (endpoints.length > 0 || skipped === 0) return { endpoints, skipped };
      return new SourceError("data", `none of ${skipped} objects is a slice`);
    } catch (error) {
      return toSourceError(error);
    }
  }

  /** Whether all who are gone were seen to terminate before: nobody lost them by accident. */
  #saidGoodbye(endpoints: readonly Endpoint[]): boolean {
    const ids = new Set(endpoints.map(({ id }) => id));
    const gone = this.#told.filter(({ id }) => !ids.has(id));
    return gone.length > 0 && gone.every(({ health }) => health === "draining" || health === "degraded");
  }

  #reading(): Parameters<typeof mergeSlices>[1] {
    const { port, family, zone, nodeName, hints } = this.#settings;
    const wanted =
      typeof port === "object"
        ? (port.get(`${this.service}.${this.#name.namespace}`) ?? port.get(this.service))
        : port;
    return { port: wanted, family, zone, nodeName, hints };
  }

  #described(): string {
    return `service ${this.service} in namespace ${this.#name.namespace}`;
  }
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
