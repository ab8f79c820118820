import type { Clock, Random } from "@proxyless/core";
import { SourceError, unlessAborted } from "@proxyless/core/discovery";
import type { RegistryTls } from "@proxyless/core/discovery";

import type { ServerAddress } from "./addresses.ts";
import { JuteReader } from "./jute-reader.ts";
import type { Link } from "./link.ts";
import type { Answer } from "./pending-requests.ts";
import { ops, xids } from "./protocol.ts";
import type { Acl, Stat } from "./protocol.ts";
import {
  createNode,
  deleteNode,
  getChildren,
  getData,
  getStat,
  setData,
  syncWithLeader,
} from "./requests.ts";
import type { NodeContent, NodeData, NodeRequest } from "./requests.ts";
import { Session } from "./session.ts";
import { TreeWatches } from "./tree-watches.ts";
import type { WatchMode } from "./tree-watches.ts";
import type { TreeListener } from "./watch-register.ts";
import { isRefusal, zkCodes } from "./zookeeper-error.ts";

/** How a client reaches its ensemble. */
export interface ClientSettings {
  readonly servers: readonly ServerAddress[];
  /** Empty, or the path that all others are below. */
  readonly chroot: string;
  readonly tls: RegistryTls | undefined;
  /** `user:password` of the digest scheme. */
  readonly digest: string | undefined;
  readonly sessionTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly maxFrameBytes: number;
  readonly allowReadOnly: boolean;
  readonly watches: WatchMode;
}

/** What happens to the session of a client. */
export interface ClientListener {
  /** A connection is ready; everything may have changed since the last one. */
  connected?(): void;
  /** The connection is gone; the session may live on. */
  lost?(reason: SourceError): void;
  /** The session lives. */
  pong?(): void;
}

/** What ZooKeeper is asked, on one session that is kept. Every call rejects with a {@link SourceError}, or the signal's reason. */
export class ZookeeperClient {
  readonly #settings: ClientSettings;
  readonly #session: Session;
  readonly #watches: TreeWatches;
  readonly #listeners = new Set<ClientListener>();

  /** @param isForeground whether what is asked keeps the process alive until it is answered */
  constructor(settings: ClientSettings, clock: Clock, random: Random, isForeground = false) {
    this.#settings = settings;
    this.#watches = new TreeWatches(settings.watches);
    this.#session = new Session({
      ...settings,
      clock,
      random,
      isForeground,
      onEvent: (event) => {
        this.#watches.dispatch(event);
      },
      onPong: () => {
        for (const listener of this.#listeners) listener.pong?.();
      },
      prepare: (link) => this.#prepare(link),
      onConnected: () => {
        for (const listener of this.#listeners) listener.connected?.();
      },
      onLost: (reason) => {
        for (const listener of this.#listeners) listener.lost?.(reason);
      },
    });
  }

  /** Names the session; 0 while there is none. */
  get sessionId(): bigint {
    return this.#session.id;
  }

  get isConnected(): boolean {
    return this.#session.link !== undefined;
  }

  /** Whether watches shoot once, so that every read has to set them. */
  get isOneShot(): boolean {
    return this.#watches.isOneShot;
  }

  /** Resolves with the connection as soon as there is one; rejects with the reason when the next attempt fails. */
  ready(signal: AbortSignal): Promise<Link> {
    return this.#session.ready(signal);
  }

  listen(listener: ClientListener): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  /** Hears of what happens at a node and its children, through every new connection, from {@link arm} on. @returns how to end it */
  watchTree(path: string, listener: TreeListener): () => void {
    const full = this.#full(path);
    this.#watches.add(full, listener);
    return () => {
      this.#watches.delete(full, listener, this.#session.link);
    };
  }

  /** Sees to it that the server tells of a node and its children. With one-shot watches the reads do that. */
  arm(path: string, link: Link): Promise<void> {
    return this.#watches.arm(this.#full(path), link);
  }

  /** The names of a node's children, and what is known of it: the answer as it came, which may be long. */
  async children(path: string, signal: AbortSignal): Promise<JuteReader> {
    const full = this.#full(path);
    const isWatched = this.isOneShot;
    const answer = await this.#ask(getChildren(full, isWatched), signal);
    if (isWatched) this.#watches.wasRead("children", full);
    return answer;
  }

  /** What a node holds. */
  async data(path: string, signal: AbortSignal): Promise<NodeData> {
    const full = this.#full(path);
    const isWatched = this.isOneShot;
    const answer = await this.#ask(getData(full, isWatched), signal);
    if (isWatched) this.#watches.wasRead("data", full);
    return answer;
  }

  /** What nodes hold, asked for in one go: the answers as they came, which `readData` reads, in the order of the paths. */
  async dataOfAll(paths: readonly string[], signal: AbortSignal): Promise<readonly Answer[]> {
    if (paths.length === 0) return [];
    const isWatched = this.isOneShot;
    const full = paths.map((path) => this.#full(path));
    const requests = full.map((path) => getData(path, isWatched));
    const answers = await unlessAborted(this.#linked("data", signal).requestAll(requests), signal);
    if (isWatched) {
      for (const [i, answer] of answers.entries()) {
        if (answer instanceof JuteReader) this.#watches.wasRead("data", full[i]!);
      }
    }
    return answers;
  }

  /** What is known of a node; `undefined` where there is none. */
  async exists(path: string, signal: AbortSignal): Promise<Stat | undefined> {
    const full = this.#full(path);
    const isWatched = this.isOneShot;
    try {
      const stat = await this.#ask(getStat(full, isWatched), signal);
      if (isWatched) this.#watches.wasRead("data", full);
      return stat;
    } catch (error) {
      if (!isRefusal(error, zkCodes.noNode)) throw error;
      if (isWatched) this.#watches.wasRead("exists", full);
      return undefined;
    }
  }

  /** Makes a node. @returns its path */
  async create(path: string, content: NodeContent, signal: AbortSignal): Promise<string> {
    return this.#own(await this.#ask(createNode(this.#full(path), content), signal));
  }

  /** Makes the nodes above a path where they are missing, the chroot included; they stay. */
  async createParents(path: string, acl: readonly Acl[], signal: AbortSignal): Promise<void> {
    const parts = this.#full(path).split("/").slice(1, -1);
    const content = { data: Buffer.alloc(0), acl, flags: 0 };
    let full = "";
    for (const part of parts) {
      full += `/${part}`;
      try {
        // eslint-disable-next-line no-await-in-loop -- from the top down
        await this.#ask(createNode(full, content), signal);
      } catch (error) {
        // Whoever may not create here may all the same create below.
        const isThere = isRefusal(error, zkCodes.nodeExists) || isRefusal(error, zkCodes.noAuth);
        if (!isThere) throw error;
      }
    }
  }

  /** @param version the only one that is written over; -1 for any */
  setData(path: string, data: Uint8Array, version: number, signal: AbortSignal): Promise<void> {
    return this.#ask(setData(this.#full(path), data, version), signal);
  }

  /** @param version the only one that is taken away; -1 for any */
  delete(path: string, version: number, signal: AbortSignal): Promise<void> {
    return this.#ask(deleteNode(this.#full(path), version), signal);
  }

  /** Waits until this connection's server has seen what the leader had when it was asked. */
  sync(path: string, signal: AbortSignal): Promise<void> {
    return this.#ask(syncWithLeader(this.#full(path)), signal);
  }

  /** Ends the session; its ephemeral nodes go at once. Resolves when the socket is gone. */
  close(): Promise<void> {
    return this.#session.close();
  }

  async #prepare(link: Link): Promise<void> {
    const { digest } = this.#settings;
    if (digest !== undefined) {
      await link.requestAs(xids.auth, ops.auth, "authentication", (writer) =>
        writer.int(0).text("digest").buffer(Buffer.from(digest, "utf8")),
      );
    }
    await this.#watches.armAll(link, this.#session.lastZxid);
  }

  async #ask<T>({ op, read, what, write }: NodeRequest<T>, signal: AbortSignal): Promise<T> {
    return read(await unlessAborted(this.#linked(what, signal).request(op, what, write), signal));
  }

  /** The connection that something is asked on now. */
  #linked(what: string, signal: AbortSignal): Link {
    signal.throwIfAborted();
    const { link } = this.#session;
    if (link !== undefined) return link;
    throw new SourceError("transient", `${what}: there is no connection to ZooKeeper`);
  }

  #full(path: string): string {
    const { chroot } = this.#settings;
    return path === "/" && chroot !== "" ? chroot : chroot + path;
  }

  #own(full: string): string {
    return full.slice(this.#settings.chroot.length);
  }
}
