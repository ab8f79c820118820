import { sleep } from "@proxyless/core";
import type { Sink, WatchContext, WatchHandle } from "@proxyless/core";
import { Backoff, inTurns, Pace, SourceError, toDiscoveryError, watchLoop } from "@proxyless/core/discovery";
import type { WatchRound } from "@proxyless/core/discovery";

import type { KeyValue, RangeAnswer, WatchMessage } from "./answers.ts";
import { Entries } from "./entries.ts";
import type { EntryList } from "./entries.ts";
import type { EtcdGateway, KeySpan } from "./gateway.ts";
import { under } from "./gateway.ts";
import { Lineage } from "./lineage.ts";
import { folderOf } from "./options.ts";
import type { Settings } from "./options.ts";

/** The longest pause between two attempts, in milliseconds: a list is small, and etcd stands many. */
const maxBackoffMs = 5000;
/** How long a watch may lag behind a list before it counts as dead, in milliseconds. */
const lagMs = 5000;

/** Follows one service for ever: list, then watch from the next revision on, and list again when anything goes wrong. */
export class ServiceWatch {
  readonly #settings: Settings;
  readonly #gateway: EtcdGateway;
  readonly #sink: Sink;
  readonly #context: WatchContext;
  readonly #folder: string;
  readonly #span: KeySpan;
  readonly #entries: Entries;
  readonly #lineage = new Lineage();
  readonly #pace: Pace;
  #base: URL;
  #failuresInARow = 0;
  /** The list was told at least once. */
  #wasTold = false;
  /** The last thing told was that no entry makes sense. */
  #isRefused = false;
  /** How many messages the watch gave since it began. */
  #heard = 0;

  constructor(settings: Settings, gateway: EtcdGateway, service: string, sink: Sink, context: WatchContext) {
    this.#settings = settings;
    this.#gateway = gateway;
    this.#sink = sink;
    this.#context = context;
    this.#base = gateway.base;
    this.#folder = folderOf(service, settings.prefix, settings.codec);
    this.#span = under(this.#folder);
    const { codec, weightBase } = settings;
    this.#entries = new Entries(({ key, value }: KeyValue) => {
      try {
        return codec.decode(key, value, { service, weightBase });
      } catch {
        // One entry that a codec stumbles over must not cost the others.
        return "skip";
      }
    });
    this.#pace = new Pace(context.clock, () => {
      this.#tell();
    });
  }

  /** Runs until the signal aborts. */
  start(): WatchHandle {
    return watchLoop(this.#sink, this.#context, {
      backoff: new Backoff(100, maxBackoffMs),
      round: (round) => this.#round(round),
      onTrouble: (error) => this.#changeAddress(error),
      onEnd: () => {
        this.#pace.clear();
      },
    });
  }

  async #round(round: WatchRound): Promise<number> {
    this.#base = this.#gateway.base;
    // Somebody doubts what is known: this time a quorum shall stand behind the answer.
    const list = await this.#list(round.wasRefreshed, round.signal, (reset) => {
      this.#sink.error(toDiscoveryError(reset));
    });
    const stop = new AbortController();
    const signal = AbortSignal.any([round.signal, stop.signal]);
    let beside: Promise<void> | undefined;
    let trouble: unknown;
    try {
      const what = { what: this.#folder, span: this.#span, from: list.header.revision + 1n };
      const heard = (message: WatchMessage): void => {
        const isFirst = beside === undefined;
        if (isFirst) this.#begin(list, round);
        beside ??= this.#resync(signal).catch((error: unknown) => {
          trouble ??= error;
          stop.abort();
        });
        if (!isFirst || message.events.length > 0) this.#hear(message, round);
      };
      return await this.#gateway.watch(what, heard, { clock: this.#context.clock, signal });
    } catch (error) {
      // Whoever lists but cannot be followed may be cut off; for who knows nothing yet it is better than nothing.
      if (beside === undefined && !this.#wasTold && !round.signal.aborted) this.#tellDoubtful(list);
      throw trouble ?? error;
    } finally {
      stop.abort();
      await beside;
      // What came before the trouble is good.
      this.#pace.flush();
    }
  }

  /** The watch stands, so that nothing can be missed between the list and what it tells. */
  #begin(list: EntryList, round: WatchRound): void {
    this.#heard = 0;
    this.#take(list);
    this.#tell();
    round.good();
    round.interruptible();
  }

  #hear({ header, events }: WatchMessage, round: WatchRound): void {
    this.#heard++;
    this.#failuresInARow = 0;
    round.good();
    this.#lineage.advance(header.revision);
    if (this.#entries.apply(events)) this.#pace.ask(this.#entries.size);
    else this.#alive();
  }

  /** @param onReset hears that from now on another history counts */
  async #list(
    isFirm: boolean,
    signal: AbortSignal,
    onReset: (reset: SourceError) => void,
  ): Promise<EntryList> {
    for (let isConfirmed = isFirm; ; isConfirmed = true) {
      // eslint-disable-next-line no-await-in-loop -- each answer decides whether another is needed
      const answer = await this.#range(isConfirmed, signal);
      const { header } = answer;
      const verdict = this.#lineage.judge(header, isConfirmed);
      if (verdict === "behind") continue;
      if (verdict === "other" || verdict === "restored") {
        const why =
          verdict === "other"
            ? "another cluster answers now"
            : `etcd was set back from revision ${this.#lineage.revision} to ${header.revision}`;
        this.#lineage.take(header);
        onReset(new SourceError("protocol-reset", `${this.#folder}: ${why}`));
      }
      // eslint-disable-next-line no-await-in-loop -- the last one is read
      return await inTurns(this.#entries.read(answer), { clock: this.#context.clock, signal });
    }
  }

  #range(isConfirmed: boolean, signal: AbortSignal): Promise<RangeAnswer> {
    const { clock } = this.#context;
    return this.#gateway.range(this.#span, this.#folder, !isConfirmed, { clock, signal });
  }

  #take(list: EntryList): boolean {
    this.#lineage.take(list.header);
    return this.#entries.replace(list);
  }

  /** Reads the whole list from time to time; it finds what the watch lost, and a watch that died without a sign. */
  async #resync(signal: AbortSignal): Promise<void> {
    const { clock, random } = this.#context;
    for (;;) {
      const pause = this.#settings.resyncMs * (2 / 3 + (2 / 3) * random());
      // eslint-disable-next-line no-await-in-loop -- the loop is the resync
      await sleep(clock, pause, signal, true);
      const heardBefore = this.#heard;
      // eslint-disable-next-line no-await-in-loop -- as above
      const list = await this.#list(false, signal, (reset) => {
        // The watch follows the history before.
        throw reset;
      });
      // The watch is ahead of the member that answered, and so is not in need of it.
      if (list.header.revision < this.#entries.revision) continue;
      if (!this.#take(list)) {
        this.#alive();
        continue;
      }
      this.#pace.ask(this.#entries.size);
      // eslint-disable-next-line no-await-in-loop -- as above
      await sleep(clock, lagMs, signal, true);
      if (this.#heard === heardBefore) {
        throw new SourceError("transient", `${this.#folder}: the watch missed a change that a list shows`);
      }
    }
  }

  #tell(): void {
    if (this.#context.signal.aborted) return;
    const snapshot = this.#entries.snapshot();
    this.#isRefused = typeof snapshot === "string";
    if (typeof snapshot === "string") {
      this.#sink.error({ class: "data", message: `${this.#folder}: ${snapshot}` });
      return;
    }
    this.#wasTold = true;
    this.#sink.snapshot(snapshot);
  }

  #tellDoubtful(list: EntryList): void {
    this.#entries.replace(list);
    const snapshot = this.#entries.snapshot();
    if (typeof snapshot !== "string") this.#sink.snapshot({ ...snapshot, trust: "suspect" });
  }

  #alive(): void {
    if (!this.#isRefused && !this.#context.signal.aborted) this.#sink.alive();
  }

  #changeAddress(error: SourceError): "now" | "wait" {
    const { addresses } = this.#gateway;
    if (!error.isServerTrouble || addresses === 1) return "wait";
    this.#gateway.moveOn(this.#base);
    this.#failuresInARow++;
    // Every address gets its chance before anyone waits.
    return this.#failuresInARow % addresses === 0 ? "wait" : "now";
  }
}
