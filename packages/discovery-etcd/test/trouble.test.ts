import { ManualClock } from "@proxyless/core/testing";
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from "vitest";

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

describe("a watch that etcd ends", { timeout: 30_000 }, () => {
  it("point 6, a reset: because its revision was compacted lists again at once, and goes on from there", async () => {
    const watched = watching(etcd({ url: fake.url }), "web");
    await watched.untilAddresses(["10.0.0.1:80"]);
    fake.write("web/b", "10.0.0.2:80");
    fake.revision = 500;
    fake.send({ result: { header: fake.header(), canceled: true, compact_revision: "400" } });
    await watched.untilAddresses(["10.0.0.1:80", "10.0.0.2:80"]);
    expect(watched.errors).toEqual([
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
    const watched = watching(etcd({ url: fake.url }), "web", { clock });
    await watched.until("some trouble", () => watched.errors.length >= 2);
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
    const watched = watching(etcd({ url: fake.url }), "web", soon);
    await watched.untilAddresses(["10.0.0.1:80"]);
    const more = reason === undefined ? {} : { cancel_reason: reason };
    fake.send({ result: { header: fake.header(), canceled: true, ...more } });
    await watched.until("an error", () => watched.errors.length === 1);
    expect(watched.errors[0]?.class).toBe(kind);
    await eventually("another watch", () => fake.count("/v3/watch") === 2);
    fake.put("web/a", "10.0.0.7:80");
    await watched.untilAddresses(["10.0.0.7:80"]);
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
    const watched = watching(etcd({ url: fake.url }), "web", soon);
    await watched.untilAddresses(["10.0.0.1:80"]);
    fake.send({ error });
    await watched.until("an error", () => watched.errors.length === 1);
    expect(watched.errors[0]).toMatchObject({
      class: "transient",
      message: expect.stringContaining("no leader"),
    });
    await eventually("another watch", () => fake.watches.size === 1 && fake.count("/v3/watch") === 2);
  });

  it("by cutting the connection a hundred times misses nothing, and asks a bounded number of times", async () => {
    const watched = watching(etcd({ url: fake.url }), "web", { random: () => 0.0001 });
    for (let i = 1; i <= 100; i++) {
      // eslint-disable-next-line no-await-in-loop -- one cut after the other
      await eventually("it watches", () => fake.watches.size === 1);
      fake.write("web/a", `10.0.1.${i}:80`);
      fake.cut();
      // eslint-disable-next-line no-await-in-loop -- as above
      await watched.untilAddresses([`10.0.1.${i}:80`]);
    }
    expect(fake.count("/v3/kv/range")).toBeLessThanOrEqual(110);
  });
});

describe("several members", { timeout: 30_000 }, () => {
  it("each get a chance before anyone waits", async () => {
    const dead = await FakeEtcd.start();
    const { url } = dead;
    await dead.close();
    const clock = new ManualClock();
    const watched = watching(etcd({ url: [url, fake.url] }), "web", { clock });
    await watched.untilAddresses(["10.0.0.1:80"]);
    expect(watched.log).toEqual(["error transient", "snapshot bound authoritative 1"]);
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
    const watched = watching(etcd({ url: [fake.url, other.url] }), "web", soon);
    await watched.untilAddresses(["10.0.0.2:80"]);
    expect(watched.log).toEqual([
      "snapshot bound suspect 1",
      "error transient",
      "snapshot bound authoritative 1",
    ]);
  });
});
