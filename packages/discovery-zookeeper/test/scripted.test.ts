import { ManualClock, seededRandom } from "@proxyless/core/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { events, ops } from "../src/client/protocol.ts";
import { zookeeper } from "../src/index.ts";
import type { ZookeeperOptions } from "../src/index.ts";
import { FakeZookeeper } from "./support/fake-zookeeper.ts";
import { advanceBoth, watchFake } from "./support/watching.ts";
import type { Seen } from "./support/watching.ts";

let fake: FakeZookeeper;
let clock: ManualClock;

beforeEach(async () => {
  fake = await FakeZookeeper.start();
  fake.nodes.set("a", "10.0.0.1:80");
  clock = new ManualClock();
});

afterEach(() => fake.close());

function watch(options: Partial<ZookeeperOptions> = {}): Seen {
  return watchFake(fake, clock, options);
}

function advance(ms: number): Promise<false> {
  return advanceBoth(clock, ms);
}

describe("a source whose server", { timeout: 30_000 }, () => {
  it("is older than 3.6: is asked for a persistent watch once, then watched with ones that shoot once", async () => {
    fake.script = ({ op, xid, connection }) => {
      if (op !== ops.addWatch && op !== ops.setWatches2) return "pass";
      connection.answer(xid, -6);
      connection.hangUp();
      return "handled";
    };
    const web = watch();
    await web.until(() => web.snapshots.length > 0);
    expect(web.hosts()).toEqual(["10.0.0.1"]);
    expect(web.errors.map((error) => error.class)).toEqual(["protocol-reset"]);
    expect(fake.count(ops.addWatch) + fake.count(ops.setWatches2)).toBe(1);
    fake.nodes.set("b", "10.0.0.2:80");
    fake.tell(events.childrenChanged, "/services/web");
    await web.until(() => web.hosts()?.length === 2);
    fake.cut();
    const { length } = fake.hellos;
    await web.until(() => fake.hellos.length > length, 50);
    await web.until(() => fake.count(ops.setWatches) > 0);
    const armed = fake.requests.find(({ op }) => op === ops.setWatches)?.body.toString("latin1");
    for (const name of ["a", "b"]) expect(armed).toContain(`/services/web/${name}`);
    expect(fake.count(ops.addWatch) + fake.count(ops.setWatches2)).toBe(1);
  });

  it("keeps what it read of a node that it may no longer read, and reads the others on", async () => {
    fake.nodes.set("b", "10.0.0.2:80");
    const web = watch();
    await web.until(() => web.hosts()?.length === 2);
    fake.zxid = 2n;
    fake.nodes.set("b", -102);
    fake.nodes.set("a", "10.0.0.9:80");
    fake.tell(events.dataChanged, "/services/web/a");
    fake.tell(events.dataChanged, "/services/web/b");
    await web.until(() => web.hosts()?.[0] === "10.0.0.9");
    expect(web.hosts()).toEqual(["10.0.0.9", "10.0.0.2"]);
    expect(web.snapshots.at(-1)?.skipped).toBeUndefined();
  });

  it("loses a node between the list and its content: the others are told", async () => {
    fake.nodes.set("b", -101);
    const web = watch();
    await web.until(() => web.snapshots.length > 0);
    expect(web.hosts()).toEqual(["10.0.0.1"]);
    expect(web.snapshots[0]?.skipped).toBeUndefined();
  });

  it("answers nothing but trouble for one node: what is known stays, and it is tried again", async () => {
    const web = watch();
    await web.until(() => web.snapshots.length > 0);
    fake.zxid = 2n;
    fake.nodes.set("a", -127);
    fake.tell(events.dataChanged, "/services/web/a");
    await web.until(() => web.errors.length > 0);
    expect(web.errors[0]).toMatchObject({
      class: "transient",
      message: expect.stringContaining("throttled (-127)"),
    });
    expect(web.hosts()).toEqual(["10.0.0.1"]);
    fake.nodes.set("a", "10.0.0.3:80");
    await web.until(() => web.hosts()?.[0] === "10.0.0.3", 20);
  });

  it("says that nothing changed where only the version did", async () => {
    const web = watch();
    await web.until(() => web.snapshots.length > 0);
    const before = fake.count(ops.getData);
    fake.zxid = 2n;
    fake.tell(events.dataChanged, "/services/web/a");
    await web.until(() => fake.count(ops.getData) > before);
    await advance(20);
    expect(web.snapshots).toHaveLength(1);
  });

  it("tells of a change all the time: is read at once fifty times, then every two milliseconds", async () => {
    const web = watch();
    await web.until(() => web.snapshots.length > 0);
    const before = fake.count(ops.getData);
    for (let i = 1; i <= 400; i++) {
      fake.zxid++;
      fake.nodes.set("a", `10.0.${i >> 8}.${i & 255}:80`);
      fake.tell(events.dataChanged, "/services/web/a");
      await advance(1);
    }
    await web.until(() => web.hosts()?.[0] === "10.0.1.144");
    const reads = fake.count(ops.getData) - before;
    expect(reads).toBeGreaterThan(100);
    expect(reads).toBeLessThan(270);
  });

  it("refuses to list: says auth, and goes on asking", async () => {
    fake.script = ({ op, xid, connection }) => {
      if (op !== ops.getChildren2) return "pass";
      connection.answer(xid, -102);
      return "handled";
    };
    const web = watch();
    await web.until(() => web.errors.length > 1, 50);
    expect(web.errors[0]).toMatchObject({
      class: "auth",
      message: expect.stringContaining("not allowed (-102)"),
    });
    fake.script = () => "pass";
    await web.until(() => web.hosts()?.length === 1, 50);
  });

  it("refuses the credentials: says auth without showing them", async () => {
    fake.script = ({ op, xid, connection }) => {
      if (op !== ops.auth) return "pass";
      connection.answer(xid, -115);
      connection.hangUp();
      return "handled";
    };
    const web = watch({ auth: { user: "reader", password: "very-secret" } });
    await web.until(() => web.errors.length > 0);
    expect(web.errors[0]).toMatchObject({ class: "auth", message: expect.stringContaining("(-115)") });
    expect(JSON.stringify(web.errors)).not.toContain("secret");
    expect(fake.requests[0]?.body.toString("latin1")).toContain("digest");
  });

  it("answers another request than the oldest: the connection is given up, as data", async () => {
    let isWrong = true;
    fake.script = ({ op, xid, connection }) => {
      if (op !== ops.getChildren2 || !isWrong) return "pass";
      isWrong = false;
      connection.answer(xid + 7, 0);
      return "handled";
    };
    const web = watch();
    await web.until(() => web.snapshots.length > 0, 50);
    expect(web.errors[0]).toMatchObject({
      class: "data",
      message: expect.stringContaining("was answered where"),
    });
    expect(fake.hellos).toHaveLength(2);
  });
});

describe("a session", { timeout: 30_000 }, () => {
  it("is taken up again with its number, its password and what it has seen, watches included", async () => {
    fake.zxid = 41n;
    const web = watch();
    await web.until(() => web.snapshots.length > 0);
    fake.cut();
    await web.until(() => fake.hellos.length > 1, 50);
    expect(fake.hellos[0]).toEqual({
      lastZxid: 0n,
      timeoutMs: 9000,
      sessionId: 0n,
      password: "00".repeat(16),
    });
    expect(fake.hellos[1]).toEqual({
      lastZxid: 41n,
      timeoutMs: 9000,
      sessionId: 0x77n,
      password: "05".repeat(16),
    });
    await web.until(() => fake.count(ops.setWatches2) === 2);
    expect(fake.requests.findLast(({ op }) => op === ops.setWatches2)?.body.toString("latin1")).toContain(
      "/services/web",
    );
    // Nobody told what was missed, so it is read, and told again: another server may be believed otherwise.
    await web.until(() => fake.count(ops.getChildren2) === 2, 50);
    await web.until(() => web.snapshots.length === 2);
    expect(web.snapshots[1]).toEqual(web.snapshots[0]);
  });

  it("point 6, a reset: that the server says has expired is replaced at once", async () => {
    const web = watch();
    await web.until(() => web.snapshots.length > 0);
    const times: number[] = [];
    fake.greet = ({ sessionId }, connection) => {
      times.push(clock.now());
      connection.welcome(sessionId === 0n ? 0x88n : 0n, sessionId === 0n ? 9000 : 0);
    };
    fake.cut();
    fake.nodes.set("b", "10.0.0.2:80");
    await web.until(() => web.hosts()?.length === 2);
    expect(fake.hellos.map(({ sessionId }) => sessionId)).toEqual([0n, 0x77n, 0n]);
    const [refused = 0, renewed = Infinity] = times;
    expect(renewed - refused).toBeLessThan(100);
  });

  it("is given up after four thirds of its timeout without a word, and not before", async () => {
    const web = watch();
    await web.until(() => web.snapshots.length > 0);
    const heardAt = clock.now();
    fake.greet = (_, connection) => {
      connection.hangUp();
    };
    fake.cut();
    await web.until(() => fake.hellos.some(({ sessionId }, i) => i > 0 && sessionId === 0n), 100);
    const atMs = clock.now() - heardAt;
    expect(atMs).toBeGreaterThanOrEqual(12_000 - 200);
    expect(atMs).toBeLessThan(12_000 + 6000);
    expect(fake.hellos.filter(({ sessionId }) => sessionId === 0x77n).length).toBeGreaterThan(2);
    // A server that hangs up again and again may have lost what the client has seen.
    expect(fake.hellos[1]?.lastZxid).toBe(1n);
    expect(fake.hellos[3]?.lastZxid).toBe(0n);
  });

  it("pings three times per timeout, and its connection is given up after two thirds of silence", async () => {
    fake.script = ({ op }) => (op === ops.ping ? "handled" : "pass");
    const web = watch();
    await web.until(() => web.snapshots.length > 0);
    const heardAt = clock.now();
    await web.until(() => web.errors.length > 0, 50);
    const atMs = clock.now() - heardAt;
    expect(fake.count(ops.ping)).toBeGreaterThanOrEqual(1);
    expect(atMs).toBeGreaterThanOrEqual(6000 - 200);
    expect(atMs).toBeLessThan(6000 + 400);
    expect(web.errors[0]?.message).toContain("nothing came for");
  });

  it("whose watches are never confirmed gets another connection", async () => {
    let isDeaf = true;
    fake.script = ({ op }) => (op === ops.setWatches2 && isDeaf ? "handled" : "pass");
    const web = watch({ requestTimeoutMs: 1000 });
    await web.until(() => web.errors.length > 0, 20);
    expect(web.errors[0]?.message).toContain("no answer within 1000 ms");
    isDeaf = false;
    await web.until(() => web.snapshots.length > 0, 50);
  });

  it("goes with the last watch of its source, and everything of it", async () => {
    const web = watch();
    const other = watch();
    await web.until(() => web.snapshots.length > 0 && other.snapshots.length > 0);
    await web.stop();
    await other.stop();
    await expect.poll(() => fake.connections, { timeout: 10_000 }).toBe(0);
    expect(fake.count(ops.closeSession)).toBe(2);
    expect(clock.pendingTimers).toBe(0);
  });
});

it("all watches of one source share one connection", async () => {
  const source = zookeeper({ servers: `127.0.0.1:${fake.port}` });
  const abort = new AbortController();
  const heard: string[] = [];
  const handles = ["a", "b", "c"].map((service) =>
    source.watch(
      { service },
      { snapshot: () => heard.push(service), alive: () => undefined, error: () => undefined },
      { signal: abort.signal, clock, random: seededRandom(1) },
    ),
  );
  await expect.poll(() => advance(5).then(() => heard.length), { timeout: 10_000 }).toBe(3);
  expect(fake.hellos).toHaveLength(1);
  // Whoever came before the connection is told of with it, the others one by one.
  const told = fake.requests.filter(({ op }) => op === ops.addWatch || op === ops.setWatches2);
  for (const service of ["a", "b", "c"]) {
    const path = `/services/${service}`;
    expect(told.filter(({ body }) => body.toString("latin1").includes(path))).toHaveLength(1);
  }
  abort.abort();
  await Promise.all(handles.map(({ done }) => done));
  await expect.poll(() => fake.connections, { timeout: 10_000 }).toBe(0);
  expect(clock.pendingTimers).toBe(0);
});
