import { setTimeout as sleep } from "node:timers/promises";

import { ManualClock, seededRandom } from "@proxyless/core/testing";
import { describe, expect, it } from "vitest";

import { statusJson } from "./api-answers.ts";
import { Room, event, isWatch } from "./room.ts";
import { pods, sliceJson } from "./slices.ts";

const room = new Room();

describe("a watch", { timeout: 30_000 }, () => {
  it("is renewed from the last bookmark when its time is up, without a list", async () => {
    room.server.bookmarkMs = 20;
    const made = await room.following();
    room.server.history.touch();
    const { revision } = room.server.history;
    await made.until("a bookmark", () => made.log.includes("alive"));
    await sleep(60);
    room.server.endWatches();
    await expect.poll(() => room.server.served.filter(isWatch).length, { timeout: 10_000 }).toBe(2);
    expect(room.server.served.at(-1)?.url.searchParams.get("resourceVersion")).toBe(String(revision));
    expect(room.server.count("list")).toBe(1);
    room.put(3);
    await made.until("three endpoints", () => made.endpoints.length === 3);
    expect(made.errors).toEqual([]);
  });

  it("asks for bookmarks, and for an end about every 290 s", async () => {
    await room.following();
    const query = room.server.served.find(isWatch)?.url.searchParams;
    expect(query?.get("allowWatchBookmarks")).toBe("true");
    const seconds = Number(query?.get("timeoutSeconds"));
    expect(seconds).toBeGreaterThanOrEqual(232);
    expect(seconds).toBeLessThanOrEqual(348);
  });

  it("that is silent for two minutes is begun again with a list, which is no trouble", async () => {
    room.put(2);
    const clock = new ManualClock();
    const made = room.watch({}, { clock, random: seededRandom(1) });
    await made.until("two endpoints", () => made.endpoints.length === 2);
    await expect.poll(() => room.server.watching).toBe(1);
    await clock.advance(119_000);
    room.server.say(
      event("BOOKMARK", { metadata: { resourceVersion: String(room.server.history.revision) } }),
    );
    await made.until("a sign of life", () => made.log.includes("alive"));
    await clock.advance(119_000);
    expect(room.server.count("list")).toBe(1);
    await clock.advance(2000);
    await expect.poll(() => room.server.count("list")).toBe(2);
    await expect.poll(() => room.server.count("watch")).toBe(2);
    // From the server's memory, and no older than what is known.
    const last = room.server.served.findLast((served) => !isWatch(served))?.url.searchParams;
    expect(last?.get("resourceVersionMatch")).toBe("NotOlderThan");
    const list = "snapshot bound authoritative 2";
    expect(made.log).toEqual([list, "alive", list]);
  });

  it("that is silent because the server hangs is trouble as soon as the list is not answered", async () => {
    const made = await room.following({ silenceMs: 1000, requestTimeoutMs: 500 });
    room.server.pause();
    await made.until("the error", () => made.errors.length === 1);
    expect(made.errors[0]).toMatchObject({
      class: "transient",
      message: expect.stringContaining("no answer within 500 ms"),
    });
    room.server.resume();
    room.put(3);
    await made.until("three endpoints", () => made.endpoints.length === 3);
  });

  it.each([500, 504])("that ends with an error %i is opened again", async (code) => {
    const made = await room.following();
    room.server.say(event("ERROR", statusJson(code, "etcdserver: no leader")));
    await made.until("the error", () => made.errors.length === 1);
    expect(made.errors[0]).toMatchObject({
      class: "transient",
      message: expect.stringContaining("no leader"),
    });
    room.put(3);
    await made.until("three endpoints", () => made.endpoints.length === 3);
  });

  it("stands lines that are cut anywhere, also inside a character", async () => {
    const made = await room.following();
    const metadata = {
      name: "web-ü",
      labels: { "kubernetes.io/service-name": "web" },
      resourceVersion: "5000",
    };
    const line = Buffer.from(
      event("ADDED", {
        metadata,
        addressType: "IPv4",
        ports: [{ name: "", port: 80 }],
        endpoints: [{ addresses: ["10.9.9.9"], zone: "zürich" }],
      }),
    );
    room.server.sayInPieces(line);
    await made.until("the endpoint", () => made.states.includes("10.9.9.9"));
    expect(made.endpoints.find(({ host }) => host === "10.9.9.9")?.locality?.zone).toBe("zürich");
    expect(made.errors).toEqual([]);
  });

  it("leaves out what is no slice, and ignores kinds of events that it does not know", async () => {
    const made = await room.following();
    room.server.say(event("ADDED", { metadata: { name: "nonsense", resourceVersion: "5000" } }));
    room.server.say(event("FUTURE", { anything: true }));
    await made.until(
      "the count",
      () => made.snapshots.at(-1)?.skipped === undefined && made.snapshots.length > 0,
    );
    room.put(3);
    await made.until("three endpoints", () => made.endpoints.length === 3);
    expect(made.snapshots.at(-1)?.skipped).toBe(1);
    expect(made.errors).toEqual([]);
  });

  it.each([
    ["no JSON", "{]\n"],
    ["no event", "[]\n"],
    ["an error without a status", `{"type":"ERROR"}\n`],
  ])("that says %s is opened again, and keeps what it knows", async (_, line) => {
    const made = await room.following();
    room.server.say(line);
    await made.until("the error", () => made.errors.length === 1);
    room.put(3);
    await made.until("three endpoints", () => made.endpoints.length === 3);
    expect(made.snapshots.every(({ endpoints }) => endpoints.length >= 2)).toBe(true);
  });

  it("that says a line without an end is given up before it fills the memory", async () => {
    const made = await room.following({ maxBodyBytes: 4096 });
    room.server.say("x".repeat(10_000));
    await made.until("the error", () => made.errors.length === 1);
    expect(made.errors[0]).toMatchObject({
      class: "data",
      message: expect.stringContaining("longer than 4096 bytes"),
    });
  });

  it("stands a server that ends it at once, every time, without a hot loop", async () => {
    room.put(2);
    room.server.script = (served, response) => {
      if (!isWatch(served)) return false;
      response.writeHead(200).end();
      return true;
    };
    const made = room.watch();
    await expect.poll(() => room.server.count("watch"), { timeout: 10_000 }).toBeGreaterThan(5);
    const before = room.server.count("watch");
    await sleep(1000);
    expect(room.server.count("watch") - before).toBeLessThan(30);
    expect(made.endpoints).toHaveLength(2);
    expect(room.server.count("list")).toBe(1);
  });

  it("tells a storm of changes of a long list at a pace, and the last of them", async () => {
    const made = await room.following();
    for (let n = 0; n < 20; n++) {
      room.server.put(sliceJson({ name: `more-${n}`, service: "web", pods: pods(100, 1000 + n * 100) }));
    }
    await made.until("all of them", () => made.endpoints.length === 2002);
    const before = made.snapshots.length;
    const began = performance.now();
    for (let i = 0; i < 1000; i++) {
      room.put(2 + (i % 50));
      if (i % 10 === 0) await sleep(1);
    }
    room.put(7);
    await made.until("the last", () => made.endpoints.length === 2007);
    // Never two within 20 ms, for 2,000 endpoints.
    expect(made.snapshots.length - before).toBeLessThan((performance.now() - began) / 20 + 5);
  });
});
