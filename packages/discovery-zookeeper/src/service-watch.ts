import { sleep } from "@proxyless/core";
import type { Sink, WatchContext } from "@proxyless/core";
import { Pacer, toDiscoveryError, toSourceError } from "@proxyless/core/discovery";
import type { WatchRound } from "@proxyless/core/discovery";

import type { Link } from "./client/link.ts";
import type { ZookeeperClient } from "./client/zookeeper-client.ts";
import type { Settings } from "./options.ts";
import { ServiceReader } from "./service-reader.ts";

/** A change in a quiet time is read at once; so many may follow each other before reading has to wait. */
const burst = 50;
const readMs = 2;
/** Listing so many nodes costs as much as one read; ten thousand are listed 4 times a second at most. */
const namesPerRead = 80;

/** After an outage all clients read everything again: spread over so long, in milliseconds. */
const rereadSpreadMs = 250;

/** What one watch needs. */
export interface ServiceWatchParts {
  readonly client: ZookeeperClient;
  readonly settings: Settings;
  readonly service: string;
  readonly path: string;
  readonly sink: Sink;
  readonly context: WatchContext;
}

/** Follows one service: have a connection, have a watch, read what may have changed, wait for an event. */
export class ServiceWatch {
  readonly #parts: ServiceWatchParts;
  readonly #reader: ServiceReader;
  readonly #pacer = new Pacer(burst, readMs);
  readonly #unlisten: readonly (() => void)[];
  /** The connection that everything was read on. */
  #link: Link | undefined;
  /** The last read made sense, so that a living session confirms it. */
  #isGood = false;
  /** What waits for something to happen. */
  #waiting: PromiseWithResolvers<"event" | "resync"> | undefined;

  constructor(parts: ServiceWatchParts) {
    const { client, settings, service, path, context } = parts;
    this.#parts = parts;
    this.#reader = new ServiceReader({ client, settings, service, path, clock: context.clock });
    const fullPath = settings.client.chroot + path;
    this.#unlisten = [
      client.watchTree(path, (event) => {
        if (this.#reader.note(event, fullPath)) this.#waiting?.resolve("event");
      }),
      client.listen({
        lost: (reason) => {
          this.#waiting?.reject(reason);
        },
        pong: () => {
          if (this.#isGood && !context.signal.aborted) parts.sink.alive();
        },
      }),
    ];
  }

  /** One round of the watch. @returns how long to pause before the next, in milliseconds */
  async round(round: WatchRound): Promise<number> {
    const { client, path, context } = this.#parts;
    const { signal } = round;
    const isGood = this.#isGood && !round.wasRefreshed;
    this.#isGood = false;
    const link = await client.ready(signal);
    if (link !== this.#link) await this.#begin(link, signal);
    await client.arm(path, link);
    if (round.wasRefreshed) {
      // Firmly: this server may be behind the others.
      await client.sync(path, signal);
      this.#reader.forget();
    }
    const hadToRead = this.#reader.isStale;
    if (hadToRead) await this.#reader.read(signal);
    const isSense = this.#tell(link, hadToRead || !isGood);
    round.good();
    this.#isGood = isSense && !link.isReadOnly;
    round.interruptible();
    await this.#untilChange(link, signal);
    return this.#pacer.take(context.clock.now(), Math.max(1, this.#reader.size / namesPerRead));
  }

  /** Nobody listens any more. */
  end(): void {
    for (const unlisten of this.#unlisten) unlisten();
  }

  /** Tells what was read. @returns whether it makes sense */
  #tell(link: Link, mayBeNews: boolean): boolean {
    const { sink, context } = this.#parts;
    if (!mayBeNews || context.signal.aborted) return true;
    try {
      const snapshot = this.#reader.news();
      // A server without a quorum does not know what it misses.
      if (snapshot === undefined) sink.alive();
      else sink.snapshot(link.isReadOnly ? { ...snapshot, trust: "suspect" } : snapshot);
      return true;
    } catch (error) {
      // Nothing but a change can make sense of it, and that is waited for.
      sink.error(toDiscoveryError(toSourceError(error)));
      return false;
    }
  }

  /** A new connection: whatever was told before, everything may have changed. */
  async #begin(link: Link, signal: AbortSignal): Promise<void> {
    const { clock, random } = this.#parts.context;
    const wasConnected = this.#link !== undefined;
    if (wasConnected) await sleep(clock, random() * rereadSpreadMs, signal, true);
    this.#reader.restart();
    this.#link = link;
  }

  /** Resolves when something may have changed; rejects when the connection is lost. */
  async #untilChange(link: Link, signal: AbortSignal): Promise<void> {
    if (this.#reader.isStale) return;
    const { clock, random } = this.#parts.context;
    const resyncMs = this.#parts.settings.resyncMs * (0.9 + 0.2 * random());
    if (link.failure !== undefined) throw link.failure;
    const change = Promise.withResolvers<"event" | "resync">();
    const onAbort = (): void => {
      change.reject(signal.reason);
    };
    const timer = clock.setTimer(change.resolve, resyncMs, "resync" as const, true);
    signal.addEventListener("abort", onAbort, { once: true });
    this.#waiting = change;
    try {
      signal.throwIfAborted();
      const what = await change.promise;
      if (what === "resync") this.#reader.forget();
    } finally {
      this.#waiting = undefined;
      clock.clearTimer(timer);
      signal.removeEventListener("abort", onAbort);
    }
  }
}
