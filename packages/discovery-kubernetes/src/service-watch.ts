import type { DiscoveryError, Sink, WatchContext, WatchHandle } from "@proxyless/core";
import {
  aborted,
  Pace,
  SourceError,
  toDiscoveryError,
  toSourceError,
  workOneTurn,
} from "@proxyless/core/discovery";
import type { Sliceable } from "@proxyless/core/discovery";

import type { FeedPool } from "./feed-pool.ts";
import type { Settings } from "./options.ts";
import type { ServiceName } from "./service-name.ts";
import type { FeedListener, SliceFeed } from "./slice-feed.ts";
import { SliceMerger } from "./slice-merger.ts";
import type { Merged, Reading } from "./slice-merger.ts";

/** What a sink is told, one after the other: the list, that it is confirmed, or trouble. */
type Step = "list" | "alive" | DiscoveryError;

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
  /** What comes after it. */
  readonly #steps: Step[] = [];

  constructor(name: ServiceName, pool: FeedPool, settings: Settings, sink: Sink, context: WatchContext) {
    this.service = name.name;
    this.#name = name;
    this.#pool = pool;
    this.#merger = new SliceMerger(readingOf(name, settings));
    this.#pace = new Pace(context.clock, () => {
      this.#tell("list");
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
    this.#pace.flush();
    this.#tell("alive");
  }

  error(error: DiscoveryError): void {
    if (this.#context.signal.aborted) return;
    // What came before the trouble is good, and must not look as if it were over.
    this.#pace.flush();
    this.#tell(error);
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

  #tell(step: Step): void {
    const steps = this.#steps;
    // A list says as well that the source is alive, and one that is not begun will have all that is new.
    if (typeof step === "string" && steps.at(-1) === "alive") steps.pop();
    if (step !== "list" || steps.at(-1) !== "list") steps.push(step);
    if (this.#merging === undefined) this.#goOn();
  }

  /** Does what there is to do, as far as this turn of the event loop allows. */
  #goOn(): void {
    while (!this.#context.signal.aborted) {
      if (this.#merging !== undefined) {
        if (this.#merge(this.#merging)) continue;
        setImmediate(() => this.#goOn());
        return;
      }
      const step = this.#steps.shift();
      if (step === undefined) return;
      if (step === "list") this.#merging = this.#begin();
      else if (step !== "alive") this.#sink.error(step);
      else if (!this.#isRefused) this.#sink.alive();
    }
  }

  #begin(): Merging | undefined {
    const feed = this.#feed;
    if (feed === undefined) return undefined;
    const slices = feed.store.of(this.service);
    return {
      work: this.#merger.merge(slices, feed.store.unreadable),
      // Kubernetes gives every service with a selector a slice, if only an empty one.
      kind: slices.length === 0 ? "absent" : "bound",
      revision: feed.revision,
    };
  }

  /** @returns whether it is done; else it goes on in another turn */
  #merge({ kind, revision, work }: Merging): boolean {
    let done: ReturnType<typeof workOneTurn<Merged>>;
    try {
      done = workOneTurn(work, this.#context.clock);
    } catch (error) {
      const trouble = toSourceError(error);
      this.#merging = undefined;
      this.#isRefused = true;
      this.#sink.error({ class: trouble.class, message: `${this.#described()}: ${trouble.message}` });
      return true;
    }
    if (done === undefined) return false;
    const { endpoints, skipped, saidGoodbye } = done.result;
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
    return true;
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
