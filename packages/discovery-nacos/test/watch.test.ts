import { gzipSync } from "node:zlib";

import { ManualClock } from "@proxyless/core/testing";
import { describe, expect, it } from "vitest";

import type { NacosServer } from "../../../test/nacos/server.ts";
import { nacos } from "../src/index.ts";
import { startServer, stored } from "./support/instances.ts";
import { watching } from "./support/watching.ts";

const timeout = 20_000;
const v3 = "GET /nacos/v3/client/ns/instance/list";
const v1 = "GET /nacos/v1/ns/instance/list";

/** How often something was asked for. */
function asked(server: NacosServer, what: string): number {
  return server.seen.filter((each) => each === what).length;
}

/** The next list is of the older API, made at `lastRefTime`, with these ports. */
function answerOnce(server: NacosServer, lastRefTime: number, ...ports: readonly number[]): void {
  server.once((_, response) => {
    const hosts = ports.map((port) => ({ ip: "10.0.0.1", port, healthy: true }));
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify({ hosts, lastRefTime, cacheMillis: 600_000 }));
  });
}

describe("a watch of one service", { timeout }, () => {
  it("asks at the pace that the server gives, and says that it is alive when nothing changed", async () => {
    const server = await startServer({ apis: ["v1"] });
    server.store.put(stored("a", 80));
    const clock = new ManualClock(Date.now());
    const { sink } = watching(nacos({ url: server.url, api: "v1" }), "a", { clock, random: () => 1 });
    await sink.until("a list", () => sink.states.join() === "10.0.0.1:80 healthy");
    await clock.advance(1000);
    await sink.until("alive", () => sink.log.at(-1) === "alive");
    expect(asked(server, v1)).toBe(2);
  });

  it("asks every 10 s where the server gives no pace, and as often as it is told to", async () => {
    const server = await startServer();
    const clock = new ManualClock(Date.now());
    const time = { clock, random: () => 1 };
    const usual = watching(nacos({ url: server.url }), "a", time);
    const quick = watching(nacos({ url: server.url, intervalMs: 4000 }), "b", time);
    await usual.sink.until("a list", () => usual.sink.last !== undefined);
    await quick.sink.until("a list", () => quick.sink.last !== undefined);
    await clock.advance(4500);
    await quick.sink.until("alive", () => quick.sink.log.at(-1) === "alive");
    expect(usual.sink.log).toHaveLength(1);
    await clock.advance(5500);
    await usual.sink.until("alive", () => usual.sink.log.at(-1) === "alive");
  });

  it("never asks less often than every 30 s for what the server says", async () => {
    const server = await startServer({ apis: ["v1"] });
    answerOnce(server, 1, 80);
    const clock = new ManualClock(Date.now());
    const { sink } = watching(nacos({ url: server.url, api: "v1" }), "a", { clock, random: () => 1 });
    await sink.until("a list", () => sink.states.length === 1);
    await clock.advance(30_000);
    await sink.until("the next", () => sink.states.length === 0);
    expect(sink.errors).toEqual([]);
  });

  it("asks at once when it is refreshed", async () => {
    const server = await startServer();
    const { sink, handle } = watching(nacos({ url: server.url }), "a");
    await sink.until("empty", () => sink.last?.kind === "bound");
    server.store.put(stored("a", 80));
    handle.refresh?.("test");
    await sink.until("the instance", () => sink.states.join() === "10.0.0.1:80 healthy");
    expect(sink.errors).toEqual([]);
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
      const { sink } = watching(nacos({ url: server.url, ...options }), "a");
      // eslint-disable-next-line no-await-in-loop -- as above
      await sink.until("a list", () => sink.last !== undefined);
      expect(sink.states).toEqual(["10.0.0.1:80 healthy", "10.0.0.1:81 healthy"]);
    }
  });

  it("sees the cluster DEFAULT only where no cluster is named in the newer API, and all in the older one", async () => {
    const server = await startServer();
    server.store.put(stored("a", 80));
    server.store.put(stored("a", 81, { cluster: "c1" }));
    const newer = watching(nacos({ url: server.url }), "a");
    const older = watching(nacos({ url: server.url, api: "v1" }), "a");
    await newer.sink.until("a list", () => newer.sink.states.length === 1);
    await older.sink.until("a list", () => older.sink.states.length === 2);
    expect(newer.sink.states).toEqual(["10.0.0.1:80 healthy"]);
  });

  it("takes nobody for well whom the server only protects", async () => {
    const server = await startServer({ apis: ["v1"] });
    server.store.put(stored("a", 80, { healthy: false }));
    server.store.put(stored("a", 81));
    const { sink, handle } = watching(nacos({ url: server.url }), "a");
    await sink.until("a list", () => sink.states.length === 2);
    expect(sink.states).toEqual(["10.0.0.1:80 unhealthy", "10.0.0.1:81 healthy"]);
    server.store.protectThresholds.set("a", 0.5);
    handle.refresh?.("test");
    await sink.until("protected", () => sink.snapshots.length === 2);
    expect(sink.states).toEqual(["10.0.0.1:80 unknown", "10.0.0.1:81 unknown"]);
  });
});

describe("a list that is older than the one before (bug 12)", { timeout }, () => {
  it("is ignored, and another one is asked for at once", async () => {
    const server = await startServer({ apis: ["v1"] });
    answerOnce(server, 2000, 80, 81);
    const { sink, handle } = watching(nacos({ url: server.url, api: "v1" }), "a");
    await sink.until("a list", () => sink.states.length === 2);
    answerOnce(server, 1000, 80);
    answerOnce(server, 3000, 80, 81);
    handle.refresh?.("test");
    await sink.until("the next", () => sink.log.length === 3);
    expect(sink.log).toEqual(["snapshot bound authoritative 2", "error protocol-reset", "alive"]);
  });

  it("is believed when the next one is old as well: then a clock was set back", async () => {
    const server = await startServer({ apis: ["v1"] });
    answerOnce(server, 2000, 80, 81);
    const { sink, handle } = watching(nacos({ url: server.url, api: "v1" }), "a");
    await sink.until("a list", () => sink.states.length === 2);
    answerOnce(server, 1000, 80);
    answerOnce(server, 1001, 80);
    handle.refresh?.("test");
    await sink.until("the next", () => sink.states.length === 1);
    answerOnce(server, 1002, 80, 82);
    handle.refresh?.("test");
    await sink.until("one more", () => sink.states.length === 2);
    expect(sink.errors).toHaveLength(1);
  });
});

describe("the API", { timeout }, () => {
  it("is the older one where the newer one does not exist, looked for again after ten minutes", async () => {
    const server = await startServer({ apis: ["v1"] });
    server.store.put(stored("a", 80));
    const clock = new ManualClock(Date.now());
    const source = nacos({ url: server.url, intervalMs: 60_000 });
    const { sink, handle } = watching(source, "a", { clock, random: () => 1 });
    await sink.until("a list", () => sink.states.length === 1);
    for (let i = 0; i < 3; i++) {
      const heard = sink.log.length;
      handle.refresh?.("test");
      // eslint-disable-next-line no-await-in-loop -- one after the other
      await sink.until("an answer", () => sink.log.length > heard);
    }
    expect([asked(server, v3), asked(server, v1)]).toEqual([1, 4]);
    server.apis = ["v3", "v1"];
    for (let minute = 1; minute <= 11; minute++) {
      const heard = sink.log.length;
      // eslint-disable-next-line no-await-in-loop -- time goes on
      await clock.advance(60_000);
      // eslint-disable-next-line no-await-in-loop -- as above
      await sink.until("an answer", () => sink.log.length > heard);
    }
    expect(sink.errors).toEqual([]);
    expect([asked(server, v3), asked(server, v1)]).toEqual([3, 13]);
  });

  it("is the newer one where the older one is switched off, at once", async () => {
    const server = await startServer({ apis: ["v1"] });
    server.store.put(stored("a", 80));
    const { sink, handle } = watching(nacos({ url: server.url }), "a");
    await sink.until("a list", () => sink.states.length === 1);
    server.apis = ["v3"];
    handle.refresh?.("test");
    await sink.until("alive", () => sink.log.at(-1) === "alive");
    expect([asked(server, v3), asked(server, v1)]).toEqual([2, 2]);
  });

  it("stays what it was told to be", async () => {
    const server = await startServer({ apis: ["v1"] });
    const { sink } = watching(nacos({ url: server.url, api: "v3" }), "a");
    await sink.until("an error", () => sink.errors.length > 0);
    expect(sink.errors[0]?.class).toBe("config");
    expect(asked(server, v1)).toBe(0);
  });

  it("is not mistaken for missing when only something in it was not found", async () => {
    const server = await startServer();
    server.once((_, response) => {
      response.writeHead(404).end('{"code":22001,"message":"namespace not exist","data":null}');
    });
    const { sink } = watching(nacos({ url: server.url }), "a");
    await sink.until("an answer", () => sink.last !== undefined);
    expect(sink.errors).toMatchObject([{ class: "config", message: expect.stringContaining("namespace") }]);
    expect(asked(server, v1)).toBe(0);
  });
});

describe("an account", { timeout }, () => {
  it.each([["v3"], ["v1"]] as const)(
    "logs in with the API %s, and again before its token ends",
    async (api) => {
      const clock = new ManualClock(Date.now());
      const server = await startServer({
        apis: [api],
        user: "me:s3cret-word",
        tokenTtl: 100,
        now: () => clock.wallNow(),
      });
      server.store.put(stored("a", 80));
      const source = nacos({ url: server.url, username: "me", password: "s3cret-word", intervalMs: 80_000 });
      const { sink, handle } = watching(source, "a", { clock, random: () => 1 });
      await sink.until("a list", () => sink.states.length === 1);
      handle.refresh?.("test");
      await sink.until("alive", () => sink.log.length === 2);
      await clock.advance(80_000);
      await sink.until("alive", () => sink.log.length === 3);
      expect(server.accounts.logins).toBe(1);
      await clock.advance(10_000);
      handle.refresh?.("test");
      await sink.until("alive", () => sink.log.length === 4);
      expect(server.accounts.logins).toBe(2);
      expect(sink.errors).toEqual([]);
    },
  );

  it("logs in again when the server refuses its token, and nobody hears of it", async () => {
    const server = await startServer({ user: "me:s3cret-word" });
    server.store.put(stored("a", 80));
    const source = nacos({ url: server.url, username: "me", password: "s3cret-word" });
    const all = ["a", "b", "c"].map((name) => watching(source, name));
    for (const { sink } of all) {
      // eslint-disable-next-line no-await-in-loop -- three of them
      await sink.until("a list", () => sink.last !== undefined);
    }
    expect(server.accounts.logins).toBe(1);
    server.accounts.expireAll();
    for (const { handle } of all) handle.refresh?.("test");
    for (const { sink } of all) {
      // eslint-disable-next-line no-await-in-loop -- three of them
      await sink.until("alive", () => sink.log.at(-1) === "alive");
      expect(sink.errors).toEqual([]);
    }
  });

  it("goes on with the token it has while a login fails, until that ends", async () => {
    const clock = new ManualClock(Date.now());
    const server = await startServer({ user: "me:s3cret-word", tokenTtl: 100, now: () => clock.wallNow() });
    const account = { username: "me", password: "s3cret-word" };
    const source = nacos({ url: server.url, ...account, intervalMs: 600_000 });
    const { sink, handle } = watching(source, "a", { clock, random: () => 1 });
    await sink.until("a list", () => sink.last !== undefined);
    server.script = (request, response) => {
      if (request.url?.includes("login") !== true) return false;
      response.writeHead(503).end();
      return true;
    };
    await clock.advance(91_000);
    const heard = sink.log.length;
    handle.refresh?.("test");
    await sink.until("alive", () => sink.log.length > heard);
    expect(sink.errors).toEqual([]);
    await clock.advance(10_000);
    handle.refresh?.("test");
    await sink.until("an error", () => sink.errors.length > 0);
    expect(sink.errors[0]).toMatchObject({ class: "transient", message: expect.stringContaining("login") });
  });

  it("that is refused is said to be, without its password", async () => {
    const server = await startServer({ user: "me:right-word" });
    server.script = (request, response) => {
      if (request.url?.includes("login") !== true) return false;
      response.writeHead(403).end("unknown user! password=wr0ng-word");
      return true;
    };
    const source = nacos({ url: server.url, username: "me", password: "wr0ng-word" });
    const { sink } = watching(source, "a");
    await sink.until("an error", () => sink.errors.length > 0);
    expect(sink.errors[0]).toMatchObject({ class: "auth", message: expect.stringContaining("unknown user") });
    expect(JSON.stringify(sink.errors) + source.key({ service: "a" })).not.toContain("wr0ng");
  });

  it("that was not given is missed by the server", async () => {
    const server = await startServer({ user: "me:right-word" });
    const { sink } = watching(nacos({ url: server.url }), "a");
    await sink.until("an error", () => sink.errors.length > 0);
    expect(sink.errors[0]?.class).toBe("auth");
    expect(server.accounts.logins).toBe(0);
  });
});

describe("trouble", { timeout }, () => {
  it.each([
    ["garbage", "data", "]{", {}],
    ["an answer that nobody asked to be packed", "data", gzipSync("{}"), { "content-encoding": "gzip" }],
    ["too much", "data", `{"hosts":[]}${" ".repeat(5000)}`, {}],
    ["nothing but what is no endpoint", "data", '{"code":0,"data":[{"ip":""}]}', {}],
    ["a server's own trouble", "transient", '{"code":30000,"message":"server error","data":null}', {}],
    ["a lack of rights", "auth", '{"code":10001,"message":"access denied","data":null}', {}],
    ["a wrong name", "config", '{"code":21000,"message":"service name error","data":null}', {}],
  ])("of the kind of %s changes nothing that is known", async (_, kind, body, headers) => {
    const server = await startServer();
    server.store.put(stored("a", 80));
    const { sink, handle } = watching(nacos({ url: server.url, maxBodyBytes: 4096 }), "a");
    await sink.until("a list", () => sink.states.length === 1);
    server.once((__, response) => {
      response.writeHead(200, { "content-type": "application/json", ...headers }).end(body);
    });
    handle.refresh?.("test");
    await sink.until("an error and then a sign of life", () => sink.log.at(-1) === "alive");
    expect(sink.log).toEqual(["snapshot bound authoritative 1", `error ${kind}`, "alive"]);
  });

  it("leads to the next server, which is kept until it fails", async () => {
    const [first, second] = await Promise.all([startServer(), startServer()]);
    first.store.put(stored("a", 1));
    second.store.put(stored("a", 2));
    const { sink, handle } = watching(nacos({ url: [first.url, `${second.url}/nacos`] }), "a");
    await sink.until("the first", () => sink.states.join() === "10.0.0.1:1 healthy");
    await first.kill();
    handle.refresh?.("test");
    await sink.until("the second", () => sink.states.join() === "10.0.0.1:2 healthy");
    await first.restart();
    handle.refresh?.("test");
    await sink.until("still that", () => sink.log.at(-1) === "alive");
    await second.kill();
    handle.refresh?.("test");
    await sink.until("the first again", () => sink.states.join() === "10.0.0.1:1 healthy");
    expect(sink.errors.every((error) => error.class === "transient")).toBe(true);
  });
});
