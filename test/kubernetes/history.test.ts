import { setTimeout as sleep } from "node:timers/promises";

import { ManualClock, seededRandom } from "@proxyless/core/testing";
import { describe, expect, it } from "vitest";

import { statusJson } from "./api-answers.ts";
import { event, isWatch, Room } from "./room.ts";
import { pods, sliceJson } from "./slices.ts";

const room = new Room();

describe("point 6, history that is gone", { timeout: 30_000 }, () => {
  it.each([
    [
      "as an event",
      (): void =>
        room.answerNext(isWatch, (response) =>
          response.writeHead(200).end(event("ERROR", statusJson(410, "too old resource version"))),
        ),
    ],
    [
      "as a status",
      (): void => room.refuseNext(isWatch, 410, "The resourceVersion for the provided watch is too old."),
    ],
  ])("is read again at once when 410 comes %s, and nothing is cleared", async (_, expire) => {
    const made = await room.following();
    expire();
    room.server.endWatches();
    await made.until("the reset", () => made.errors.length > 0);
    expect(made.errors[0]).toMatchObject({ class: "protocol-reset" });
    room.put(3);
    await made.until("three endpoints", () => made.endpoints.length === 3);
    expect(made.snapshots.every(({ endpoints }) => endpoints.length >= 2)).toBe(true);
    const again = room.server.served.findLast((served) => !isWatch(served));
    // No revision: the server has to look into its storage.
    expect(again?.url.searchParams.get("resourceVersion")).toBeNull();
    expect(made.errors).toHaveLength(1);
  });

  it("comes while a list is read in pages: the list is read in one piece", async () => {
    for (let n = 1; n <= 5; n++)
      room.server.put(sliceJson({ name: `web-${n}`, service: "web", pods: pods(1, n) }));
    room.server.script = ({ url }) => {
      if (url.searchParams.has("continue")) {
        room.server.history.touch();
        room.server.history.compact();
      }
      return false;
    };
    const made = room.watch({ pageSize: 2 });
    await made.until("five endpoints", () => made.endpoints.length === 5);
    expect(made.snapshots).toHaveLength(1);
    expect(made.errors).toEqual([]);
    const lists = room.server.served.filter((served) => !isWatch(served));
    expect(
      lists.map(({ url }) => `${url.searchParams.get("limit")} ${url.searchParams.has("continue")}`),
    ).toEqual(["2 false", "2 true", "null false"]);
  });

  it("is lost with the server's data: what is known stays until a list says otherwise", async () => {
    const made = await room.following();
    await room.server.kill();
    room.server.history.wipe();
    room.put(1, 9);
    await room.server.restart();
    await made.untilStates(["10.1.0.9"]);
    // Asked for what it does not have yet, the server says so; then it is asked for what it has.
    expect(made.errors.map(({ message }) => message).join()).toContain("Too large resource version");
    expect(made.snapshots.every(({ endpoints }) => endpoints.length > 0)).toBe(true);
  });

  it("is read again after an outage: what was removed meanwhile is gone, also a whole slice", async () => {
    const made = await room.following();
    room.server.put(sliceJson({ name: "web-2", service: "web", pods: pods(1, 9) }));
    await made.until("three endpoints", () => made.endpoints.length === 3);
    await room.server.kill();
    room.server.remove("web-1");
    await room.server.restart();
    await made.untilStates(["10.1.0.9"]);
    expect(made.errors.every((error) => error.class === "transient")).toBe(true);
  });

  it.each([
    ["at once", ""],
    ["after a change was told", "a change"],
  ])("does not make a hot loop when it is gone every time, %s", async (_, first) => {
    room.put(2);
    const metadata = {
      name: "web-9",
      labels: { "kubernetes.io/service-name": "web" },
      resourceVersion: "900",
    };
    const told = first === "" ? "" : event("ADDED", { metadata, addressType: "IPv4", endpoints: [] });
    room.server.script = (served, response) => {
      if (!isWatch(served)) return false;
      response.writeHead(200).end(told + event("ERROR", statusJson(410, "too old resource version")));
      return true;
    };
    const made = room.watch();
    await made.until("four resets", () => made.errors.length >= 4);
    const before = room.server.served.length;
    await sleep(1000);
    // Two at most for each doubling of the wait, were chance always zero at first.
    expect(room.server.served.length - before).toBeLessThan(60);
    expect(made.endpoints).toHaveLength(2);
  });
});

describe("the connection", { timeout: 60_000 }, () => {
  it("may break a hundred times, and is made again after 30 s at most each time", async () => {
    room.put(2);
    const clock = new ManualClock();
    const patient = { requestTimeoutMs: 600_000, silenceMs: 3_600_000 };
    const made = room.watch(patient, { clock, random: seededRandom(1) });
    for (let i = 1; i <= 100; i++) {
      await expect
        .poll(() => room.server.count("watch") === i && room.server.watching === 1, { interval: 2 })
        .toBe(true);
      room.server.breakWatches();
      await made.until(`break ${i}`, () => made.errors.length === i);
      await clock.advance(30_000);
    }
    await expect.poll(() => room.server.watching).toBe(1);
    expect(room.server.count("watch")).toBe(101);
    await clock.advance(1000);
    room.put(3);
    await made.until("three endpoints", () => made.endpoints.length === 3);
    expect(made.snapshots.every(({ endpoints }) => endpoints.length >= 2)).toBe(true);
    expect(made.errors.every((error) => error.class === "transient")).toBe(true);
  });
});
