import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { eventually, watching } from "../../../test/support/watching.ts";
import { etcd } from "../src/index.ts";
import { FakeEtcd } from "./support/fake-etcd.ts";

let fake: FakeEtcd;

beforeEach(async () => {
  fake = await FakeEtcd.start();
});

afterEach(() => fake.close());

describe("a watch", { timeout: 30_000 }, () => {
  it("lists from any member, then follows from the next revision on, only where there is a leader", async () => {
    fake.put("web/a", "10.0.0.1:80");
    const watched = watching(etcd({ url: fake.url }), "web");
    await watched.untilAddresses(["10.0.0.1:80"]);
    const [list, watch] = fake.seen;
    expect(list).toMatchObject({ path: "/v3/kv/range", body: { key: "d2ViLw==", range_end: "d2ViMA==" } });
    expect(list?.body["serializable"]).toBe(true);
    expect(watch).toMatchObject({
      path: "/v3/watch",
      hasLeader: "true",
      body: {
        create_request: {
          key: "d2ViLw==",
          range_end: "d2ViMA==",
          start_revision: "3",
          progress_notify: true,
        },
      },
    });
    fake.put("web/b", "10.0.0.2:80");
    await watched.untilAddresses(["10.0.0.1:80", "10.0.0.2:80"]);
    fake.delete("web/a");
    await watched.untilAddresses(["10.0.0.2:80"]);
    fake.delete("web/b");
    await watched.until("absent", () => watched.last?.kind === "absent");
    expect(fake.count("/v3/kv/range")).toBe(1);
  });

  it("applies the changes of one transaction together", async () => {
    const watched = watching(etcd({ url: fake.url }), "web");
    await watched.until("absent", () => watched.last?.kind === "absent");
    fake.write("web/a", "10.0.0.1:80");
    fake.revision--;
    fake.write("web/b", "10.0.0.2:80");
    fake.tell(fake.event("web/a"), fake.event("web/b"));
    await watched.untilAddresses(["10.0.0.1:80", "10.0.0.2:80"]);
    expect(watched.snapshots.map(({ endpoints }) => endpoints.length)).toEqual([0, 2]);
  });

  it("counts a message without a change as a sign of life, and tells nobody of a rewritten entry", async () => {
    fake.put("web/a", "10.0.0.1:80");
    const watched = watching(etcd({ url: fake.url }), "web");
    await watched.untilAddresses(["10.0.0.1:80"]);
    fake.send({ result: { header: fake.header() } });
    await watched.until("alive", () => watched.log.includes("alive"));
    fake.put("web/a", "10.0.0.1:80");
    await watched.until("alive again", () => watched.log.filter((one) => one === "alive").length === 2);
    expect(watched.snapshots).toHaveLength(1);
  });

  it("understands lines that arrive in pieces, cut inside of a character", async () => {
    const watched = watching(etcd({ url: fake.url }), "web");
    await watched.until("absent", () => watched.last?.kind === "absent");
    fake.write("web/a", '{"host":"10.0.0.1","port":80,"metadata":{"rack":"zürich 東京 🗼"}}');
    const key = Buffer.from("web/a").toString("base64");
    // As a real member never writes it, but as JSON may: the text itself with multi-byte characters.
    const line = JSON.stringify({
      result: { header: fake.header(), note: "zürich 東京 🗼", events: [fake.event("web/a")] },
    });
    expect(line).toContain(key);
    for (const { response } of fake.watches) {
      response.socket?.setNoDelay(true);
      for (const byte of Buffer.from(`${line}\n\n`)) response.write(Buffer.of(byte));
    }
    await watched.untilAddresses(["10.0.0.1:80"]);
    expect(watched.last?.endpoints[0]?.metadata).toEqual({ rack: "zürich 東京 🗼" });
  });

  it("leaves one entry out that makes no sense, counted, and keeps the others", async () => {
    fake.put("web/a", "10.0.0.1:80");
    fake.put("web/bad", '{"Op":0,"Addr":"nowhere"}');
    const watched = watching(etcd({ url: fake.url }), "web");
    await watched.untilAddresses(["10.0.0.1:80"]);
    expect(watched.last?.skipped).toBe(1);
    fake.put("web/bad", "10.0.0.2:80");
    await watched.untilAddresses(["10.0.0.1:80", "10.0.0.2:80"]);
    expect(watched.last?.skipped).toBeUndefined();
  });

  it("says `data` when none makes sense, never an empty list, and nothing good until one does", async () => {
    fake.put("web/bad", "nonsense");
    const watched = watching(etcd({ url: fake.url }), "web");
    await watched.until("an error", () => watched.errors.length > 0);
    expect(watched.errors[0]).toMatchObject({ class: "data", message: expect.stringContaining("web/bad") });
    fake.send({ result: { header: fake.header() } });
    fake.put("web/worse", "nonsense");
    await watched.until("another error", () => watched.errors.length > 1);
    expect(watched.log).toEqual(["error data", "error data"]);
    fake.put("web/a", "10.0.0.1:80");
    await watched.untilAddresses(["10.0.0.1:80"]);
    expect(watched.last?.skipped).toBe(2);
  });

  it("leaves an entry out over which a user's own codec stumbles", async () => {
    fake.put("web/a", "boom");
    fake.put("web/b", "fine");
    const endpoint = { id: "b", host: "10.0.0.2", port: 80, weight: 1, priority: 0, metadata: {} } as const;
    const watched = watching(
      etcd({
        url: fake.url,
        codec: {
          name: "own",
          base: "",
          decode: (key, value) => {
            if (Buffer.from(value).toString() === "boom") throw new Error(key);
            return [{ ...endpoint, health: "healthy" }];
          },
        },
      }),
      "web",
    );
    await watched.untilAddresses(["10.0.0.2:80"]);
    expect(watched.last?.skipped).toBe(1);
  });

  it("tells a goodbye from a loss: only who was draining meant to go", async () => {
    fake.put("web/a", '{"host":"10.0.0.1","port":80,"health":"draining"}');
    fake.put("web/b", "10.0.0.2:80");
    fake.put("web/c", "10.0.0.3:80");
    const watched = watching(etcd({ url: fake.url }), "web");
    await watched.until("a list", () => watched.last?.endpoints.length === 3);
    fake.delete("web/a");
    await watched.until("two left", () => watched.last?.endpoints.length === 2);
    expect(watched.last?.explicitRemovals).toBe(true);
    fake.delete("web/b");
    await watched.until("one left", () => watched.last?.endpoints.length === 1);
    expect(watched.last?.explicitRemovals).toBeUndefined();
  });

  it("tells of a mark and a removal that come in one message as a goodbye", async () => {
    fake.put("web/a", '{"host":"10.0.0.1","port":80}');
    const watched = watching(etcd({ url: fake.url }), "web");
    await watched.untilAddresses(["10.0.0.1:80"]);
    fake.write("web/a", '{"host":"10.0.0.1","port":80,"health":"draining"}');
    const mark = fake.event("web/a");
    fake.keys.delete("web/a");
    fake.revision++;
    const key = Buffer.from("web/a").toString("base64");
    fake.tell(mark, { type: "DELETE", kv: { key, mod_revision: String(fake.revision) } });
    await watched.until("absent", () => watched.last?.kind === "absent");
    expect(watched.last?.explicitRemovals).toBe(true);
  });

  it("asks a quorum when somebody doubts what is known", async () => {
    fake.put("web/a", "10.0.0.1:80");
    const watched = watching(etcd({ url: fake.url }), "web");
    await watched.untilAddresses(["10.0.0.1:80"]);
    watched.refresh("connection refused");
    await eventually("a second watch", () => fake.count("/v3/watch") === 2);
    const lists = fake.seen.filter(({ path }) => path === "/v3/kv/range");
    expect(lists.map(({ body }) => body["serializable"])).toEqual([true, false]);
    await eventually("the first watch is over", () => fake.watches.size === 1);
    expect(watched.errors).toEqual([]);
  });

  it("tells a storm of changes a few times, and the last state for certain", async () => {
    for (let i = 0; i < 500; i++) fake.write(`web/${i}`, `10.1.${i >> 8}.${i & 255}:80`);
    const watched = watching(etcd({ url: fake.url }), "web");
    await watched.until("a list", () => watched.last?.endpoints.length === 500);
    for (let i = 0; i < 3000; i++) fake.put(`web/${i % 500}`, `10.2.${i % 250}.${i % 200}:${1000 + i}`);
    await watched.until("the last one", () => watched.addresses.some((one) => one.endsWith(":3999")));
    expect(watched.last?.endpoints.every(({ port }) => port >= 3500)).toBe(true);
    expect(watched.snapshots.length).toBeLessThan(1000);
    expect(fake.count("/v3/kv/range")).toBe(1);
  });

  it("tells what came just before the connection broke, and then that it did", async () => {
    for (let i = 0; i < 5000; i++) fake.write(`web/${i}`, `10.1.${i >> 8}.${i & 255}:80`);
    const watched = watching(etcd({ url: fake.url }), "web");
    await watched.until("a list", () => watched.last?.endpoints.length === 5000);
    fake.put("web/x", "10.9.9.9:1");
    await watched.until("one more", () => watched.last?.endpoints.length === 5001);
    // Within the pace of so long a list.
    fake.put("web/y", "10.9.9.9:2");
    fake.script = (_, response) => void response.destroy();
    fake.end();
    await watched.until("an error", () => watched.errors.length > 0);
    expect(watched.addresses).toContain("10.9.9.9:2");
  });

  it("bug 5, a prefix without a separator: does not see the entries of a service whose name goes on", async () => {
    const watched = watching(etcd({ url: fake.url, prefix: "/microservices/" }), "order");
    await watched.until("absent", () => watched.last?.kind === "absent");
    // The range ends before `order0`; `order-v2/` sorts before `order/`.
    const range = fake.seen[0]?.body ?? {};
    const begin = Buffer.from(String(range["key"]), "base64").toString();
    const end = Buffer.from(String(range["range_end"]), "base64").toString();
    expect([begin, end]).toEqual(["/microservices/order/", "/microservices/order0"]);
    expect("/microservices/order-v2/x" >= begin && "/microservices/order-v2/x" < end).toBe(false);
    const value = { id: "x", name: "order-v2", endpoints: ["http://10.0.0.9:80?isSecure=false"] };
    fake.put("/microservices/order/v2/x", JSON.stringify(value));
    fake.put("/microservices/order/a", JSON.stringify({ ...value, name: "order" }));
    await watched.untilAddresses(["10.0.0.9:80"]);
    expect(watched.last?.endpoints).toHaveLength(1);
    expect(watched.last?.skipped).toBeUndefined();
  });
});
