import { setImmediate as nextTurn } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";

import type { Clock, Snapshot } from "@proxyless/core";
import { inTurns } from "@proxyless/core/discovery";
import type { Sliceable, SourceError } from "@proxyless/core/discovery";

import type { JuteReader } from "./client/jute-reader.ts";
import { events } from "./client/protocol.ts";
import type { WatchEvent } from "./client/protocol.ts";
import type { ZookeeperClient } from "./client/zookeeper-client.ts";
import { isRefusal, zkCodes } from "./client/zookeeper-error.ts";
import type { Settings } from "./options.ts";
import { ServiceNodes } from "./service-nodes.ts";
import type { NodeContent } from "./service-nodes.ts";

/** What a reader is made of. */
export interface ServiceReaderParts {
  readonly client: ZookeeperClient;
  readonly settings: Settings;
  readonly service: string;
  readonly path: string;
  readonly clock: Clock;
}

/** How many nodes are read at once: a server stops listening to clients that ask for too much. */
const batchSize = 256;

/**
 * Reads one service's nodes again where they may have changed. An event only says where to look: what it means is read, never
 * guessed.
 */
export class ServiceReader {
  readonly #parts: ServiceReaderParts;
  readonly #nodes: ServiceNodes;
  /** The nodes whose content may have changed. */
  readonly #stale = new Set<string>();
  /** The nodes that went; one that the next list names all the same came again. */
  #left = new Set<string>();
  #isListStale = true;
  /** Told last: told again only when it is another one. */
  #told: Snapshot | undefined;

  constructor(parts: ServiceReaderParts) {
    const { path, service, settings } = parts;
    this.#parts = parts;
    this.#nodes = new ServiceNodes(settings, service, path);
  }

  /** How many nodes the last list named. */
  get size(): number {
    return this.#nodes.size;
  }

  /** Whether something has to be read. */
  get isStale(): boolean {
    return this.#isListStale || this.#stale.size > 0;
  }

  /** Something happened at the service's node or one of its children. @returns whether it matters */
  note({ path, type }: WatchEvent, fullPath: string): boolean {
    const name = path === fullPath ? undefined : path.slice(fullPath.length + 1);
    if (name === undefined) {
      // The service's own data say nothing.
      if (type === events.dataChanged) return false;
      this.#isListStale = true;
      return true;
    }
    if (name.includes("/")) return false;
    if (type === events.created || type === events.deleted) this.#isListStale = true;
    if (type === events.deleted) {
      // Who went cannot be read; whether it came again is seen in the list.
      this.#left.add(name);
    } else if (type !== events.childrenChanged) {
      this.#stale.add(name);
      this.#left.delete(name);
    }
    return this.isStale;
  }

  /** Another connection: everything may have changed, and is told again, because another server may be believed otherwise. */
  restart(): void {
    this.forget();
    this.#told = undefined;
  }

  /** Everything may have changed: somebody doubts, or it was not looked at for long. */
  forget(): void {
    this.#isListStale = true;
    for (const name of this.#nodes.names) this.#stale.add(name);
  }

  /** Reads what may have changed; what fails is read again the next time. */
  async read(signal: AbortSignal): Promise<void> {
    if (this.#isListStale) await this.#readList(signal);
    // When this breaks off, the rest is read the next time.
    const wanted = [...this.#stale];
    let failure: SourceError | undefined;
    // What costs no request is taken as a whole, over several turns of the event loop.
    const size = this.#parts.settings.codec.readsData === false ? wanted.length : batchSize;
    for (let i = 0; i < wanted.length; i += size) {
      // eslint-disable-next-line no-await-in-loop -- of a long list each batch has a turn of the event loop
      if (wanted.length > batchSize) await nextTurn();
      // eslint-disable-next-line no-await-in-loop -- a batch at a time is the purpose
      const contents = await this.#contents(this.#listed(wanted.slice(i, i + size)), signal);
      // eslint-disable-next-line no-await-in-loop -- as above
      failure = (await this.#take(contents, signal)) ?? failure;
    }
    if (failure !== undefined) throw failure;
  }

  /**
   * The whole list when it is another one than what this said before, else `undefined`.
   * @throws SourceError of class `data` when there are nodes and none of them makes sense
   */
  news(): Snapshot | undefined {
    const snapshot = this.#nodes.snapshot();
    if (this.#told !== undefined && isSame(this.#told, snapshot)) return undefined;
    this.#told = snapshot;
    return snapshot;
  }

  /** Reads the names, and with them some of what events have named, which saves waiting for it. */
  async #readList(signal: AbortSignal): Promise<void> {
    const left = this.#left;
    this.#left = new Set();
    const early = new Set(this.#someStale());
    const [listed, contents] = await Promise.allSettled([
      this.#list(early, signal),
      this.#contents([...early], signal),
    ]);
    for (const name of left) this.#stale.add(name);
    if (listed.status === "rejected") {
      for (const name of early) this.#stale.add(name);
      throw listed.reason;
    }
    if (contents.status === "rejected") throw contents.reason;
    const failure = await this.#take(contents.value, signal);
    if (failure !== undefined) throw failure;
  }

  /**
   * Reads the names below the service's node, of which there are none when it is not there.
   * @param asked names that are asked for already, and need not be when they are new
   */
  async #list(asked: ReadonlySet<string>, signal: AbortSignal): Promise<void> {
    const { client, path } = this.#parts;
    // What happens from here on is seen by this read, or told by an event.
    this.#isListStale = false;
    try {
      const answer = await client.children(path, signal);
      await this.#inTurns(this.#takeList(answer, asked), signal);
    } catch (error) {
      const isMissing = isRefusal(error, zkCodes.noNode);
      if (isMissing && (await this.#isGone(signal))) {
        await this.#inTurns(this.#takeList(undefined, asked), signal);
        return;
      }
      this.#isListStale = true;
      // It came in between: the next list has it.
      if (!isMissing) throw error;
    }
  }

  *#takeList(answer: JuteReader | undefined, asked: ReadonlySet<string>): Sliceable<void> {
    const came = yield* this.#nodes.takeList(answer);
    for (const [i, name] of came.entries()) {
      if (i % batchSize === batchSize - 1) yield;
      if (!asked.has(name)) this.#stale.add(name);
    }
  }

  /** With one-shot watches nobody tells of a node that comes, unless its absence was asked for. */
  async #isGone(signal: AbortSignal): Promise<boolean> {
    const { client, path } = this.#parts;
    if (!client.isOneShot) return true;
    try {
      return (await client.exists(path, signal)) === undefined;
    } catch (error) {
      this.#isListStale = true;
      throw error;
    }
  }

  /** As many of the names whose content may have changed as are read at once. */
  *#someStale(): Iterable<string> {
    let room = batchSize;
    for (const name of this.#stale) {
      if (room-- === 0) return;
      yield name;
    }
  }

  /** Those that are listed; the others are nobody's business any more. */
  #listed(names: readonly string[]): readonly string[] {
    return names.filter((name) => {
      if (!this.#nodes.has(name)) this.#stale.delete(name);
      return this.#nodes.has(name);
    });
  }

  /** Asks for what nodes hold, which is not stale any more, unless there is no answer. */
  async #contents(names: readonly string[], signal: AbortSignal): Promise<readonly NodeContent[]> {
    const { client, path, settings } = this.#parts;
    for (const name of names) this.#stale.delete(name);
    if (settings.codec.readsData === false) return names.map((name) => ({ name, answer: undefined }));
    const above = path === "/" ? "" : path;
    try {
      const paths = names.map((name) => `${above}/${name}`);
      const answers = await client.dataOfAll(paths, signal);
      return answers.map((answer, i) => ({ name: names[i]!, answer }));
    } catch (error) {
      for (const name of names) this.#stale.add(name);
      throw error;
    }
  }

  /** @returns what kept a node from being read, when it is something that concerns the others as well */
  async #take(contents: readonly NodeContent[], signal: AbortSignal): Promise<SourceError | undefined> {
    const { failure, names } = await this.#inTurns(this.#nodes.takeContents(contents), signal);
    for (const name of names) this.#stale.add(name);
    return failure;
  }

  #inTurns<T>(work: Sliceable<T>, signal: AbortSignal): Promise<T> {
    return inTurns(work, { clock: this.#parts.clock, signal });
  }
}

/** Whether two snapshots say the same. What was not read anew is the very object it was. */
function isSame(a: Snapshot, b: Snapshot): boolean {
  const { endpoints: before } = a;
  const { endpoints: after } = b;
  return (
    a.kind === b.kind &&
    a.skipped === b.skipped &&
    before.length === after.length &&
    before.every((one, i) => one === after[i] || isDeepStrictEqual(one, after[i]))
  );
}
