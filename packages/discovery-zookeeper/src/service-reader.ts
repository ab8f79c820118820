import { setImmediate as nextTurn } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";

import type { Endpoint, Snapshot } from "@proxyless/core";
import { KeyedStore, SourceError, toSourceError } from "@proxyless/core/discovery";

import { events } from "./client/protocol.ts";
import type { WatchEvent } from "./client/protocol.ts";
import type { ZookeeperClient } from "./client/zookeeper-client.ts";
import { isRefusal, zkCodes } from "./client/zookeeper-error.ts";
import type { DecodedNode } from "./codecs/codec.ts";
import type { Settings } from "./options.ts";

/** What is known of one node below the service's. */
interface Known extends DecodedNode {
  /** The transaction that wrote it: the same one means the same content. */
  readonly mzxid: bigint;
  readonly makesSense: boolean;
}

/** How many nodes are read at once: a server stops listening to clients that ask for too much. */
const batchSize = 256;
const noData = Buffer.alloc(0);

/**
 * Knows what one service's nodes hold, and reads again what may have changed. An event only says where to look: what it
 * means is read, never guessed.
 */
export class ServiceReader {
  readonly #client: ZookeeperClient;
  readonly #settings: Settings;
  readonly #service: string;
  readonly #path: string;
  /** The nodes that the last list named, and what those hold that were read. */
  readonly #nodes = new KeyedStore<Known>();
  /** The nodes whose content may have changed. */
  readonly #stale = new Set<string>();
  #isListStale = true;
  #isAbsent = false;
  #revision = 0n;
  /** Told last: told again only when it is another one. */
  #told: Snapshot | undefined;

  constructor(client: ZookeeperClient, settings: Settings, service: string, path: string) {
    this.#client = client;
    this.#settings = settings;
    this.#service = service;
    this.#path = path;
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
    if (type !== events.childrenChanged) this.#stale.add(name);
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
    for (const name of this.#nodes.keys()) this.#stale.add(name);
  }

  /** Reads what may have changed; what fails is read again the next time. */
  async read(signal: AbortSignal): Promise<void> {
    if (this.#isListStale) {
      const listing = this.#list(signal);
      // What an event named is asked for together with the list, which saves waiting for it.
      const [listed, early] = await Promise.allSettled([listing, this.#readStale(signal)]);
      if (listed.status === "rejected") throw listed.reason;
      // Of a long list reading the names, finding them and putting their nodes together are a turn of the event loop each.
      await nextTurn();
      for (const name of this.#nodes.keep(listed.value)) this.#stale.add(name);
      if (early.status === "rejected") throw early.reason;
    }
    for (const name of this.#stale) if (!this.#nodes.has(name)) this.#stale.delete(name);
    await this.#readStale(signal);
  }

  /**
   * The whole list when it is another one than what this said before, else `undefined`.
   * @throws SourceError of class `data` when there are nodes and none of them makes sense
   */
  news(): Snapshot | undefined {
    const snapshot = this.#snapshot();
    if (this.#told !== undefined && isSame(this.#told, snapshot)) return undefined;
    this.#told = snapshot;
    return snapshot;
  }

  /** The names below the service's node; none when it is not there. */
  async #list(signal: AbortSignal): Promise<readonly string[]> {
    // What happens from here on is seen by this read, or told by an event.
    this.#isListStale = false;
    try {
      const { names, stat } = await this.#client.children(this.#path, signal);
      this.#isAbsent = false;
      this.#revision = stat.pzxid;
      return names;
    } catch (error) {
      if (isRefusal(error, zkCodes.noNode) && (await this.#isGone(signal))) {
        this.#isAbsent = true;
        return [];
      }
      this.#isListStale = true;
      // It came in between: the next list has it.
      if (isRefusal(error, zkCodes.noNode)) return [...this.#nodes.keys()];
      throw error;
    }
  }

  /** With one-shot watches nobody tells of a node that comes, unless its absence was asked for. */
  async #isGone(signal: AbortSignal): Promise<boolean> {
    if (!this.#client.isOneShot) return true;
    try {
      return (await this.#client.exists(this.#path, signal)) === undefined;
    } catch (error) {
      this.#isListStale = true;
      throw error;
    }
  }

  async #readStale(signal: AbortSignal): Promise<void> {
    // When this breaks off, the rest is read the next time.
    const wanted = [...this.#stale];
    let failure: SourceError | undefined;
    for (let i = 0; i < wanted.length; i += batchSize) {
      const batch = wanted.slice(i, i + batchSize);
      // eslint-disable-next-line no-await-in-loop -- a batch at a time is the purpose
      const failures = await Promise.all(batch.map((name) => this.#readNode(name, signal)));
      failure ??= failures.find((each) => each !== undefined);
    }
    if (failure !== undefined) throw failure;
  }

  /** @returns what kept it from being read, when it is something that concerns the others as well */
  async #readNode(name: string, signal: AbortSignal): Promise<SourceError | undefined> {
    this.#stale.delete(name);
    const known = this.#nodes.get(name)?.[0];
    try {
      const { data, mzxid } = await this.#content(name, signal);
      if (known?.mzxid !== mzxid || this.#settings.codec.readsData === false) {
        this.#nodes.set(name, [this.#decode(name, data, mzxid)]);
      }
      return undefined;
    } catch (error) {
      signal.throwIfAborted();
      if (isRefusal(error, zkCodes.noNode)) {
        // It went between the list and this; an event tells of the new list.
        if (known !== undefined) this.#nodes.set(name, []);
        return undefined;
      }
      if (isRefusal(error, zkCodes.noAuth)) {
        // What was read before holds on; what was never read makes no sense.
        if (known === undefined) this.#nodes.set(name, [senseless(name, -1n)]);
        return undefined;
      }
      this.#stale.add(name);
      return toSourceError(error);
    }
  }

  async #content(name: string, signal: AbortSignal): Promise<{ data: Buffer; mzxid: bigint }> {
    if (this.#settings.codec.readsData === false) return { data: noData, mzxid: 0n };
    const path = this.#path === "/" ? `/${name}` : `${this.#path}/${name}`;
    const { data, stat } = await this.#client.data(path, signal);
    return { data, mzxid: stat.mzxid };
  }

  #decode(name: string, data: Buffer, mzxid: bigint): Known {
    // A copy: what was cut out of an answer keeps the whole of it.
    const node = { name, data: Buffer.from(data) };
    try {
      const read = this.#settings.codec.decode(node, this.#context());
      if (read === undefined) return senseless(name, mzxid);
      return { node, mzxid, makesSense: true, endpoints: read === "ignored" ? [] : read };
    } catch {
      return senseless(name, mzxid);
    }
  }

  #context(): { service: string; endpointName: string | undefined; weightBase: number | undefined } {
    const { endpointName, weightBase } = this.#settings;
    return { service: this.#service, endpointName, weightBase };
  }

  #snapshot(): Snapshot {
    const nodes = this.#nodes.values();
    const { plain, others, skipped } = flatten(nodes);
    const { codec } = this.#settings;
    const endpoints = (others === 0 ? undefined : codec.arrange?.(nodes, this.#context())) ?? plain;
    if (endpoints.length === 0 && skipped > 0) {
      throw new SourceError(
        "data",
        `none of ${skipped} nodes at ${this.#path} is an instance that can be read`,
      );
    }
    return {
      kind: this.#isAbsent ? "absent" : "bound",
      endpoints,
      trust: "authoritative",
      revision: this.#revision.toString(),
      ...(skipped === 0 ? {} : { skipped }),
    };
  }
}

/** The endpoints of all nodes. Apart from all else, and without an iterator for each node: lists are long. */
function flatten(nodes: readonly Known[]): {
  readonly plain: readonly Endpoint[];
  /** Nodes without an endpoint, and those of them that make no sense. */
  readonly others: number;
  readonly skipped: number;
} {
  const plain: Endpoint[] = [];
  let others = 0;
  let skipped = 0;
  for (let i = 0; i < nodes.length; i++) {
    const { endpoints, makesSense } = nodes[i]!;
    if (endpoints.length === 0) others++;
    if (!makesSense) skipped++;
    for (let k = 0; k < endpoints.length; k++) plain.push(endpoints[k]!);
  }
  return { plain, others, skipped };
}

function senseless(name: string, mzxid: bigint): Known {
  return { node: { name, data: noData }, mzxid, makesSense: false, endpoints: [] };
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
