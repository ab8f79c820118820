import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { FakeEtcd } from "./support/fake-etcd.ts";
import { eventually, watching } from "./support/watching.ts";

let fake: FakeEtcd;

beforeEach(async () => {
  fake = await FakeEtcd.start();
});

afterEach(() => fake.close());

describe("a watch", { timeout: 30_000 }, () => {
  it("lists from any member, then follows from the next revision on, only where there is a leader", async () => {
    fake.put("web/a", "10.0.0.1:80");
    const { sink } = watching({ url: fake.url });
    await sink.untilAddresses("10.0.0.1:80");
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
    await sink.untilAddresses("10.0.0.1:80", "10.0.0.2:80");
    fake.delete("web/a");
    await sink.untilAddresses("10.0.0.2:80");
    fake.delete("web/b");
    await sink.until("absent", () => sink.last?.kind === "absent");
    expect(fake.count("/v3/kv/range")).toBe(1);
  });

  it("applies the changes of one transaction together", async () => {
    const { sink } = watching({ url: fake.url });
    await sink.until("absent", () => sink.last?.kind === "absent");
    fake.write("web/a", "10.0.0.1:80");
    fake.revision--;
    fake.write("web/b", "10.0.0.2:80");
    fake.tell(fake.event("web/a"), fake.event("web/b"));
    await sink.untilAddresses("10.0.0.1:80", "10.0.0.2:80");
    expect(sink.snapshots.map(({ endpoints }) => endpoints.length)).toEqual([0, 2]);
  });

  it("counts a message without a change as a sign of life, and tells nobody of a rewritten entry", async () => {
    fake.put("web/a", "10.0.0.1:80");
    const { sink } = watching({ url: fake.url });
    await sink.untilAddresses("10.0.0.1:80");
    fake.send({ result: { header: fake.header() } });
    await sink.until("alive", () => sink.log.includes("alive"));
    fake.put("web/a", "10.0.0.1:80");
    await sink.until("alive again", () => sink.log.filter((one) => one === "alive").length === 2);
    expect(sink.snapshots).toHaveLength(1);
  });

  it("understands lines that arrive in pieces, cut inside of a character", async () => {
    const { sink } = watching({ url: fake.url });
    await sink.until("absent", () => sink.last?.kind === "absent");
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
    await sink.untilAddresses("10.0.0.1:80");
    expect(sink.last?.endpoints[0]?.metadata).toEqual({ rack: "zürich 東京 🗼" });
  });

  it("leaves one entry out that makes no sense, counted, and keeps the others", async () => {
    fake.put("web/a", "10.0.0.1:80");
    fake.put("web/bad", '{"Op":0,"Addr":"nowhere"}');
    const { sink } = watching({ url: fake.url });
    await sink.untilAddresses("10.0.0.1:80");
    expect(sink.last?.skipped).toBe(1);
    fake.put("web/bad", "10.0.0.2:80");
    await sink.untilAddresses("10.0.0.1:80", "10.0.0.2:80");
    expect(sink.last?.skipped).toBeUndefined();
  });

  it("says `data` when none makes sense, never an empty list, and nothing good until one does", async () => {
    fake.put("web/bad", "nonsense");
    const { sink } = watching({ url: fake.url });
    await sink.until("an error", () => sink.errors.length > 0);
    expect(sink.errors[0]).toMatchObject({ class: "data", message: expect.stringContaining("web/bad") });
    fake.send({ result: { header: fake.header() } });
    fake.put("web/worse", "nonsense");
    await sink.until("another error", () => sink.errors.length > 1);
    expect(sink.log).toEqual(["error data", "error data"]);
    fake.put("web/a", "10.0.0.1:80");
    await sink.untilAddresses("10.0.0.1:80");
    expect(sink.last?.skipped).toBe(2);
  });

  it("leaves an entry out over which a user's own codec stumbles", async () => {
    fake.put("web/a", "boom");
    fake.put("web/b", "fine");
    const endpoint = { id: "b", host: "10.0.0.2", port: 80, weight: 1, priority: 0, metadata: {} } as const;
    const { sink } = watching({
      url: fake.url,
      codec: {
        name: "own",
        base: "",
        decode: (key, value) => {
          if (Buffer.from(value).toString() === "boom") throw new Error(key);
          return [{ ...endpoint, health: "healthy" }];
        },
      },
    });
    await sink.untilAddresses("10.0.0.2:80");
    expect(sink.last?.skipped).toBe(1);
  });

  it("tells a goodbye from a loss: only who was draining meant to go", async () => {
    fake.put("web/a", '{"host":"10.0.0.1","port":80,"health":"draining"}');
    fake.put("web/b", "10.0.0.2:80");
    fake.put("web/c", "10.0.0.3:80");
    const { sink } = watching({ url: fake.url });
    await sink.until("a list", () => sink.last?.endpoints.length === 3);
    fake.delete("web/a");
    await sink.until("two left", () => sink.last?.endpoints.length === 2);
    expect(sink.last?.explicitRemovals).toBe(true);
    fake.delete("web/b");
    await sink.until("one left", () => sink.last?.endpoints.length === 1);
    expect(sink.last?.explicitRemovals).toBeUndefined();
  });

  it("tells of a mark and a removal that come in one message as a goodbye", async () => {
    fake.put("web/a", '{"host":"10.0.0.1","port":80}');
    const { sink } = watching({ url: fake.url });
    await sink.untilAddresses("10.0.0.1:80");
    fake.write("web/a", '{"host":"10.0.0.1","port":80,"health":"draining"}');
    const mark = fake.event("web/a");
    fake.keys.delete("web/a");
    fake.revision++;
    const key = Buffer.from("web/a").toString("base64");
    fake.tell(mark, { type: "DELETE", kv: { key, mod_revision: String(fake.revision) } });
    await sink.until("absent", () => sink.last?.kind === "absent");
    expect(sink.last?.explicitRemovals).toBe(true);
  });

  it("asks a quorum when somebody doubts what is known", async () => {
    fake.put("web/a", "10.0.0.1:80");
    const { sink, handle } = watching({ url: fake.url });
    await sink.untilAddresses("10.0.0.1:80");
    handle.refresh?.("connection refused");
    await eventually("a second watch", () => fake.count("/v3/watch") === 2);
    const lists = fake.seen.filter(({ path }) => path === "/v3/kv/range");
    expect(lists.map(({ body }) => body["serializable"])).toEqual([true, false]);
    await eventually("the first watch is over", () => fake.watches.size === 1);
    expect(sink.errors).toEqual([]);
  });

  it("tells a storm of changes a few times, and the last state for certain", async () => {
    for (let i = 0; i < 500; i++) fake.write(`web/${i}`, `10.1.${i >> 8}.${i & 255}:80`);
    const { sink } = watching({ url: fake.url });
    await sink.until("a list", () => sink.last?.endpoints.length === 500);
    for (let i = 0; i < 3000; i++) fake.put(`web/${i % 500}`, `10.2.${i % 250}.${i % 200}:${1000 + i}`);
    await sink.until("the last one", () => sink.addresses.some((one) => one.endsWith(":3999")));
    expect(sink.last?.endpoints.every(({ port }) => port >= 3500)).toBe(true);
    expect(sink.snapshots.length).toBeLessThan(1000);
    expect(fake.count("/v3/kv/range")).toBe(1);
  });

  it("tells what came just before the connection broke, and then that it did", async () => {
    for (let i = 0; i < 5000; i++) fake.write(`web/${i}`, `10.1.${i >> 8}.${i & 255}:80`);
    const { sink } = watching({ url: fake.url });
    await sink.until("a list", () => sink.last?.endpoints.length === 5000);
    fake.put("web/x", "10.9.9.9:1");
    await sink.until("one more", () => sink.last?.endpoints.length === 5001);
    // Within the pace of so long a list.
    fake.put("web/y", "10.9.9.9:2");
    fake.script = (_, response) => void response.destroy();
    fake.end();
    await sink.until("an error", () => sink.errors.length > 0);
    expect(sink.addresses).toContain("10.9.9.9:2");
  });

  it("bug 5, a prefix without a separator: does not see the entries of a service whose name goes on", async () => {
    const { sink } = watching({ url: fake.url, prefix: "/microservices/" }, { service: "order" });
    await sink.until("absent", () => sink.last?.kind === "absent");
    // The range ends before `order0`; `order-v2/` sorts before `order/`.
    const range = fake.seen[0]?.body ?? {};
    const begin = Buffer.from(String(range["key"]), "base64").toString();
    const end = Buffer.from(String(range["range_end"]), "base64").toString();
    expect([begin, end]).toEqual(["/microservices/order/", "/microservices/order0"]);
    expect("/microservices/order-v2/x" >= begin && "/microservices/order-v2/x" < end).toBe(false);
    const value = { id: "x", name: "order-v2", endpoints: ["http://10.0.0.9:80?isSecure=false"] };
    fake.put("/microservices/order/v2/x", JSON.stringify(value));
    fake.put("/microservices/order/a", JSON.stringify({ ...value, name: "order" }));
    await sink.untilAddresses("10.0.0.9:80");
    expect(sink.last?.endpoints).toHaveLength(1);
    expect(sink.last?.skipped).toBeUndefined();
  });
});
