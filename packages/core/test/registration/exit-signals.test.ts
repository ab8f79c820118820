import { afterEach, beforeEach, expect, it } from "vitest";

import { memorySource } from "../../src/discovery/memory-source.ts";
import { createMesh } from "../../src/mesh.ts";
import type { Mesh } from "../../src/mesh.ts";
import { ManualClock } from "../../src/testing/manual-clock.ts";
import { FakeRegistry } from "./support/fake-registry.ts";

let clock: ManualClock;
let registry: FakeRegistry;
let mesh: Mesh;

beforeEach(() => {
  clock = new ManualClock();
  registry = new FakeRegistry();
  mesh = createMesh({ discovery: memorySource({}), clock, registrar: registry.registrar(clock) });
});
afterEach(async () => {
  const closed = mesh.close();
  await clock.advance(10_000);
  await closed;
});

const instance = { service: "web", host: "10.0.0.1", port: 80 };

it("an instance leaves on its own signal also while another one leaves on another", async () => {
  await mesh.register({ ...instance, id: "a", signals: ["SIGHUP"] });
  await mesh.register({ ...instance, id: "b", signals: ["SIGUSR2"] });
  process.emit("SIGHUP");
  await clock.advance(100);
  process.emit("SIGUSR2");
  await clock.advance(5_000);
  expect([...registry.entries.keys()]).toEqual([]);
  expect(mesh.inspect().registrations).toEqual([]);
  expect(process.listenerCount("SIGUSR2")).toBe(0);
});

it("options that are refused leave an instance that can still leave", async () => {
  const registration = await mesh.register({ ...instance, id: "a" });
  await expect(registration.deregister({ propagationMs: -1 })).rejects.toMatchObject({
    code: "ERR_PROXYLESS_CONFIG",
  });
  const left = registration.leave();
  await clock.advance(5_000);
  await left;
  expect([...registry.entries.keys()]).toEqual([]);
});

it("an instance that is still being registered leaves at once, and its registration rejects when all have left", async () => {
  await mesh.register({ ...instance, id: "a", signals: ["SIGHUP"] });
  registry.failing.set("apply", new Error("no answer"));
  let isTold = false;
  const pending = mesh.register({ ...instance, id: "b", signals: ["SIGHUP"], startTimeoutMs: 600_000 });
  pending.catch(() => (isTold = true));
  await clock.advance(100);
  process.emit("SIGHUP");
  await clock.advance(1_900);
  expect(registry.log.filter((each) => each === "remove")).toHaveLength(1);
  expect([[...registry.entries], isTold]).toEqual([[["a", "draining"]], false]);
  await clock.advance(200);
  await expect(pending).rejects.toMatchObject({ code: "ERR_PROXYLESS_CLOSED" });
  expect([registry.entries.size, process.listenerCount("SIGHUP")]).toEqual([0, 0]);
});
