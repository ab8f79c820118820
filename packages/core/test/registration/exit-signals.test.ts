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
