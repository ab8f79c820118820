import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { eventually, watching } from "../../../test/support/watching.ts";
import { etcd } from "../src/index.ts";
import { FakeEtcd } from "./support/fake-etcd.ts";

let fake: FakeEtcd;

/** Without waiting for the back-off. */
const soon = { random: () => 0.01 };

beforeEach(async () => {
  fake = await FakeEtcd.start();
  fake.put("web/a", "10.0.0.1:80");
});

afterEach(() => fake.close());

describe("an answer that is a lie", { timeout: 30_000 }, () => {
  it("of a member that lags behind is not taken; a quorum is asked", async () => {
    fake.revision = 50;
    const watched = watching(etcd({ url: fake.url }), "web", soon);
    await watched.untilAddresses(["10.0.0.1:80"]);
    fake.put("web/a", "10.0.0.2:80");
    await watched.untilAddresses(["10.0.0.2:80"]);
    const old = JSON.stringify({
      header: { cluster_id: fake.clusterId, revision: "40" },
      kvs: [{ key: "d2ViL2E=", mod_revision: "39", value: Buffer.from("10.6.6.6:80").toString("base64") }],
    });
    fake.once((_, response) => void response.end(old));
    fake.cut();
    await eventually("it watches again", () => fake.count("/v3/watch") === 2);
    fake.put("web/b", "10.0.0.3:80");
    await watched.untilAddresses(["10.0.0.2:80", "10.0.0.3:80"]);
    const lists = fake.seen.filter(({ path }) => path === "/v3/kv/range");
    expect(lists.map(({ body }) => body["serializable"])).toEqual([true, true, false]);
    expect(JSON.stringify(watched.snapshots)).not.toContain("10.6.6.6");
  });

  it("that a quorum repeats twice is the truth: it was restored from an older copy", async () => {
    fake.revision = 50;
    const watched = watching(etcd({ url: fake.url }), "web", soon);
    await watched.untilAddresses(["10.0.0.1:80"]);
    fake.keys.clear();
    fake.revision = 9;
    fake.write("web/z", "10.0.0.9:80");
    fake.cut();
    await watched.untilAddresses(["10.0.0.9:80"]);
    const lists = fake.seen.filter(({ path }) => path === "/v3/kv/range");
    expect(lists.map(({ body }) => body["serializable"])).toEqual([true, true, false, false]);
    expect(watched.errors.at(-1)).toEqual({
      class: "protocol-reset",
      message: "web/: etcd was set back from revision 50 to 10",
    });
    // From here on the new history counts.
    fake.put("web/y", "10.0.0.8:80");
    await watched.untilAddresses(["10.0.0.8:80", "10.0.0.9:80"]);
  });

  it("only until a quorum says otherwise: one setback that is not confirmed is forgotten", async () => {
    fake.revision = 50;
    const watched = watching(etcd({ url: fake.url }), "web", soon);
    await watched.untilAddresses(["10.0.0.1:80"]);
    const old = JSON.stringify({ header: { cluster_id: fake.clusterId, revision: "40" } });
    for (let i = 0; i < 2; i++) fake.once((_, response) => void response.end(old));
    fake.cut();
    await eventually("it watches again", () => fake.count("/v3/watch") === 2);
    fake.put("web/b", "10.0.0.2:80");
    await watched.untilAddresses(["10.0.0.1:80", "10.0.0.2:80"]);
    expect(watched.snapshots.every(({ endpoints }) => endpoints.length > 0)).toBe(true);
  });

  it("is none when another cluster answers: its history is its own, and an equal revision no sameness", async () => {
    const watched = watching(etcd({ url: fake.url }), "web", soon);
    await watched.untilAddresses(["10.0.0.1:80"]);
    fake.clusterId = "999";
    fake.keys.clear();
    fake.revision = 1;
    fake.write("web/a", "10.0.0.5:80");
    fake.cut();
    await watched.untilAddresses(["10.0.0.5:80"]);
    expect(watched.errors.at(-1)).toMatchObject({
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
    const watched = watching(etcd({ url: fake.url }), "web", soon);
    await watched.untilAddresses(["10.0.0.1:80"]);
    expect(watched.log).toEqual([`error ${kind}`, "snapshot bound authoritative 1"]);
  });

  it.each(["nonsense", "[]", '{"result":7}', '{"result":{"header":{"revision":"3"},"events":[{}]}}'])(
    "in a watch, as %j, ends it, and it is begun again",
    async (line) => {
      const watched = watching(etcd({ url: fake.url }), "web", soon);
      await watched.untilAddresses(["10.0.0.1:80"]);
      for (const { response } of fake.watches) response.write(`${line}\n`);
      await watched.until("an error", () => watched.errors.length === 1);
      expect(watched.errors[0]?.class).toBe("data");
      fake.put("web/b", "10.0.0.2:80");
      await eventually("another watch", () => fake.count("/v3/watch") === 2);
      await watched.untilAddresses(["10.0.0.1:80", "10.0.0.2:80"]);
    },
  );

  it("longer than the bound is refused before it is held in memory", async () => {
    fake.put("web/long", "x".repeat(4000));
    const watched = watching(etcd({ url: fake.url, maxBodyBytes: 2048 }), "web");
    await watched.until("an error", () => watched.errors.length > 0);
    expect(watched.errors[0]).toMatchObject({ class: "data", message: expect.stringContaining("2048") });
  });
});
