import { ManualClock } from "@proxyless/core/testing";
import { describe, expect, it } from "vitest";

import { watching } from "../../../test/support/watching.ts";
import { nacos } from "../src/index.ts";
import { startServer, stored } from "./support/instances.ts";
import { answerOnce, asked, timeout, v1, v3 } from "./support/lists.ts";

describe("a watch of one service", { timeout }, () => {
  it("asks at the pace that the server gives, and says that it is alive when nothing changed", async () => {
    const server = await startServer({ apis: ["v1"] });
    server.store.put(stored("a", 80));
    const clock = new ManualClock(Date.now());
    const watched = watching(nacos({ url: server.url, api: "v1" }), "a", { clock, random: () => 1 });
    await watched.until("a list", () => watched.states.join() === "10.0.0.1:80 healthy");
    await clock.advance(1000);
    await watched.until("alive", () => watched.log.at(-1) === "alive");
    expect(asked(server, v1)).toBe(2);
  });

  it("asks every 10 s where the server gives no pace, and as often as it is told to", async () => {
    const server = await startServer();
    const clock = new ManualClock(Date.now());
    const time = { clock, random: () => 1 };
    const usual = watching(nacos({ url: server.url }), "a", time);
    const quick = watching(nacos({ url: server.url, intervalMs: 4000 }), "b", time);
    await usual.until("a list", () => usual.last !== undefined);
    await quick.until("a list", () => quick.last !== undefined);
    await clock.advance(4500);
    await quick.until("alive", () => quick.log.at(-1) === "alive");
    expect(usual.log).toHaveLength(1);
    await clock.advance(5500);
    await usual.until("alive", () => usual.log.at(-1) === "alive");
  });

  it("never asks less often than every 30 s for what the server says", async () => {
    const server = await startServer({ apis: ["v1"] });
    answerOnce(server, 1, 80);
    const clock = new ManualClock(Date.now());
    const watched = watching(nacos({ url: server.url, api: "v1" }), "a", { clock, random: () => 1 });
    await watched.until("a list", () => watched.states.length === 1);
    await clock.advance(30_000);
    await watched.until("the next", () => watched.states.length === 0);
    expect(watched.errors).toEqual([]);
  });

  it("asks at once when it is refreshed", async () => {
    const server = await startServer();
    const watched = watching(nacos({ url: server.url }), "a");
    await watched.until("empty", () => watched.last?.kind === "bound");
    server.store.put(stored("a", 80));
    watched.refresh();
    await watched.until("the instance", () => watched.states.join() === "10.0.0.1:80 healthy");
    expect(watched.errors).toEqual([]);
  });

  it("asks in its namespace, group and clusters, for the name with its suffix", async () => {
    for (const api of ["v3", "v1"] as const) {
      // eslint-disable-next-line no-await-in-loop -- one after the other
      const server = await startServer({ apis: [api] });
      const there = { namespace: "n", group: "g", cluster: "c1" };
      server.store.put(stored("a.http", 80, there));
      server.store.put(stored("a.http", 81, { ...there, cluster: "c2" }));
      server.store.put(stored("a.http", 82, { ...there, cluster: "c3" }));
      server.store.put(stored("a", 83, there));
      server.store.put(stored("a.http", 84));
      const options = { namespace: "n", group: "g", clusters: ["c1", "c2"], nameSuffix: ".http", api };
      const watched = watching(nacos({ url: server.url, ...options }), "a");
      // eslint-disable-next-line no-await-in-loop -- as above
      await watched.until("a list", () => watched.last !== undefined);
      expect(watched.states).toEqual(["10.0.0.1:80 healthy", "10.0.0.1:81 healthy"]);
    }
  });

  it("sees the cluster DEFAULT only where no cluster is named in the newer API, and all in the older one", async () => {
    const server = await startServer();
    server.store.put(stored("a", 80));
    server.store.put(stored("a", 81, { cluster: "c1" }));
    const newer = watching(nacos({ url: server.url }), "a");
    const older = watching(nacos({ url: server.url, api: "v1" }), "a");
    await newer.until("a list", () => newer.states.length === 1);
    await older.until("a list", () => older.states.length === 2);
    expect(newer.states).toEqual(["10.0.0.1:80 healthy"]);
  });

  it("takes nobody for well whom the server only protects", async () => {
    const server = await startServer({ apis: ["v1"] });
    server.store.put(stored("a", 80, { healthy: false }));
    server.store.put(stored("a", 81));
    const watched = watching(nacos({ url: server.url }), "a");
    await watched.until("a list", () => watched.states.length === 2);
    expect(watched.states).toEqual(["10.0.0.1:80 unhealthy", "10.0.0.1:81 healthy"]);
    server.store.protectThresholds.set("a", 0.5);
    watched.refresh();
    await watched.until("protected", () => watched.snapshots.length === 2);
    expect(watched.states).toEqual(["10.0.0.1:80 unknown", "10.0.0.1:81 unknown"]);
  });
});

describe("the API", { timeout }, () => {
  it("is the older one where the newer one does not exist, looked for again after ten minutes", async () => {
    const server = await startServer({ apis: ["v1"] });
    server.store.put(stored("a", 80));
    const clock = new ManualClock(Date.now());
    const source = nacos({ url: server.url, intervalMs: 60_000 });
    const watched = watching(source, "a", { clock, random: () => 1 });
    await watched.until("a list", () => watched.states.length === 1);
    for (let i = 0; i < 3; i++) {
      const heard = watched.log.length;
      watched.refresh();
      // eslint-disable-next-line no-await-in-loop -- one after the other
      await watched.until("an answer", () => watched.log.length > heard);
    }
    expect([asked(server, v3), asked(server, v1)]).toEqual([1, 4]);
    server.apis = ["v3", "v1"];
    for (let minute = 1; minute <= 11; minute++) {
      const heard = watched.log.length;
      // eslint-disable-next-line no-await-in-loop -- time goes on
      await clock.advance(60_000);
      // eslint-disable-next-line no-await-in-loop -- as above
      await watched.until("an answer", () => watched.log.length > heard);
    }
    expect(watched.errors).toEqual([]);
    expect([asked(server, v3), asked(server, v1)]).toEqual([3, 13]);
  });

  it("is the newer one where the older one is switched off, at once", async () => {
    const server = await startServer({ apis: ["v1"] });
    server.store.put(stored("a", 80));
    const watched = watching(nacos({ url: server.url }), "a");
    await watched.until("a list", () => watched.states.length === 1);
    server.apis = ["v3"];
    watched.refresh();
    await watched.until("alive", () => watched.log.at(-1) === "alive");
    expect([asked(server, v3), asked(server, v1)]).toEqual([2, 2]);
  });

  it("stays what it was told to be", async () => {
    const server = await startServer({ apis: ["v1"] });
    const watched = watching(nacos({ url: server.url, api: "v3" }), "a");
    await watched.until("an error", () => watched.errors.length > 0);
    expect(watched.errors[0]?.class).toBe("config");
    expect(asked(server, v1)).toBe(0);
  });

  it("is not mistaken for missing when only something in it was not found", async () => {
    const server = await startServer();
    server.once((_, response) => {
      response.writeHead(404).end('{"code":22001,"message":"namespace not exist","data":null}');
    });
    const watched = watching(nacos({ url: server.url }), "a");
    await watched.until("an answer", () => watched.last !== undefined);
    expect(watched.errors).toMatchObject([
      { class: "config", message: expect.stringContaining("namespace") },
    ]);
    expect(asked(server, v1)).toBe(0);
  });
});

describe("trouble", { timeout }, () => {
  it.each([
    ["garbage", "data", "]{", {}],
    ["an answer in a coding of its own", "data", "{}", { "content-encoding": "zip" }],
    ["too much", "data", `{"hosts":[]}${" ".repeat(5000)}`, {}],
    ["nothing but what is no endpoint", "data", '{"code":0,"data":[{"ip":""}]}', {}],
    ["a server's own trouble", "transient", '{"code":30000,"message":"server error","data":null}', {}],
    ["a lack of rights", "auth", '{"code":10001,"message":"access denied","data":null}', {}],
    ["a wrong name", "config", '{"code":21000,"message":"service name error","data":null}', {}],
  ])("of the kind of %s changes nothing that is known", async (_, kind, body, headers) => {
    const server = await startServer();
    server.store.put(stored("a", 80));
    const watched = watching(nacos({ url: server.url, maxBodyBytes: 4096 }), "a");
    await watched.until("a list", () => watched.states.length === 1);
    server.once((__, response) => {
      response.writeHead(200, { "content-type": "application/json", ...headers }).end(body);
    });
    watched.refresh();
    await watched.until("an error and then a sign of life", () => watched.log.at(-1) === "alive");
    expect(watched.log).toEqual(["snapshot bound authoritative 1", `error ${kind}`, "alive"]);
  });

  it("leads to the next server, which is kept until it fails", async () => {
    const [first, second] = await Promise.all([startServer(), startServer()]);
    first.store.put(stored("a", 1));
    second.store.put(stored("a", 2));
    const watched = watching(nacos({ url: [first.url, `${second.url}/nacos`] }), "a");
    await watched.until("the first", () => watched.states.join() === "10.0.0.1:1 healthy");
    await first.kill();
    watched.refresh();
    await watched.until("the second", () => watched.states.join() === "10.0.0.1:2 healthy");
    await first.restart();
    watched.refresh();
    await watched.until("still that", () => watched.log.at(-1) === "alive");
    await second.kill();
    watched.refresh();
    await watched.until("the first again", () => watched.states.join() === "10.0.0.1:1 healthy");
    expect(watched.errors.every((error) => error.class === "transient")).toBe(true);
  });
});
