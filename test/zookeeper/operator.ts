import { setTimeout as sleep } from "node:timers/promises";

import { systemClock, systemRandom } from "@proxyless/core";

import { readConnectString } from "../../packages/discovery-zookeeper/src/client/addresses.ts";
import { ZookeeperClient } from "../../packages/discovery-zookeeper/src/client/zookeeper-client.ts";
import type { ClientSettings } from "../../packages/discovery-zookeeper/src/client/zookeeper-client.ts";
import { isRefusal, zkCodes } from "../../packages/discovery-zookeeper/src/client/zookeeper-error.ts";

const open = [{ permissions: 31, scheme: "world", id: "anyone" }];
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

/** Somebody who writes nodes by hand, patiently: what fails for the moment is tried again for 30 s. */
export class Operator {
  readonly client: ZookeeperClient;

  constructor(servers: string | readonly string[], more: Partial<ClientSettings> = {}) {
    this.client = new ZookeeperClient(clientSettings(servers, more), systemClock, systemRandom, true);
  }

  /** Writes a node over, or makes one that stays, with those above it. */
  put(path: string, data: string): Promise<void> {
    const bytes = Buffer.from(data);
    return this.#patiently(async () => {
      if (await hadNode(this.client.setData(path, bytes, -1, noSignal))) return;
      const content = { data: bytes, acl: open, flags: 0 };
      if (await hadNode(this.client.create(path, content, noSignal))) return;
      await this.client.createParents(path, open, noSignal);
      await this.client.create(path, content, noSignal);
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
        return (await this.client.children(path, noSignal)).names.toSorted();
      } catch (error) {
        if (isRefusal(error, zkCodes.noNode)) return [];
        throw error;
      }
    });
  }

  /** Makes exactly these the nodes below a path. */
  async replace(path: string, nodes: Readonly<Record<string, string>>): Promise<void> {
    const names = await this.list(path);
    await Promise.all([
      ...names.filter((name) => !(name in nodes)).map((name) => this.remove(`${path}/${name}`)),
      ...Object.entries(nodes).map(([name, data]) => this.put(`${path}/${name}`, data)),
    ]);
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
