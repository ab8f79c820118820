import { gzipSync } from "node:zlib";

import { ManualClock } from "@proxyless/core/testing";
import { describe, expect, it } from "vitest";

import { EurekaServer } from "../../../test/eureka/server.ts";
import { eventually } from "../../../test/support/watching.ts";
import { eureka } from "../src/index.ts";
import { drop, put, startServer } from "./support/instances.ts";
import { watchIds } from "./support/watch-ids.ts";

const timeout = 20_000;

/** How often a path was asked for. */
function asked(server: EurekaServer, path: string): number {
  return server.seen.filter((each) => each === `GET /eureka${path}`).length;
}

describe("a watch of one service", { timeout }, () => {
  it("asks for its application alone, at its pace, and says that it is alive when nothing changed", async () => {
    const server = await startServer();
    await put(server, "a", "a-1");
    const clock = new ManualClock(Date.now());
    const watched = watchIds(eureka({ url: server.url }), "a", { clock, random: () => 0.5 });
    await watched.until("a list", () => watched.states.join() === "a-1 healthy");
    await clock.advance(29_000);
    expect(server.seen).toHaveLength(2);
    await clock.advance(2000);
    await watched.until("alive", () => watched.log.at(-1) === "alive");
    expect(asked(server, "/apps/A")).toBe(2);
  });

  it("asks at once when it is refreshed", async () => {
    const server = await startServer();
    const watched = watchIds(eureka({ url: server.url }), "a");
    await watched.until("absent", () => watched.last?.kind === "absent");
    await put(server, "a", "a-1");
    watched.refresh();
    await watched.until("the instance", () => watched.states.join() === "a-1 healthy");
    expect(watched.errors).toEqual([]);
  });

  it("does not take a wrong path for a service that does not exist", async () => {
    const server = await EurekaServer.start();
    const watch = watchIds(eureka({ url: `http://127.0.0.1:${server.port}` }), "a");
    const watched = watch;
    await watched.until("an error", () => watched.errors.length > 0);
    expect(watched.errors[0]).toMatchObject({ class: "config", message: expect.stringContaining("404") });
    expect(watched.snapshots).toEqual([]);
    await watch.stop();
    expect(server.complaints.splice(0)).not.toEqual([]);
    await server.stop();
  });

  it("waits for a server that does not know its peers yet, and believes nothing of it meanwhile", async () => {
    const server = await startServer();
    await put(server, "a", "a-1");
    server.isSyncing = true;
    const watched = watchIds(eureka({ url: server.url }), "a");
    await watched.until("two errors", () => watched.errors.length > 1);
    expect(watched.errors[0]).toMatchObject({
      class: "transient",
      message: expect.stringContaining("starts"),
    });
    server.isSyncing = false;
    await watched.until("the instance", () => watched.states.join() === "a-1 healthy");
    expect(watched.snapshots).toHaveLength(1);
  });

  it("leaves out what is no endpoint, counts it, and takes nothing but that for broken data", async () => {
    const server = await startServer();
    await put(server, "a", "a-1");
    await put(server, "a", "a-2", { port: { $: 80, "@enabled": "false" } });
    const watched = watchIds(eureka({ url: server.url }), "a");
    await watched.until("a list", () => watched.last?.skipped === 1);
    expect(watched.states).toEqual(["a-1 healthy"]);
    await drop(server, "a", "a-1");
    watched.refresh();
    await watched.until("an error", () => watched.errors.length > 0);
    expect(watched.errors[0]?.class).toBe("data");
    expect(watched.snapshots).toHaveLength(1);
  });

  it.each([
    ["garbage", "data", (body: string) => `]${body}`, {}],
    [
      "a packed answer that is too much",
      "data",
      (body: string) => gzipSync(body.padEnd(500_000)),
      { "content-encoding": "gzip" },
    ],
    ["XML", "data", () => "<applications/>", {}],
    ["too much", "data", (body: string) => body.padEnd(5000), {}],
  ])("keeps what it knows through %s", async (_, kind, change, headers) => {
    const server = await startServer();
    await put(server, "a", "a-1");
    const watched = watchIds(eureka({ url: server.url, maxBodyBytes: 4096 }), "a");
    await watched.until("a list", () => watched.snapshots.length === 1);
    server.once((__, response) => {
      response.writeHead(200, { "content-type": "application/json", ...headers });
      response.end(change('{"application":{"name":"A","instance":[]}}'));
    });
    watched.refresh();
    await watched.until("an error and then a sign of life", () => watched.log.at(-1) === "alive");
    expect(watched.log).toEqual(["snapshot bound authoritative 1", `error ${kind}`, "alive"]);
  });

  it("asks for answers as they are, and reads those that a proxy packed", async () => {
    const server = await startServer();
    let encoding: string | string[] | undefined;
    server.script = (request) => {
      encoding = request.headers["accept-encoding"];
      // As nginx does for a client of its own choice.
      request.headers["accept-encoding"] = "gzip";
      return false;
    };
    await put(server, "a", "a-1");
    const watched = watchIds(eureka({ url: server.url, mode: "delta" }), "a");
    await watched.untilStates(["a-1 healthy"]);
    expect(encoding).toBe("identity");
    expect(watched.errors).toEqual([]);
  });

  it("sends the user and the headers it was given, and shows neither", async () => {
    const server = await startServer({ user: "me:s3cret-word", header: ["x-namespace", "blue"] });
    const good = { url: server.url, user: "me", headers: { "x-namespace": "blue" } };
    const source = eureka({ ...good, password: "s3cret-word" });
    const right = watchIds(source, "a");
    await right.until("an answer", () => right.last !== undefined);
    const wrong = watchIds(eureka({ ...good, password: "wr0ng-word" }), "a");
    await wrong.until("an error", () => wrong.errors.length > 0);
    expect(wrong.errors[0]?.class).toBe("auth");
    const shown = source.key({ service: "a" }) + JSON.stringify(wrong.errors);
    expect(shown).not.toMatch(/s3cret|wr0ng|blue|bWU6/);
  });
});

describe("several servers", { timeout }, () => {
  it("are asked beginning with those of the own zone, each kept until it fails", async () => {
    const [far, near, other] = await Promise.all([startServer(), startServer(), startServer()]);
    for (const [i, server] of [far, near, other].entries()) {
      // eslint-disable-next-line no-await-in-loop -- three writes
      await put(server, "a", `a-${i}`);
    }
    const zones = { far: far.url, near: [near.url, other.url] };
    const watched = watchIds(eureka({ zones, zone: "near" }), "a");
    await watched.until("the first of the zone", () => watched.states.join() === "a-1 healthy");
    watched.refresh();
    await watched.until("alive", () => watched.log.at(-1) === "alive");
    await near.kill();
    watched.refresh();
    await watched.until("the second of the zone", () => watched.states.join() === "a-2 healthy");
    await near.restart();
    watched.refresh();
    await watched.until("still that", () => watched.log.at(-1) === "alive");
    await other.kill();
    watched.refresh();
    await watched.until("another zone", () => watched.states.join() === "a-0 healthy");
    await far.kill();
    watched.refresh();
    await watched.until("the zone again", () => watched.states.join() === "a-1 healthy");
    expect(watched.errors.every((error) => error.class === "transient")).toBe(true);
  });
});

describe("the whole registry", { timeout }, () => {
  it("is read once for all services, and then its changes", async () => {
    const server = await startServer();
    await put(server, "a", "a-1");
    await put(server, "b", "b-1");
    const source = eureka({ url: server.url, mode: "delta" });
    const a = watchIds(source, "a");
    const b = watchIds(source, "b");
    const c = watchIds(source, "c");
    await a.until("a", () => a.states.join() === "a-1 healthy");
    await b.until("b", () => b.states.join() === "b-1 healthy");
    await c.until("no c", () => c.last?.kind === "absent");
    await put(server, "c", "c-1");
    await drop(server, "a", "a-1");
    b.refresh();
    await c.until("c", () => c.states.join() === "c-1 healthy");
    await a.until("no a", () => a.last?.kind === "absent");
    await b.until("b alive", () => b.log.at(-1) === "alive");
    expect([asked(server, "/apps"), asked(server, "/apps/delta")]).toEqual([1, 1]);
    const late = watchIds(source, "c");
    await late.until("at once", () => late.states.join() === "c-1 healthy");
    expect(asked(server, "/apps")).toBe(1);
  });

  it("point 6, a reset: is read anew when the counts differ, not for each hint, and removes nothing while they do", async () => {
    const server = await startServer();
    await put(server, "a", "a-1");
    await put(server, "a", "a-2");
    const clock = new ManualClock(Date.now());
    const source = eureka({ url: server.url, mode: "delta" });
    const watched = watchIds(source, "a", { clock, random: () => 0.5 });
    await watched.until("a list", () => watched.states.length === 2);
    // The server loses its changes: what happened shows in its count only.
    await drop(server, "a", "a-1");
    server.registry.forgetChanges();
    await put(server, "a", "a-3");
    await put(server, "a", "a-4", { status: "DOWN" });
    watched.refresh();
    await watched.until("doubt", () => watched.last?.trust === "suspect");
    expect(watched.states).toEqual(["a-1 healthy", "a-2 healthy", "a-3 healthy", "a-4 unhealthy"]);
    for (let i = 0; i < 5; i++) {
      const deltas = asked(server, "/apps/delta");
      watched.refresh();
      // eslint-disable-next-line no-await-in-loop -- one after the other
      await eventually("another delta", () => asked(server, "/apps/delta") > deltas);
    }
    expect(asked(server, "/apps")).toBe(1);
    await clock.advance(5000);
    await watched.until("certainty", () => watched.last?.trust === "authoritative");
    expect(watched.states).toEqual(["a-2 healthy", "a-3 healthy", "a-4 unhealthy"]);
    expect(asked(server, "/apps")).toBe(2);
  });

  it("is read whole at its pace, as Netflix' client does, where changes are not told or the counts differ", async () => {
    const [mute, wrong] = await Promise.all([startServer({ delta: false }), startServer()]);
    for (const server of [mute, wrong]) {
      // eslint-disable-next-line no-await-in-loop -- two servers
      await put(server, "a", "a-0");
      const clock = new ManualClock(Date.now());
      const source = eureka({ url: server.url, mode: "delta", intervalMs: 1000 });
      const watched = watchIds(source, "a", { clock, random: () => 0.5 });
      // eslint-disable-next-line no-await-in-loop -- as above
      await watched.until("a list", () => watched.states.length === 1);
      for (let i = 1; i <= 3; i++) {
        // eslint-disable-next-line no-await-in-loop -- as above
        await put(server, "a", `a-${i}`);
        server.registry.forgetChanges();
        // eslint-disable-next-line no-await-in-loop -- as above
        await clock.advance(1000);
        // eslint-disable-next-line no-await-in-loop -- as above
        await watched.until("the change", () => watched.states.length === i + 1);
      }
      expect([asked(server, "/apps"), asked(server, "/apps/delta")]).toEqual([4, 3]);
    }
  });

  it.each([
    ["tells its changes", true],
    ["does not", false],
  ])("is read whole once for all hints of 5 s, where the server %s", async (_, delta) => {
    const server = await startServer({ delta });
    await put(server, "a", "a-1");
    const clock = new ManualClock(Date.now());
    const source = eureka({ url: server.url, mode: "delta" });
    const watched = watchIds(source, "a", { clock, random: () => 0.5 });
    await watched.until("a list", () => watched.states.length === 1);
    for (let i = 1; i <= 3; i++) {
      watched.refresh();
      // eslint-disable-next-line no-await-in-loop -- one after the other
      await eventually("a question", () => asked(server, "/apps/delta") >= i);
    }
    await clock.advance(4999);
    expect(asked(server, "/apps")).toBe(1);
    await clock.advance(1);
    const alive = (): number => watched.log.filter((each) => each === "alive").length;
    await watched.until("the answer to all hints", () => alive() === (delta ? 4 : 1));
    expect(asked(server, "/apps")).toBe(2);
    await clock.advance(5000);
    watched.refresh();
    await watched.until("one more answer", () => alive() === (delta ? 5 : 2));
    expect([asked(server, "/apps"), asked(server, "/apps/delta")]).toEqual([3, 3]);
  });

  it("is read anew after a silence that is longer than the server's memory", async () => {
    const server = await startServer();
    await put(server, "a", "a-1");
    const clock = new ManualClock(Date.now());
    const source = eureka({ url: server.url, mode: "delta", intervalMs: 600_000 });
    const watched = watchIds(source, "a", { clock, random: () => 0.5 });
    await watched.until("a list", () => watched.states.length === 1);
    await clock.advance(600_000);
    await watched.until("alive", () => watched.log.at(-1) === "alive");
    expect([asked(server, "/apps"), asked(server, "/apps/delta")]).toEqual([2, 0]);
  });

  it("is read anew from another server, whose time and changes are its own", async () => {
    const [first, second] = await Promise.all([startServer(), startServer()]);
    await put(first, "a", "a-1");
    await put(second, "a", "a-2");
    const source = eureka({ url: [first.url, second.url], mode: "delta" });
    const watched = watchIds(source, "a");
    await watched.until("the first's", () => watched.states.join() === "a-1 healthy");
    await first.kill();
    watched.refresh();
    await watched.until("the second's", () => watched.states.join() === "a-2 healthy");
    expect([asked(second, "/apps"), asked(second, "/apps/delta")]).toEqual([1, 0]);
  });

  it("tells everyone of trouble, and of its end", async () => {
    const server = await startServer();
    await put(server, "a", "a-1");
    const source = eureka({ url: server.url, mode: "delta" });
    const both = [watchIds(source, "a"), watchIds(source, "b")];
    await both[0]?.until("a list", () => both[0]?.states.length === 1);
    await server.kill();
    both[0]?.refresh();
    for (const watched of both) {
      // eslint-disable-next-line no-await-in-loop -- two of them
      await watched.until("an error", () => watched.errors[0]?.class === "transient");
    }
    await server.restart();
    for (const watched of both) {
      // eslint-disable-next-line no-await-in-loop -- two of them
      await watched.until("alive", () => watched.log.at(-1) === "alive");
      expect(watched.snapshots).toHaveLength(1);
    }
  });

  it("is chosen for many services and left for few, and nobody hears of it", async () => {
    const server = await startServer();
    for (const name of ["a", "b", "c", "d"]) {
      // eslint-disable-next-line no-await-in-loop -- four writes
      await put(server, name, `${name}-1`);
    }
    const source = eureka({ url: server.url, deltaAbove: 3, intervalMs: 1000 });
    const few = ["a", "b", "c"].map((name) => watchIds(source, name));
    for (const watched of few) {
      // eslint-disable-next-line no-await-in-loop -- three of them
      await watched.until("a list", () => watched.states.length === 1);
    }
    expect(asked(server, "/apps")).toBe(0);
    const fourth = watchIds(source, "d");
    await fourth.until("a list", () => fourth.states.length === 1);
    expect(asked(server, "/apps")).toBe(1);
    const alone = asked(server, "/apps/A");
    await put(server, "a", "a-2");
    fourth.refresh();
    await few[0]?.until("the change", () => few[0]?.states.length === 2);
    await eventually("two more deltas", () => asked(server, "/apps/delta") > 2);
    expect(asked(server, "/apps/A")).toBe(alone);
    await Promise.all([fourth.stop(), few[1]?.stop(), few[2]?.stop()]);
    await put(server, "a", "a-3");
    await eventually("a question of its own", () => asked(server, "/apps/A") > alone);
    few[0]?.refresh();
    await few[0]?.until("the change", () => few[0]?.states.length === 3);
    expect(few[0]?.log.filter((each) => each.startsWith("error"))).toEqual([]);
  });
});
