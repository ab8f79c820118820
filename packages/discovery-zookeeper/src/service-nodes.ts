import type { Endpoint, Snapshot } from "@proxyless/core";
import { KeyedStore, SourceError, toSourceError } from "@proxyless/core/discovery";
import type { Sliceable } from "@proxyless/core/discovery";

import { ChildNames } from "./client/child-names.ts";
import type { JuteReader } from "./client/jute-reader.ts";
import type { Answer } from "./client/pending-requests.ts";
import { readData } from "./client/requests.ts";
import { isRefusal, ZookeeperError, zkCodes } from "./client/zookeeper-error.ts";
import type { DecodeContext, DecodedNode, ZookeeperNode } from "./codecs/codec.ts";
import type { Settings } from "./options.ts";

/** What a node holds, as it came. */
export interface NodeContent {
  readonly name: string;
  /** Nothing where the name says everything. */
  readonly answer: Answer | undefined;
}

/** Nodes that could not be read, and what kept the first of them from it. */
export interface NotRead {
  readonly names: readonly string[];
  readonly failure: SourceError | undefined;
}

/** What is known of one node below the service's. */
interface Known {
  /** Kept for codecs that look at all nodes together. */
  readonly node: ZookeeperNode | undefined;
  /** The transaction that wrote it: the same one means the same content. */
  readonly mzxid: bigint;
  readonly makesSense: boolean;
  readonly endpoints: readonly Endpoint[];
}

/** As many nodes as are taken in one piece. */
const PIECE = 32;
const noData = Buffer.alloc(0);
/** A node that is listed, and could not be read yet or any more. */
const unread: Known = { node: undefined, mzxid: -1n, makesSense: true, endpoints: [] };

/** The nodes of one service: those that the last list named, and what those hold that were read. */
export class ServiceNodes {
  readonly #settings: Settings;
  readonly #path: string;
  readonly #context: DecodeContext;
  readonly #names = new ChildNames();
  readonly #nodes = new KeyedStore<Known, Endpoint>(({ endpoints }) => endpoints);
  #isAbsent = false;
  #revision = 0n;

  constructor(settings: Settings, service: string, path: string) {
    const { endpointName, weightBase } = settings;
    this.#settings = settings;
    this.#path = path;
    this.#context = { service, endpointName, weightBase };
  }

  /** How many nodes the last list named. */
  get size(): number {
    return this.#nodes.size;
  }

  /** The names of the last list, in no order. */
  get names(): Iterable<string> {
    return this.#nodes.keys();
  }

  has(name: string): boolean {
    return this.#nodes.has(name);
  }

  /**
   * Takes the next list; none where there is no node.
   * @returns the names that are new
   * @throws SourceError of class `data` for bytes that are no list; the one before holds on then
   */
  *takeList(answer: JuteReader | undefined): Sliceable<readonly string[]> {
    const { came, stat, went } = yield* this.#names.take(answer, (name) => this.has(name));
    this.#isAbsent = answer === undefined;
    this.#revision = stat?.pzxid ?? this.#revision;
    for (const [i, name] of went.entries()) {
      if (i % PIECE === PIECE - 1) yield;
      this.#nodes.delete(name);
    }
    for (const [i, name] of came.entries()) {
      if (i % PIECE === PIECE - 1) yield;
      this.#nodes.set(name, unread);
    }
    return came;
  }

  /** Takes what nodes hold; those that are not listed are left out. */
  *takeContents(contents: readonly NodeContent[]): Sliceable<NotRead> {
    const names: string[] = [];
    let failure: SourceError | undefined;
    for (const [i, { answer, name }] of contents.entries()) {
      if (i % PIECE === PIECE - 1) yield;
      const known = this.#nodes.get(name);
      if (known === undefined) continue;
      try {
        this.#take(name, answer, known);
      } catch (error) {
        names.push(name);
        failure ??= toSourceError(error);
      }
    }
    return { names, failure };
  }

  /**
   * The whole list.
   * @throws SourceError of class `data` when there are nodes and none of them makes sense
   */
  snapshot(): Snapshot {
    const plain = this.#nodes.values();
    const others = this.#nodes.unlisted().filter((known) => known !== unread);
    const skipped = others.filter(({ makesSense }) => !makesSense).length;
    const endpoints = (others.length === 0 ? undefined : this.#arranged()) ?? plain;
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

  #arranged(): readonly Endpoint[] | undefined {
    return this.#settings.codec.arrange?.(this.#nodes.held().filter(isDecoded), this.#context);
  }

  #take(name: string, answer: Answer | undefined, known: Known): void {
    if (answer === undefined) this.#nodes.set(name, this.#decode(name, noData, 0n));
    else if (isRefusal(answer, zkCodes.noNode)) {
      // It went between the list and this; an event tells of the new list.
      if (known !== unread) this.#nodes.set(name, unread);
    } else if (isRefusal(answer, zkCodes.noAuth)) {
      // What was read before holds on; what was never read makes no sense.
      if (known === unread) this.#nodes.set(name, senseless(name, -1n));
    } else if (answer instanceof ZookeeperError) throw answer;
    else {
      const { data, stat } = readData(answer);
      if (known.mzxid !== stat.mzxid) this.#nodes.set(name, this.#decode(name, data, stat.mzxid));
    }
  }

  #decode(name: string, data: Buffer, mzxid: bigint): Known {
    const { codec } = this.#settings;
    try {
      const read = codec.decode({ name, data }, this.#context);
      if (read === undefined) return senseless(name, mzxid);
      // A copy of its own: what was cut out of an answer, or of the pool that buffers share, keeps the whole of it.
      const node = codec.arrange === undefined ? undefined : { name, data: new Uint8Array(data) };
      return { node, mzxid, makesSense: true, endpoints: read === "ignored" ? [] : read };
    } catch {
      return senseless(name, mzxid);
    }
  }
}

function senseless(name: string, mzxid: bigint): Known {
  return { node: { name, data: noData }, mzxid, makesSense: false, endpoints: [] };
}

function isDecoded(known: Known): known is Known & DecodedNode {
  return known.node !== undefined;
}
