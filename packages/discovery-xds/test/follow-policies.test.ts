import { createMesh, memorySource } from "@proxyless/core";
import type { Mesh, MeshOptions } from "@proxyless/core";
import { followXdsPolicies } from "@proxyless/discovery-xds";
import type { XdsClusterPolicy } from "@proxyless/discovery-xds";
import { describe, expect, it, onTestFinished } from "vitest";

type Listener = (policy: XdsClusterPolicy) => void;

function meshWith(services: NonNullable<MeshOptions["services"]> = {}): Mesh {
  const discovery = memorySource();
  discovery.set("orders", ["127.0.0.1:1"]);
  discovery.set("users", ["127.0.0.1:2"]);
  const mesh = createMesh({ discovery, services });
  onTestFinished(() => mesh.close());
  mesh.service("orders");
  mesh.service("users");
  return mesh;
}

/** A source as far as policies go. */
function clusters(): {
  onClusterPolicy(listener: Listener): () => void;
  say(service: string, policy: object): void;
} {
  const listeners = new Set<Listener>();
  return {
    onClusterPolicy: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    say: (service, policy) => {
      const rest = {
        leftOut: [],
        dropOverloads: [],
        overprovisioning: undefined,
        endpointStaleAfterMs: undefined,
      };
      for (const listener of listeners)
        listener({ service, cluster: service, version: "1", policy, ...rest });
    },
  };
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function valuesOf(mesh: Mesh, service = "orders"): Readonly<Record<string, unknown>> {
  return mesh.inspect().services.find((view) => view.service === service)?.policy?.values ?? {};
}

describe("policies of a control plane", () => {
  it("are put in force, changed, and taken out of force", async () => {
    const mesh = meshWith();
    const source = clusters();
    const before = valuesOf(mesh);
    const applied: string[] = [];
    mesh.on("policy.applied", ({ service }) => applied.push(service));
    const following = followXdsPolicies(mesh, source);
    source.say("orders", { bulkhead: { maxConcurrent: 7, maxQueue: 3 }, panicThreshold: 20 });
    source.say("users", { balancer: { type: "random" } });
    await settled();
    expect(valuesOf(mesh)).toMatchObject({ bulkhead: { maxConcurrent: 7, maxQueue: 3 }, panicThreshold: 20 });
    expect(valuesOf(mesh, "users")["balancer"]).toMatchObject({ type: "random" });
    // Together, and once.
    expect(applied.toSorted()).toEqual(["orders", "users"]);
    source.say("orders", { panicThreshold: 30 });
    await settled();
    expect(valuesOf(mesh)["panicThreshold"]).toBe(30);
    expect(valuesOf(mesh)["bulkhead"]).toEqual(before["bulkhead"]);
    following.stop();
    expect(valuesOf(mesh)).toEqual(before);
    source.say("orders", { panicThreshold: 40 });
    await settled();
    expect(valuesOf(mesh)).toEqual(before);
  });

  it("lie under what was given in code, field by field, and under its presets", async () => {
    const mesh = meshWith({
      orders: {
        balancer: "random",
        outlierDetection: { consecutive5xx: { count: 9 } },
        retry: false,
        timeout: { attemptMs: 500 },
        adaptiveConcurrency: { maxLimit: 50 },
      },
      users: { preset: "none" },
    });
    const source = clusters();
    followXdsPolicies(mesh, source);
    const policy = {
      balancer: { type: "least-request", choices: 3 },
      outlierDetection: { consecutive5xx: { count: 2, enforcing: 50 }, maxEjectionPercent: 10 },
      retry: { budget: { ratio: 0.5 } },
      timeout: { connectMs: 900 },
      bulkhead: { maxConcurrent: 7, maxQueue: 0 },
      panicThreshold: 20,
    };
    source.say("orders", policy);
    source.say("users", policy);
    await settled();
    expect(valuesOf(mesh)).toMatchObject({
      balancer: "random",
      outlierDetection: { consecutive5xx: { count: 9, enforcing: 50 }, maxEjectionPercent: 10 },
      retry: false,
      // Not longer than an attempt, which is the user's.
      timeout: { attemptMs: 500, connectMs: 500 },
      adaptiveConcurrency: { maxLimit: 50 },
      panicThreshold: 20,
    });
    expect(valuesOf(mesh)["bulkhead"]).not.toMatchObject({ maxConcurrent: 7 });
    expect(valuesOf(mesh, "users")).toMatchObject({
      outlierDetection: false,
      retry: false,
      panicThreshold: 20,
    });
    // A second time, when its own fields are in force already.
    source.say("orders", { ...policy, panicThreshold: 25 });
    await settled();
    expect(valuesOf(mesh)).toMatchObject({
      balancer: "random",
      outlierDetection: { consecutive5xx: { count: 9, enforcing: 50 }, maxEjectionPercent: 10 },
      panicThreshold: 25,
    });
  });

  it("lie under the user's own document too", async () => {
    const mesh = meshWith();
    const source = clusters();
    const following = followXdsPolicies(mesh, source);
    source.say("orders", {
      outlierDetection: { consecutive5xx: { count: 2, enforcing: 50 }, maxEjectionPercent: 10 },
      panicThreshold: 20,
      bulkhead: { maxConcurrent: 7, maxQueue: 0 },
    });
    await settled();
    const own = {
      version: "mine-1",
      services: {
        orders: { outlierDetection: { maxEjectionPercent: 40 }, bulkhead: false as const },
        users: { panicThreshold: 5 },
      },
    };
    expect([...following.configure(own)].toSorted()).toEqual(["orders", "users"]);
    expect(valuesOf(mesh)).toMatchObject({
      outlierDetection: { consecutive5xx: { count: 2, enforcing: 50 }, maxEjectionPercent: 40 },
      panicThreshold: 20,
      bulkhead: false,
    });
    expect(valuesOf(mesh, "users")["panicThreshold"]).toBe(5);
    expect(mesh.inspect().services[0]?.policy?.version).toMatch(/^mine-1 xds-[0-9a-f]{16}$/);
    expect(following.configure(own)).toEqual([]);
    const wrong = { version: "mine-2", services: { orders: { panicThreshold: 500 } } };
    expect(() => following.configure(wrong)).toThrow(/services\.orders\.panicThreshold/);
    expect(valuesOf(mesh)["panicThreshold"]).toBe(20);
    source.say("users", { panicThreshold: 60, balancer: { type: "random" } });
    await settled();
    expect(valuesOf(mesh, "users")).toMatchObject({ panicThreshold: 5, balancer: { type: "random" } });
    following.stop();
    expect(valuesOf(mesh)).toMatchObject({ outlierDetection: { maxEjectionPercent: 40 }, bulkhead: false });
  });

  it("that the mesh refuses leave the others in force, and are said", async () => {
    const mesh = meshWith();
    const source = clusters();
    const refused: string[] = [];
    followXdsPolicies(mesh, source, { onRefused: ({ service }) => refused.push(service) });
    source.say("orders", { panicThreshold: 1000 });
    source.say("users", { panicThreshold: 30 });
    await settled();
    expect(refused).toEqual(["orders"]);
    expect(valuesOf(mesh, "users")["panicThreshold"]).toBe(30);
    expect(valuesOf(mesh)["panicThreshold"]).toBe(50);
    source.say("orders", { panicThreshold: 10 });
    await settled();
    expect(valuesOf(mesh)["panicThreshold"]).toBe(10);
  });
});
