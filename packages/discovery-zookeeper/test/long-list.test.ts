import type { Endpoint } from "@proxyless/core";
import { ManualClock } from "@proxyless/core/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { events, ops } from "../src/client/protocol.ts";
import { codecs } from "../src/index.ts";
import type { ZookeeperCodec } from "../src/index.ts";
import { FakeZookeeper } from "./support/fake-zookeeper.ts";
import type { FakeRequest } from "./support/fake-zookeeper.ts";
import { advanceBoth, watchFake } from "./support/watching.ts";

let fake: FakeZookeeper;
let clock: ManualClock;

beforeEach(async () => {
  fake = await FakeZookeeper.start();
  clock = new ManualClock();
});

afterEach(() => fake.close());

/** The names say everything, so that a list is the only thing that is asked. */
const named: ZookeeperCodec = {
  name: "named",
  path: "/services/{service}",
  readsData: false,
  decode: ({ name }) => [endpoint(name)],
};

function endpoint(id: string): Endpoint {
  return { id, host: "10.0.0.1", port: 80, weight: 1, priority: 0, health: "healthy", metadata: {} };
}

function fill(count: number): void {
  for (let i = 0; i < count; i++) fake.nodes.set(`node-${i}`, `10.0.${i >> 8}.${i & 255}:80`);
}

describe("a long list", { timeout: 30_000 }, () => {
  it("has 256 nodes read at a time, and each of them once", async () => {
    fill(1_000);
    const held: FakeRequest[] = [];
    const batches: number[] = [];
    fake.script = (request) => {
      if (request.op !== ops.getData) return "pass";
      held.push(request);
      return "handled";
    };
    const web = watchFake(fake, clock);
    while (batches.length < 4) {
      await web.until(() => held.length > 0);
      // Whatever else would come has come then.
      await advanceBoth(clock, 50);
      batches.push(held.length);
      for (const request of held.splice(0)) {
        const name = request.path.slice("/services/web/".length);
        request.connection.answerData(request.xid, String(fake.nodes.get(name)));
      }
    }
    await web.until(() => web.hosts()?.length === 1_000);
    expect(batches).toEqual([256, 256, 256, 232]);
    await advanceBoth(clock, 1_000);
    expect(fake.count(ops.getData)).toBe(1_000);
    expect(fake.count(ops.getChildren2)).toBe(1);
    expect(web.snapshots).toHaveLength(1);
  });

  it("loses nothing of what changes while it is taken", async () => {
    fill(20_000);
    const path = "/services/web";
    let lists = 0;
    fake.script = ({ connection, op, xid }) => {
      if (op !== ops.getChildren2 || lists++ > 0) return "pass";
      const before = [...fake.nodes.keys()];
      fake.nodes.delete("node-3");
      fake.nodes.set("new", "10.1.0.1:80");
      connection.answerNames(xid, before);
      fake.tell(events.deleted, `${path}/node-3`);
      fake.tell(events.created, `${path}/new`);
      return "handled";
    };
    const web = watchFake(fake, clock, { codec: named });
    await web.until(() => lists > 1 && web.snapshots.at(-1)?.endpoints.at(-1)?.id === "node-9999");
    await web.until(() => web.snapshots.at(-1)?.endpoints[0]?.id === "new");
    const ids = web.snapshots.at(-1)?.endpoints.map(({ id }) => id);
    expect(ids).toEqual([...fake.nodes.keys()].toSorted());
    expect(lists).toBe(2);
  });

  it("is not told when its watch ends while it is taken, and nothing is left", async () => {
    fill(20_000);
    let decoded = 0;
    const stopping: ZookeeperCodec = {
      ...named,
      decode: ({ name }) => {
        decoded++;
        if (decoded === 100) stopped = web.stop();
        return [endpoint(name)];
      },
    };
    let stopped: Promise<void> | undefined;
    const web = watchFake(fake, clock, { codec: stopping });
    await web.until(() => stopped !== undefined);
    await stopped;
    await expect.poll(() => fake.connections, { timeout: 10_000 }).toBe(0);
    expect(web.snapshots).toHaveLength(0);
    expect(decoded).toBeLessThan(20_000);
    expect(clock.pendingTimers).toBe(0);
  });

  it("whose answer is no list says data, keeps what is known, and is read again", async () => {
    fill(3);
    const web = watchFake(fake, clock);
    await web.until(() => web.hosts()?.length === 3);
    let isBroken = true;
    fake.script = ({ connection, op, xid }) => {
      if (op !== ops.getChildren2 || !isBroken) return "pass";
      isBroken = false;
      connection.answer(xid, 0, (writer) => writer.int(2).text("node-1"));
      return "handled";
    };
    fake.nodes.set("node-3", "10.0.0.3:80");
    fake.tell(events.created, "/services/web/node-3");
    await web.until(() => web.errors.length > 0);
    expect(web.errors[0]).toMatchObject({ class: "data" });
    await web.until(() => web.hosts()?.length === 4, 20);
    expect(web.snapshots).toHaveLength(2);
  });
});

describe("a node that went", { timeout: 30_000 }, () => {
  it("is not asked for", async () => {
    fill(3);
    const web = watchFake(fake, clock);
    await web.until(() => web.hosts()?.length === 3);
    const before = fake.count(ops.getData);
    fake.nodes.delete("node-1");
    fake.tell(events.deleted, "/services/web/node-1");
    await web.until(() => web.hosts()?.length === 2);
    expect(fake.count(ops.getData)).toBe(before);
  });

  it("and is listed all the same has come again, and is read", async () => {
    fill(3);
    const web = watchFake(fake, clock);
    await web.until(() => web.hosts()?.length === 3);
    fake.zxid++;
    fake.nodes.set("node-1", "10.9.9.9:80");
    fake.tell(events.deleted, "/services/web/node-1");
    await web.until(() => web.hosts()?.includes("10.9.9.9") === true);
    expect(web.hosts()).toEqual(["10.0.0.0", "10.9.9.9", "10.0.0.2"]);
  });

  it("before it was read gives no reason to look at the others together", async () => {
    fill(2);
    fake.nodes.set("node-2", -101);
    let looks = 0;
    const kept: Uint8Array[] = [];
    const codec: ZookeeperCodec = {
      ...codecs.text,
      arrange: (nodes) => {
        looks++;
        for (const { node } of nodes) if (node.name !== "node-3") kept.push(node.data);
        return undefined;
      },
    };
    const web = watchFake(fake, clock, { codec });
    await web.until(() => web.hosts()?.length === 2);
    expect(looks).toBe(0);
    fake.nodes.set("node-3", "no address");
    fake.tell(events.created, "/services/web/node-3");
    await web.until(() => looks === 1);
    expect(web.snapshots.at(-1)).toMatchObject({ skipped: 1 });
    // What is kept of them for that keeps nothing else.
    expect(kept.map((data) => Buffer.from(data).toString())).toEqual(["10.0.0.0:80", "10.0.0.1:80"]);
    expect(kept.map(({ buffer }) => buffer.byteLength)).toEqual([11, 11]);
  });
});
