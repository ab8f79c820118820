import type { Watching } from "@proxyless/core/testing";
import { kubernetes } from "@proxyless/discovery-kubernetes";
import { describe, expect, it, onTestFinished } from "vitest";

import { Room, isWatch } from "./room.ts";
import { pods, sliceJson } from "./slices.ts";
import type { PodInput } from "./slices.ts";
import { watchHosts } from "./watched.ts";
import { watched } from "./watched.ts";

const room = new Room();

describe("a list", { timeout: 30_000 }, () => {
  it.each([
    ["no JSON", "<html>", "data"],
    ["no list", "[]", "data"],
    ["without a revision", `{"items":[]}`, "data"],
  ])("that is %s is asked for again", async (_, body, kind) => {
    room.put(2);
    room.answerNext(
      () => true,
      (response) => response.writeHead(200).end(body),
    );
    const made = room.watch();
    await made.until("two endpoints", () => made.endpoints.length === 2);
    expect(made.errors.map((error) => error.class)).toEqual([kind]);
  });

  it("waits as long as a server that has too much to do asks for", async () => {
    room.put(2);
    room.refuseNext(() => true, 429, "too many requests", { "retry-after": "1" });
    const began = performance.now();
    const made = room.watch();
    await made.until("two endpoints", () => made.endpoints.length === 2);
    expect(made.errors[0]).toMatchObject({ class: "transient", retryAfterMs: 1000 });
    expect(performance.now() - began).toBeGreaterThanOrEqual(990);
  });

  it("of nothing usable is a data error, never an empty list", async () => {
    room.server.put(
      sliceJson({
        name: "web-1",
        service: "web",
        addressType: "FQDN",
        pods: [{ name: "a", ip: "a.example" }],
      }),
    );
    const made = room.watch();
    await made.until("the error", () => made.errors.length > 0);
    expect(made.errors[0]).toMatchObject({
      class: "data",
      message: expect.stringContaining("service web in namespace default"),
    });
    expect(made.snapshots).toEqual([]);
    room.put(1);
    await made.untilStates(["10.1.0.1"]);
    expect(made.snapshots.at(-1)?.skipped).toBeUndefined();
  });

  it("is read as v1beta1 where there is no v1", async () => {
    room.server.versions = ["v1beta1"];
    room.put(2);
    const made = room.watch({ watchList: "auto" });
    await made.until("two endpoints", () => made.endpoints.length === 2);
    room.put(3);
    await made.until("three endpoints", () => made.endpoints.length === 3);
    expect(made.errors).toEqual([]);
  });

  it("is a matter of configuration where there are no EndpointSlices at all", async () => {
    room.server.versions = [];
    const made = room.watch();
    await made.until("the error", () => made.errors.length > 0);
    expect(made.errors[0]).toMatchObject({
      class: "config",
      message: expect.stringContaining("neither discovery.k8s.io/v1 nor v1beta1"),
    });
  });

  it("that is streamed and never ends is replaced by a plain one", async () => {
    room.put(2);
    room.answerNext(isWatch, (response) => response.writeHead(200).flushHeaders());
    const made = room.watch({ watchList: "auto", requestTimeoutMs: 300 });
    await made.until("two endpoints", () => made.endpoints.length === 2);
    expect(made.errors).toEqual([]);
    expect(room.server.count("list")).toBe(1);
  });
});

describe("who is gone", { timeout: 30_000 }, () => {
  const web = (all: readonly PodInput[]): void => {
    room.server.put(sliceJson({ name: "web-1", service: "web", pods: all }));
  };

  it("has said goodbye if it was seen to terminate, and is lost if not", async () => {
    const [one, two, three] = pods(3);
    if (one === undefined || two === undefined || three === undefined) throw new Error("three pods");
    const leaving = { ready: false, serving: true, terminating: true };
    web([one, two, three]);
    const made = room.watch();
    await made.until("three endpoints", () => made.endpoints.length === 3);
    web([{ ...one, ...leaving }, two, three]);
    await made.until("one that leaves", () => made.endpoints.some(({ health }) => health === "draining"));
    web([two, three]);
    await made.until("two endpoints", () => made.endpoints.length === 2);
    expect(made.snapshots.at(-1)?.explicitRemovals).toBe(true);
    web([two]);
    await made.until("one endpoint", () => made.endpoints.length === 1);
    expect(made.snapshots.at(-1)?.explicitRemovals).toBeUndefined();
    // The last one is called until it is gone.
    web([{ ...two, ...leaving }]);
    await made.until("the last one", () => made.endpoints[0]?.health === "degraded");
    web([]);
    await made.until("nobody", () => made.endpoints.length === 0);
    expect(made.snapshots.at(-1)?.explicitRemovals).toBe(true);
  });
});

describe("many services", { timeout: 30_000 }, () => {
  it("of one namespace are followed with one watch, and few with one each", async () => {
    const source = kubernetes({ url: room.server.url, maxServiceWatches: 5 });
    const joined = (name: string): Watching => {
      const made = watchHosts(source, name);
      onTestFinished(() => made.stop());
      return made;
    };
    const few = ["a", "b", "c", "d", "e"].map(joined);
    await Promise.all(few.map((made) => made.until("an answer", () => made.snapshots.length > 0)));
    await expect.poll(() => room.server.watching).toBe(5);
    const many = ["f", "g"].map(joined);
    await Promise.all(many.map((made) => made.until("an answer", () => made.snapshots.length > 0)));
    await expect.poll(() => room.server.watching).toBe(1);
    for (const [i, made] of [...few, ...many].entries()) {
      const service = "abcdefg"[i] ?? "";
      room.server.put(sliceJson({ name: `${service}-1`, service, pods: pods(1, i + 1) }));
      await made.untilStates([`10.1.0.${i + 1}`]);
    }
    await Promise.all([...few, ...many].map((made) => made.stop()));
    await expect.poll(() => room.server.watching).toBe(0);
  });
});

it("says that a name cannot be a service's, and goes on to the end", async () => {
  const made = watched({ url: room.server.url }, "Not A Service");
  await made.until("the error", () => made.errors.length > 0);
  expect(made.errors[0]).toMatchObject({
    class: "config",
    message: expect.stringContaining("orders.shop.svc.cluster.local"),
  });
  await made.stop();
  expect(room.server.served).toEqual([]);
});
