import { ManualClock } from "@proxyless/core/testing";
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from "vitest";

import { FakeEtcd } from "./support/fake-etcd.ts";
import { eventually, watching } from "./support/watching.ts";

let fake: FakeEtcd;

beforeEach(async () => {
  fake = await FakeEtcd.start();
  fake.put("web/a", "10.0.0.1:80");
});

afterEach(() => fake.close());

/** Without waiting for the back-off. */
const soon = { random: () => 0.01 };

describe("a watch that etcd ends", { timeout: 30_000 }, () => {
  it("because its revision was compacted lists again at once, and goes on from there", async () => {
    const { sink } = watching({ url: fake.url });
    await sink.untilAddresses("10.0.0.1:80");
    fake.write("web/b", "10.0.0.2:80");
    fake.revision = 500;
    fake.send({ result: { header: fake.header(), canceled: true, compact_revision: "400" } });
    await sink.untilAddresses("10.0.0.1:80", "10.0.0.2:80");
    expect(sink.errors).toEqual([
      { class: "protocol-reset", message: expect.stringContaining("compacted what came before 400") },
    ]);
    const watch = fake.seen.findLast(({ path }) => path === "/v3/watch");
    expect(watch?.body["create_request"]).toMatchObject({ start_revision: "501" });
  });

  it("over and over because of compaction is begun again with a pause, not in a hot loop", async () => {
    const clock = new ManualClock();
    fake.script = ({ path }, response) => {
      if (path !== "/v3/watch") return false;
      const created = JSON.stringify({ result: { header: fake.header(), created: true } });
      const canceled = { header: fake.header(), canceled: true, compact_revision: "9" };
      response.end(`${created}\n${JSON.stringify({ result: canceled })}\n`);
      return true;
    };
    const { sink } = watching({ url: fake.url }, { clock });
    await sink.until("some trouble", () => sink.errors.length >= 2);
    const before = fake.count("/v3/watch");
    await new Promise((resolve) => {
      setTimeout(resolve, 100);
    });
    expect(fake.count("/v3/watch") - before).toBeLessThanOrEqual(1);
  });

  it.each([
    ["etcdserver: permission denied", "auth"],
    ["rpc error: code = PermissionDenied desc = etcdserver: permission denied", "auth"],
    ["rpc error: code = Unavailable desc = etcdserver: no leader", "transient"],
    [undefined, "transient"],
  ])("with the reason %j is begun again; the class is %s", async (reason, kind) => {
    const { sink } = watching({ url: fake.url }, soon);
    await sink.untilAddresses("10.0.0.1:80");
    const more = reason === undefined ? {} : { cancel_reason: reason };
    fake.send({ result: { header: fake.header(), canceled: true, ...more } });
    await sink.until("an error", () => sink.errors.length === 1);
    expect(sink.errors[0]?.class).toBe(kind);
    await eventually("another watch", () => fake.count("/v3/watch") === 2);
    fake.put("web/a", "10.0.0.7:80");
    await sink.untilAddresses("10.0.0.7:80");
  });

  it.each([
    [
      "3.4",
      { grpc_code: 14, http_code: 503, message: "etcdserver: no leader", http_status: "Service Unavailable" },
    ],
    [
      "3.5",
      { grpc_code: 14, http_code: 503, message: "etcdserver: no leader", http_status: "Service Unavailable" },
    ],
    ["3.6", { code: 14, message: "etcdserver: no leader", details: [] }],
  ])("with an error line as %s writes it is begun again", async (_, error) => {
    const { sink } = watching({ url: fake.url }, soon);
    await sink.untilAddresses("10.0.0.1:80");
    fake.send({ error });
    await sink.until("an error", () => sink.errors.length === 1);
    expect(sink.errors[0]).toMatchObject({
      class: "transient",
      message: expect.stringContaining("no leader"),
    });
    await eventually("another watch", () => fake.watches.size === 1 && fake.count("/v3/watch") === 2);
  });

  it("by cutting the connection a hundred times misses nothing, and asks a bounded number of times", async () => {
    const { sink } = watching({ url: fake.url }, { random: () => 0.0001 });
    for (let i = 1; i <= 100; i++) {
      // eslint-disable-next-line no-await-in-loop -- one cut after the other
      await eventually("it watches", () => fake.watches.size === 1);
      fake.write("web/a", `10.0.1.${i}:80`);
      fake.cut();
      // eslint-disable-next-line no-await-in-loop -- as above
      await sink.untilAddresses(`10.0.1.${i}:80`);
    }
    expect(fake.count("/v3/kv/range")).toBeLessThanOrEqual(110);
  });
});

describe("an answer that is a lie", { timeout: 30_000 }, () => {
  it("of a member that lags behind is not taken; a quorum is asked", async () => {
    fake.revision = 50;
    const { sink } = watching({ url: fake.url }, soon);
    await sink.untilAddresses("10.0.0.1:80");
    fake.put("web/a", "10.0.0.2:80");
    await sink.untilAddresses("10.0.0.2:80");
    const old = JSON.stringify({
      header: { cluster_id: fake.clusterId, revision: "40" },
      kvs: [{ key: "d2ViL2E=", mod_revision: "39", value: Buffer.from("10.6.6.6:80").toString("base64") }],
    });
    fake.once((_, response) => void response.end(old));
    fake.cut();
    await eventually("it watches again", () => fake.count("/v3/watch") === 2);
    fake.put("web/b", "10.0.0.3:80");
    await sink.untilAddresses("10.0.0.2:80", "10.0.0.3:80");
    const lists = fake.seen.filter(({ path }) => path === "/v3/kv/range");
    expect(lists.map(({ body }) => body["serializable"])).toEqual([true, true, false]);
    expect(JSON.stringify(sink.snapshots)).not.toContain("10.6.6.6");
  });

  it("that a quorum repeats twice is the truth: it was restored from an older copy", async () => {
    fake.revision = 50;
    const { sink } = watching({ url: fake.url }, soon);
    await sink.untilAddresses("10.0.0.1:80");
    fake.keys.clear();
    fake.revision = 9;
    fake.write("web/z", "10.0.0.9:80");
    fake.cut();
    await sink.untilAddresses("10.0.0.9:80");
    const lists = fake.seen.filter(({ path }) => path === "/v3/kv/range");
    expect(lists.map(({ body }) => body["serializable"])).toEqual([true, true, false, false]);
    expect(sink.errors.at(-1)).toEqual({
      class: "protocol-reset",
      message: "web/: etcd was set back from revision 50 to 10",
    });
    // From here on the new history counts.
    fake.put("web/y", "10.0.0.8:80");
    await sink.untilAddresses("10.0.0.8:80", "10.0.0.9:80");
  });

  it("only until a quorum says otherwise: one setback that is not confirmed is forgotten", async () => {
    fake.revision = 50;
    const { sink } = watching({ url: fake.url }, soon);
    await sink.untilAddresses("10.0.0.1:80");
    const old = JSON.stringify({ header: { cluster_id: fake.clusterId, revision: "40" } });
    for (let i = 0; i < 2; i++) fake.once((_, response) => void response.end(old));
    fake.cut();
    await eventually("it watches again", () => fake.count("/v3/watch") === 2);
    fake.put("web/b", "10.0.0.2:80");
    await sink.untilAddresses("10.0.0.1:80", "10.0.0.2:80");
    expect(sink.snapshots.every(({ endpoints }) => endpoints.length > 0)).toBe(true);
  });

  it("is none when another cluster answers: its history is its own, and an equal revision no sameness", async () => {
    const { sink } = watching({ url: fake.url }, soon);
    await sink.untilAddresses("10.0.0.1:80");
    fake.clusterId = "999";
    fake.keys.clear();
    fake.revision = 1;
    fake.write("web/a", "10.0.0.5:80");
    fake.cut();
    await sink.untilAddresses("10.0.0.5:80");
    expect(sink.errors.at(-1)).toMatchObject({
      class: "protocol-reset",
      message: expect.stringContaining("another cluster"),
    });
  });

  it.each([
    ["no JSON", "<html>", "data"],
    ["JSON of another form", "[1]", "data"],
    ["without a revision", '{"header":{"cluster_id":"1"}}', "data"],
    ["with a revision that is no number", '{"header":{"revision":"many"}}', "data"],
    ["with entries that are none", '{"header":{"revision":"3"},"kvs":[7]}', "data"],
    ["with a list that is none", '{"header":{"revision":"3"},"kvs":"all"}', "data"],
    ["cut short", '{"header":{"revision":"3"},"kvs":[', "data"],
  ])("%s, counts as trouble and changes nothing", async (_, body, kind) => {
    fake.once((_request, response) => void response.end(body));
    const { sink } = watching({ url: fake.url }, soon);
    await sink.untilAddresses("10.0.0.1:80");
    expect(sink.log).toEqual([`error ${kind}`, "snapshot bound authoritative 1"]);
  });

  it.each(["nonsense", "[]", '{"result":7}', '{"result":{"header":{"revision":"3"},"events":[{}]}}'])(
    "in a watch, as %j, ends it, and it is begun again",
    async (line) => {
      const { sink } = watching({ url: fake.url }, soon);
      await sink.untilAddresses("10.0.0.1:80");
      for (const { response } of fake.watches) response.write(`${line}\n`);
      await sink.until("an error", () => sink.errors.length === 1);
      expect(sink.errors[0]?.class).toBe("data");
      fake.put("web/b", "10.0.0.2:80");
      await eventually("another watch", () => fake.count("/v3/watch") === 2);
      await sink.untilAddresses("10.0.0.1:80", "10.0.0.2:80");
    },
  );

  it("longer than the bound is refused before it is held in memory", async () => {
    fake.put("web/long", "x".repeat(4000));
    const { sink } = watching({ url: fake.url, maxBodyBytes: 2048 });
    await sink.until("an error", () => sink.errors.length > 0);
    expect(sink.errors[0]).toMatchObject({ class: "data", message: expect.stringContaining("2048") });
  });
});

describe("the list that is read beside the watch", { timeout: 30_000 }, () => {
  it("confirms what is known, between two thirds and four thirds of the period", async () => {
    const clock = new ManualClock();
    const { sink } = watching({ url: fake.url, resyncMs: 60_000 }, { clock, random: () => 0.5 });
    await sink.untilAddresses("10.0.0.1:80");
    await clock.advance(59_000);
    expect(fake.count("/v3/kv/range")).toBe(1);
    await clock.advance(2000);
    await sink.until("alive", () => sink.log.includes("alive"));
    expect(fake.count("/v3/kv/range")).toBe(2);
    expect(fake.count("/v3/watch")).toBe(1);
  });

  it("finds what the watch lost, and begins another when that one stays silent", async () => {
    const clock = new ManualClock();
    const { sink } = watching({ url: fake.url, resyncMs: 60_000 }, { clock, random: () => 0.5 });
    await sink.untilAddresses("10.0.0.1:80");
    fake.write("web/b", "10.0.0.2:80");
    await clock.advance(61_000);
    await sink.untilAddresses("10.0.0.1:80", "10.0.0.2:80");
    expect(fake.count("/v3/watch")).toBe(1);
    await clock.advance(6000);
    await sink.until("an error", () => sink.errors.length === 1);
    expect(sink.errors[0]).toMatchObject({
      class: "transient",
      message: expect.stringContaining("missed a change"),
    });
    await clock.advance(6000);
    await eventually("another watch", () => fake.count("/v3/watch") === 2);
  });

  it("leaves a watch alone that tells the same a moment later", async () => {
    const clock = new ManualClock();
    const { sink } = watching({ url: fake.url, resyncMs: 60_000 }, { clock, random: () => 0.5 });
    await sink.untilAddresses("10.0.0.1:80");
    fake.write("web/b", "10.0.0.2:80");
    const late = fake.event("web/b");
    await clock.advance(61_000);
    await sink.untilAddresses("10.0.0.1:80", "10.0.0.2:80");
    const told = sink.snapshots.length;
    fake.tell(late);
    await sink.until("alive", () => sink.log.includes("alive"));
    await clock.advance(10_000);
    expect([fake.count("/v3/watch"), sink.errors.length, sink.snapshots.length]).toEqual([1, 0, told]);
  });

  it("ends a watch on a member that does not answer any more", async () => {
    const clock = new ManualClock();
    const { sink } = watching({ url: fake.url, resyncMs: 60_000 }, { clock, random: () => 0.5 });
    await sink.untilAddresses("10.0.0.1:80");
    fake.script = () => true;
    await clock.advance(61_000);
    await eventually("a list is asked for", () => fake.count("/v3/kv/range") === 2);
    await clock.advance(3001);
    await sink.until("an error", () => sink.errors.length === 1);
    expect(sink.errors[0]?.message).toContain("no answer within 3000 ms");
    await eventually("the watch is let go", () => fake.watches.size === 0);
  });
});

describe("several members", { timeout: 30_000 }, () => {
  it("each get a chance before anyone waits", async () => {
    const dead = await FakeEtcd.start();
    const { url } = dead;
    await dead.close();
    const clock = new ManualClock();
    const { sink } = watching({ url: [url, fake.url] }, { clock });
    await sink.untilAddresses("10.0.0.1:80");
    expect(sink.log).toEqual(["error transient", "snapshot bound authoritative 1"]);
  });

  it("of which one has no leader: the next one is asked, and the doubtful list is better than none", async () => {
    const other = await FakeEtcd.start();
    onTestFinished(() => other.close());
    other.revision = 90;
    other.write("web/a", "10.0.0.2:80");
    fake.script = ({ path }, response) => {
      if (path !== "/v3/watch") return false;
      response.writeHead(503).end('{"code":14,"message":"etcdserver: no leader"}');
      return true;
    };
    const { sink } = watching({ url: [fake.url, other.url] }, soon);
    await sink.untilAddresses("10.0.0.2:80");
    expect(sink.log).toEqual([
      "snapshot bound suspect 1",
      "error transient",
      "snapshot bound authoritative 1",
    ]);
  });
});

describe("a user", { timeout: 30_000 }, () => {
  const user = { username: "app", password: "correct horse" };

  it("sends the token on everything, and fetches another when it is refused", async () => {
    const { sink } = watching({ url: fake.url, ...user }, soon);
    await sink.untilAddresses("10.0.0.1:80");
    expect(fake.seen[0]).toMatchObject({
      path: "/v3/auth/authenticate",
      body: { name: "app", password: "correct horse" },
      authorization: undefined,
    });
    expect(fake.seen.slice(1).map(({ authorization }) => authorization)).toEqual([
      "token-of-app.1",
      "token-of-app.1",
    ]);
    for (const refusal of [
      { code: 16, message: "etcdserver: invalid auth token" },
      {
        error: "etcdserver: revision of auth store is old",
        message: "etcdserver: revision of auth store is old",
        code: 3,
      },
    ]) {
      const status = refusal.code === 16 ? 401 : 400;
      fake.once((_, response) => void response.writeHead(status).end(JSON.stringify(refusal)));
      const watches = fake.count("/v3/watch");
      fake.cut();
      // eslint-disable-next-line no-await-in-loop -- one refusal after the other
      await eventually("another watch", () => fake.count("/v3/watch") > watches);
    }
    expect(fake.seen.at(-1)?.authorization).toBe("token-of-app.3");
    expect(sink.errors.map((error) => error.class)).toEqual(["transient", "transient"]);
  });

  it("whose watch is refused for its token fetches another without a word", async () => {
    fake.script = ({ path, authorization }, response) => {
      if (path !== "/v3/watch" || authorization !== "token-of-app.1") return false;
      response.writeHead(401).end('{"code":16,"message":"etcdserver: invalid auth token"}');
      return true;
    };
    const { sink } = watching({ url: fake.url, ...user }, soon);
    await sink.untilAddresses("10.0.0.1:80");
    expect(sink.errors).toEqual([]);
  });

  it("fetches one token for any number of watches", async () => {
    const { etcd } = await import("../src/index.ts");
    const { systemClock: clock, systemRandom: random } = await import("@proxyless/core");
    const source = etcd({ url: fake.url, ...user });
    const abort = new AbortController();
    const heard: string[] = [];
    const handles = Array.from({ length: 20 }, (_, i) =>
      source.watch(
        { service: `s${i}` },
        { snapshot: () => void heard.push("snapshot"), alive: () => undefined, error: () => undefined },
        { signal: abort.signal, clock, random },
      ),
    );
    await eventually("all have a list", () => heard.length === 20);
    expect(fake.count("/v3/auth/authenticate")).toBe(1);
    abort.abort();
    await Promise.all(handles.map(({ done }) => done));
    await eventually("all watches are let go", () => fake.watches.size === 0);
  });

  it("is told of the trouble without password or token in it, whoever quotes them", async () => {
    fake.script = ({ path, authorization, body }, response) => {
      if (path === "/v3/auth/authenticate" && fake.count(path) > 1) {
        response.writeHead(400).end(JSON.stringify({ code: 3, message: `bad: ${String(body["password"])}` }));
        return true;
      }
      if (path !== "/v3/kv/range") return false;
      response
        .writeHead(401)
        .end(JSON.stringify({ code: 16, message: `invalid auth token ${authorization}` }));
      return true;
    };
    const { sink } = watching({ url: fake.url, username: "app", password: "correct-horse-battery" }, soon);
    await sink.until("some errors", () => sink.errors.length >= 2);
    const said = JSON.stringify(sink.errors);
    expect(said).toContain("(token)");
    expect(said).not.toMatch(/correct-horse|token-of-app/);
  });

  it("does without a token where etcd says that there is no access control, until it is turned on", async () => {
    let isOn = false;
    fake.script = ({ path, authorization }, response) => {
      if (path === "/v3/auth/authenticate" && !isOn) {
        response.writeHead(400).end('{"code":9,"message":"etcdserver: authentication is not enabled"}');
        return true;
      }
      if (path === "/v3/auth/authenticate" || !isOn || authorization !== undefined) return false;
      response.writeHead(403).end('{"code":7,"message":"etcdserver: permission denied"}');
      return true;
    };
    const { sink } = watching({ url: fake.url, ...user }, soon);
    await sink.untilAddresses("10.0.0.1:80");
    isOn = true;
    fake.write("web/a", "10.0.0.2:80");
    fake.cut();
    await sink.untilAddresses("10.0.0.2:80");
    expect(sink.errors.map((error) => error.class)).toEqual(["transient"]);
  });
});
