import { hash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";

import { systemClock, systemRandom } from "@proxyless/core";

import { readConnectString } from "../../packages/discovery-zookeeper/src/client/addresses.ts";
import { ops, writeAcl } from "../../packages/discovery-zookeeper/src/client/protocol.ts";
import type { Acl } from "../../packages/discovery-zookeeper/src/client/protocol.ts";
import { readChildren } from "../../packages/discovery-zookeeper/src/client/requests.ts";
import { ZookeeperClient } from "../../packages/discovery-zookeeper/src/client/zookeeper-client.ts";
import type { ClientSettings } from "../../packages/discovery-zookeeper/src/client/zookeeper-client.ts";
import { isRefusal, zkCodes } from "../../packages/discovery-zookeeper/src/client/zookeeper-error.ts";

const open: readonly Acl[] = [{ permissions: 31, scheme: "world", id: "anyone" }];
/** Of `ZooDefs.OpCode`, those that clients of registries have no use for. */
const otherOps = { setAcl: 7, multi: 14 } as const;
const noSignal = new AbortController().signal;

/** What a client of a test is set to. */
function clientSettings(
  servers: string | readonly string[],
  more: Partial<ClientSettings> = {},
): ClientSettings {
  return {
    ...readConnectString(servers),
    tls: undefined,
    digest: undefined,
    sessionTimeoutMs: 10_000,
    requestTimeoutMs: 5000,
    maxFrameBytes: 8 * 1024 * 1024,
    allowReadOnly: false,
    watches: "one-shot",
    ...more,
  };
}

/** What somebody of the digest scheme may do: 1 reads, 31 is everything. */
export function rightOf(user: string, password: string, permissions: number): Acl {
  const digest = hash("sha1", `${user}:${password}`, "base64");
  return { permissions, scheme: "digest", id: `${user}:${digest}` };
}

/** Somebody who writes nodes by hand, patiently: what fails for the moment is tried again for 30 s. */
export class Operator {
  readonly client: ZookeeperClient;
  readonly #acl: readonly Acl[];

  /** @param acl who may do what with the nodes that are made */
  constructor(servers: string | readonly string[], settings: Partial<ClientSettings> = {}, acl = open) {
    this.#acl = acl;
    this.client = new ZookeeperClient(clientSettings(servers, settings), systemClock, systemRandom, true);
  }

  /** Writes a node over, or makes one that stays, with those above it. */
  put(path: string, data: string): Promise<void> {
    const bytes = Buffer.from(data);
    return this.#patiently(async () => {
      if (await hadNode(this.client.setData(path, bytes, -1, noSignal))) return;
      const content = { data: bytes, acl: this.#acl, flags: 0 };
      if (await hadNode(this.client.create(path, content, noSignal))) return;
      await this.client.createParents(path, this.#acl, noSignal);
      await this.client.create(path, content, noSignal);
    });
  }

  /** Says anew who may do what with a node. */
  allow(path: string, acl: readonly Acl[]): Promise<void> {
    return this.#patiently(async () => {
      const link = await this.client.ready(noSignal);
      await link.request(otherOps.setAcl, `rights of ${path}`, (writer) => {
        writer.text(path).list(acl, writeAcl).int(-1);
      });
    });
  }

  /** Takes a node away; one that is gone is fine. */
  remove(path: string): Promise<void> {
    return this.#patiently(async () => {
      await this.client.delete(path, -1, noSignal).catch((error: unknown) => {
        if (!isRefusal(error, zkCodes.noNode)) throw error;
      });
    });
  }

  /** Takes one node away and makes another, in one transaction. */
  async swap(gone: string, path: string, data: string): Promise<void> {
    const wasDone = await this.#patiently(async () => {
      const link = await this.client.ready(noSignal);
      const results = await link.request(otherOps.multi, `${path} for ${gone}`, (writer) => {
        writer.int(ops.delete).bool(false).int(-1).text(gone).int(-1);
        writer.int(ops.create).bool(false).int(-1).text(path).buffer(Buffer.from(data));
        writer.list(this.#acl, writeAcl).int(0).int(-1).bool(true).int(-1);
      });
      // The first result's kind: what it was, or that nothing was done.
      return results.int() === ops.delete;
    });
    if (!wasDone) throw new Error(`${path} was not put in the place of ${gone}`);
  }

  /** What a node holds; `undefined` where there is none. */
  get(path: string): Promise<string | undefined> {
    return this.#patiently(async () => {
      try {
        return (await this.client.data(path, noSignal)).data.toString("utf8");
      } catch (error) {
        if (isRefusal(error, zkCodes.noNode)) return undefined;
        throw error;
      }
    });
  }

  /** The session that a node lives with; 0 for one that stays. */
  async owner(path: string): Promise<bigint | undefined> {
    return (await this.#patiently(() => this.client.exists(path, noSignal)))?.ephemeralOwner;
  }

  /** The names below a node, sorted; none where there is no node. */
  list(path: string): Promise<string[]> {
    return this.#patiently(async () => {
      try {
        return readChildren(await this.client.children(path, noSignal)).names.toSorted();
      } catch (error) {
        if (isRefusal(error, zkCodes.noNode)) return [];
        throw error;
      }
    });
  }

  /** Makes exactly these the nodes below a path. */
  async replace(path: string, nodes: Readonly<Record<string, string>>): Promise<void> {
    const names = await this.list(path);
    // Otherwise each of many would find out for itself that there is nothing to be below of.
    if (names.length === 0)
      await this.#patiently(() => this.client.createParents(`${path}/`, this.#acl, noSignal));
    const writes = [
      ...names.filter((name) => !(name in nodes)).map((name) => () => this.remove(`${path}/${name}`)),
      ...Object.entries(nodes).map(
        ([name, data]) =>
          () =>
            this.put(`${path}/${name}`, data),
      ),
    ];
    // Answers come in order: of ten thousand at once the last ones would take longer than an answer may.
    for (let from = 0; from < writes.length; from += 500) {
      // eslint-disable-next-line no-await-in-loop -- so many at a time
      await Promise.all(writes.slice(from, from + 500).map((write) => write()));
    }
  }

  close(): Promise<void> {
    return this.client.close();
  }

  async #patiently<T>(work: () => Promise<T>): Promise<T> {
    for (const end = performance.now() + 30_000; ;) {
      try {
        // eslint-disable-next-line no-await-in-loop -- one attempt after the other
        await this.client.ready(noSignal);
        // eslint-disable-next-line no-await-in-loop -- as above
        return await work();
      } catch (error) {
        if (performance.now() > end || !(error instanceof Error && "class" in error)) throw error;
        if (error.class !== "transient") throw error;
        // eslint-disable-next-line no-await-in-loop -- as above
        await sleep(20);
      }
    }
  }
}

/** Whether the node was there that a request needs. */
async function hadNode(request: Promise<unknown>): Promise<boolean> {
  try {
    await request;
    return true;
  } catch (error) {
    if (isRefusal(error, zkCodes.noNode)) return false;
    throw error;
  }
}
