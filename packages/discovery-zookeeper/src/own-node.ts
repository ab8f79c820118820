import { SourceError } from "@proxyless/core/discovery";

import type { Acl } from "./client/protocol.ts";
import { readChildren } from "./client/requests.ts";
import { parentOf } from "./client/watch-register.ts";
import type { ZookeeperClient } from "./client/zookeeper-client.ts";
import { isRefusal, zkCodes } from "./client/zookeeper-error.ts";

/** What a node shall be. */
export interface WantedNode {
  /** Of a sequential one: what its number is put behind. */
  readonly path: string;
  readonly isSequential: boolean;
  readonly data: Buffer;
}

const ephemeral = 1;
const sequential = 2;
/** Everything may change between two requests, but not for ever. */
const maxTries = 8;
const rememberedSessions = 16;

/**
 * One ephemeral node that belongs to this client: made, verified, written over, taken away. It lives with a session, so a
 * new session needs a new node, and what a session before left behind is replaced: deleted and made again, so that whoever
 * watches sees it come.
 */
export class OwnNode {
  readonly #client: ZookeeperClient;
  readonly #acl: readonly Acl[];
  readonly #onChange: () => void;
  #path: string | undefined;
  #watched: string | undefined;
  #unwatch: (() => void) | undefined;
  /** The session that the node was made in. */
  #session = 0n;
  /** The sessions this client had, the latest last. */
  readonly #ours = new Set<bigint>();
  /** The directory in which a node with a number may have been made without its name having come back. */
  #orphans: string | undefined;

  /** @param onChange called when something happened to the node */
  constructor(client: ZookeeperClient, acl: readonly Acl[], onChange: () => void) {
    this.#client = client;
    this.#acl = acl;
    this.#onChange = onChange;
  }

  /** Makes the node what it shall be, and reads that it is. */
  async keep(wanted: WantedNode, signal: AbortSignal): Promise<void> {
    const before = this.#path;
    const isSame =
      before !== undefined && (wanted.isSequential ? before.startsWith(wanted.path) : before === wanted.path);
    if (!isSame) this.#path = wanted.isSequential ? undefined : wanted.path;
    for (let tries = 0; tries < maxTries; tries++) {
      // eslint-disable-next-line no-await-in-loop -- each step depends on what the last one found
      if (await this.#step(wanted, signal)) {
        // The new one first: at no time is there none.
        // eslint-disable-next-line no-await-in-loop -- the end
        if (before !== undefined && before !== this.#path) await this.#delete(before, signal);
        return;
      }
    }
    throw new SourceError("transient", `the node ${wanted.path} changes all the time`);
  }

  /** Takes the node away. @param named where it would be, when it was never seen @returns whether there was one */
  async remove(named: string | undefined, signal: AbortSignal): Promise<boolean> {
    if (this.#path === undefined) await this.#findOrphan(signal);
    const path = this.#path ?? named;
    if (path === undefined) return false;
    const isGone = await this.#delete(path, signal);
    this.#unwatch?.();
    this.#unwatch = undefined;
    this.#watched = undefined;
    this.#path = undefined;
    this.#session = 0n;
    return isGone;
  }

  /** @returns whether the node is as it shall be */
  async #step(wanted: WantedNode, signal: AbortSignal): Promise<boolean> {
    const client = this.#client;
    await client.ready(signal);
    this.#remember(client.sessionId);
    if (this.#path === undefined) await this.#findOrphan(signal);
    const path = this.#path;
    if (path === undefined) return this.#create(wanted, signal);
    this.#watch(path);
    try {
      const { data, stat } = await client.data(path, signal);
      if (stat.ephemeralOwner !== client.sessionId) {
        await this.#replace(path, stat.ephemeralOwner, stat.version, signal);
        if (wanted.isSequential) this.#path = undefined;
        return false;
      }
      this.#session = client.sessionId;
      if (data.equals(wanted.data)) return true;
      await client.setData(path, wanted.data, stat.version, signal);
      return false;
    } catch (error) {
      if (isRefusal(error, zkCodes.badVersion)) return false;
      if (!isRefusal(error, zkCodes.noNode)) throw error;
      if (wanted.isSequential) this.#path = undefined;
      return this.#create(wanted, signal);
    }
  }

  async #create(wanted: WantedNode, signal: AbortSignal): Promise<boolean> {
    const flags = ephemeral + (wanted.isSequential ? sequential : 0);
    const content = { data: wanted.data, acl: this.#acl, flags };
    if (wanted.isSequential) this.#orphans = parentOf(wanted.path);
    try {
      this.#path = await this.#client.create(wanted.path, content, signal);
      this.#orphans = undefined;
      this.#session = this.#client.sessionId;
    } catch (error) {
      if (isRefusal(error, zkCodes.noNode)) await this.#client.createParents(wanted.path, this.#acl, signal);
      else if (!isRefusal(error, zkCodes.nodeExists)) throw error;
    }
    return false;
  }

  /**
   * A node under our name that is another session's. It goes when it is what a process before this one, or a session before
   * this one, left behind. What took the place of a node that this session had made is somebody alive with the same id.
   */
  async #replace(path: string, owner: bigint, version: number, signal: AbortSignal): Promise<void> {
    const wasMade = this.#session !== 0n;
    if (wasMade && owner !== 0n && !this.#ours.has(owner)) {
      throw new SourceError("config", `the node ${path} belongs to another living process with the same id`);
    }
    try {
      await this.#client.delete(path, version, signal);
    } catch (error) {
      if (!isRefusal(error, zkCodes.noNode) && !isRefusal(error, zkCodes.badVersion)) throw error;
    }
  }

  /** A node whose making was not answered is found by its session: nobody else makes nodes in it. */
  async #findOrphan(signal: AbortSignal): Promise<void> {
    const directory = this.#orphans;
    if (directory === undefined) return;
    await this.#client.ready(signal);
    for (const name of await this.#namesIn(directory, signal)) {
      const path = `${directory}/${name}`;
      // eslint-disable-next-line no-await-in-loop -- rare, and mostly the last one
      const stat = await this.#client.exists(path, signal);
      if (stat?.ephemeralOwner === this.#client.sessionId) {
        this.#path = path;
        break;
      }
    }
    this.#orphans = undefined;
  }

  /** The names below a node; none where there is no node, so that nothing of ours can be there either. */
  async #namesIn(directory: string, signal: AbortSignal): Promise<readonly string[]> {
    try {
      return readChildren(await this.#client.children(directory, signal)).names;
    } catch (error) {
      if (isRefusal(error, zkCodes.noNode)) return [];
      throw error;
    }
  }

  /** Takes away a node that is ours. @returns whether it was there */
  async #delete(path: string, signal: AbortSignal): Promise<boolean> {
    await this.#client.ready(signal);
    this.#remember(this.#client.sessionId);
    const stat = await this.#client.exists(path, signal);
    if (stat === undefined || !this.#ours.has(stat.ephemeralOwner)) return false;
    try {
      await this.#client.delete(path, -1, signal);
      return true;
    } catch (error) {
      if (isRefusal(error, zkCodes.noNode)) return false;
      throw error;
    }
  }

  #watch(path: string): void {
    if (this.#watched === path) return;
    this.#unwatch?.();
    this.#watched = path;
    this.#unwatch = this.#client.watchTree(path, this.#onChange);
  }

  #remember(session: bigint): void {
    this.#ours.delete(session);
    this.#ours.add(session);
    const [oldest] = this.#ours;
    if (this.#ours.size > rememberedSessions && oldest !== undefined) this.#ours.delete(oldest);
  }
}
