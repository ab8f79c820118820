import { describe, expect, it, vi } from "vitest";

import { ProxylessError } from "../../src/errors.ts";
import type { ServiceOptions } from "../../src/index.ts";
import { ManualClock } from "../../src/testing/manual-clock.ts";
import type { TestServer } from "../support/http.ts";
import { meshOf, rejection, server } from "../support/mesh.ts";

/** Answers 200, or another status; answers nothing while `silent`. */
async function switchable() {
  const state = { status: 200, silent: false };
  const upstream = await server((_, response) => {
    if (!state.silent) response.writeHead(state.status).end("{}");
  });
  return { state, upstream };
}

/** Resolves when another request has come. */
async function arrived(upstream: TestServer): Promise<void> {
  const before = upstream.requests.length;
  await vi.waitFor(() => {
    expect(upstream.requests.length).toBeGreaterThan(before);
  });
}

function policyOf(mesh: ReturnType<typeof meshOf>["mesh"]) {
  const policy = mesh.inspect().services[0]?.policy;
  if (policy === undefined) throw new Error("the service is in use");
  return policy;
}

const one = (orders: object, version = "1") => ({ version, services: { orders } });

describe("mesh.configure", () => {
  it("changes the policy of calls that begin from then on, and says so", async () => {
    const { state, upstream } = await switchable();
    const { mesh } = meshOf([upstream.address], { retry: { baseDelayMs: 0, maxDelayMs: 0 } });
    const heard: unknown[] = [];
    mesh.on("policy.applied", (event) => heard.push(event));
    const client = mesh.service("orders");
    state.status = 503;
    await client.GET("/x");
    expect(upstream.requests).toHaveLength(3);
    expect(mesh.configure(one({ retry: { maxAttempts: 1 } }, "42"))).toEqual(["orders"]);
    await client.GET("/x");
    expect(upstream.requests).toHaveLength(3 + 1);
    expect(heard).toEqual([{ type: "policy.applied", service: "orders", version: "42" }]);
    expect(policyOf(mesh)).toMatchObject({
      version: "42",
      values: { retry: { maxAttempts: 1, baseDelayMs: 0 } },
      origins: { "retry.maxAttempts": "swap:42", "retry.baseDelayMs": "service" },
    });
  });

  it("is laid over what code gives, whole each time: the next document begins from the code again", async () => {
    const { upstream } = await switchable();
    const { mesh } = meshOf([upstream.address], { timeout: { totalMs: 2_000 } });
    mesh.service("orders");
    mesh.configure(one({ timeout: { totalMs: 900 }, retry: false }, "1"));
    mesh.configure(one({ hedge: { delayMs: 5 } }, "2"));
    expect(policyOf(mesh).values).toMatchObject({
      timeout: { totalMs: 2_000 },
      retry: { maxAttempts: 3 },
      hedge: { delayMs: 5 },
    });
    expect(mesh.configure({ version: "3", services: {} })).toEqual(["orders"]);
    expect(policyOf(mesh)).toMatchObject({ version: undefined, values: { hedge: false } });
  });

  it("does nothing where the version is in force", async () => {
    const { upstream } = await switchable();
    const { mesh } = meshOf([upstream.address]);
    mesh.service("orders");
    mesh.configure(one({ retry: { maxAttempts: 2 } }, "7"));
    const heard: unknown[] = [];
    mesh.on("policy.applied", (event) => heard.push(event));
    expect(mesh.configure(one({ retry: { maxAttempts: 9 } }, "7"))).toEqual([]);
    expect(policyOf(mesh).values).toMatchObject({ retry: { maxAttempts: 2 } });
    expect(heard).toEqual([]);
  });

  it.each([
    [
      {
        version: "2",
        services: { orders: { retry: { maxAttempts: 2 } }, users: { timeout: { totalMs: -1 } } },
      },
      "services.users.timeout.totalMs",
      "users",
    ],
    [{ version: "2", services: { orders: { bogus: 1 } } }, "services.orders.bogus", undefined],
    [{ version: "2", services: { orders: { transport: {} } } }, "services.orders.transport", undefined],
    [{ version: "2", services: { orders: null } }, "services.orders", undefined],
    [{ version: "2", services: { "no host": {} } }, "the service's name", "no host"],
    [{ version: "", services: {} }, "version", undefined],
    [{ version: "2" }, "services", undefined],
    [{ version: "2", services: {}, more: 1 }, "more", undefined],
    [undefined, "document", undefined],
    [
      {
        version: "2",
        services: {
          orders: {
            timeout: { attemptMs: 6_000 },
            routes: [{ match: { path: "/a" }, hedge: { delayMs: 0 } }],
          },
        },
      },
      "services.orders.routes[0].hedge.delayMs",
      "orders",
    ],
  ])("puts nothing of %j in force, and says why", async (document, field, service) => {
    const { upstream } = await switchable();
    const { mesh } = meshOf([upstream.address]);
    mesh.service("orders");
    mesh.configure(one({ retry: { maxAttempts: 4 } }, "1"));
    const heard: unknown[] = [];
    mesh.on("policy.refused", (event) => heard.push(event));
    mesh.on("policy.applied", (event) => heard.push(event));
    const apply = (): void => {
      // What comes from a file has no type.
      mesh.configure(JSON.parse(JSON.stringify(document ?? null)) ?? undefined);
    };
    expect(apply).toThrow(ProxylessError);
    expect(heard).toMatchObject([{ type: "policy.refused", field, service }]);
    expect(policyOf(mesh)).toMatchObject({ version: "1", values: { retry: { maxAttempts: 4 } } });
  });

  it("lets calls in flight end under the rules that they began with", async () => {
    const { state, upstream } = await switchable();
    const clock = new ManualClock();
    const { mesh } = meshOf([upstream.address], { timeout: { totalMs: 1_000 }, retry: false }, { clock });
    const client = mesh.service("orders");
    await client.GET("/warm");
    state.silent = true;
    const call = rejection(client.GET("/x"));
    await arrived(upstream);
    mesh.configure(one({ timeout: { totalMs: 100 } }));
    await clock.advance(500);
    const late = rejection(client.GET("/x"));
    await clock.advance(100);
    expect(await late).toMatchObject({ message: expect.stringContaining("100 ms") });
    await clock.advance(400);
    expect(await call).toMatchObject({ message: expect.stringContaining("1000 ms") });
  });

  it("keeps what a circuit has counted, and judges it by the new policy", async () => {
    const { state, upstream } = await switchable();
    const clock = new ManualClock();
    const { events, mesh } = meshOf(
      [upstream.address],
      { circuit: { minCalls: 20, windowMs: 10_000 }, retry: false },
      { clock, random: () => 0 },
    );
    const client = mesh.service("orders");
    state.status = 500;
    for (let i = 0; i < 9; i++) await client.GET("/x");
    mesh.configure(one({ circuit: { minCalls: 10 } }));
    expect(mesh.inspect().services[0]?.circuits).toMatchObject([{ calls: 9, failures: 9 }]);
    expect(events("circuit.opened")).toEqual([]);
    await client.GET("/x");
    expect(events("circuit.opened")).toMatchObject([{ calls: 10 }]);
    mesh.configure(one({ circuit: false }, "2"));
    expect((await client.GET("/x")).response.status).toBe(500);
    expect(mesh.inspect().services[0]?.circuits).toEqual([]);
  });

  it("keeps the circuits, limits and hedging of the routes that stay, and lets go of the others'", async () => {
    const { state, upstream } = await switchable();
    const route = (path: string, more: object = {}) => ({
      match: { path },
      circuit: { minCalls: 100 },
      ...more,
    });
    const { mesh } = meshOf([upstream.address], {
      hedge: { percentile: 90 },
      bulkhead: { maxConcurrent: 3 },
      routes: [route("/a", { rateLimit: { tokensPerSecond: 0.001, burst: 5 } }), route("/b")],
    });
    const client = mesh.service("orders");
    for (let i = 0; i < 4; i++) await client.GET("/a");
    await client.GET("/b");
    const document = one({
      hedge: { percentile: 95 },
      routes: [route("/c"), route("/a", { rateLimit: { tokensPerSecond: 0.001, burst: 5, maxWaitMs: 0 } })],
    });
    mesh.configure(document);
    const view = mesh.inspect().services[0];
    expect(view?.circuits.map((circuit) => [circuit.route, circuit.calls])).toEqual([
      [undefined, 5],
      ["/a", 4],
      ["/c", 0],
    ]);
    expect(view?.limits.find((limit) => limit.route === "/a")?.rateLimit?.tokens).toBeLessThan(1.1);
    expect(view?.hedging.map((hedging) => [hedging.route, hedging.samples])).toEqual([
      [undefined, 0],
      ["/c", 0],
      ["/a", 4],
    ]);
    expect((await client.GET("/a")).response.status).toBe(200);
    expect(await rejection(client.GET("/a"))).toMatchObject({ code: "ERR_PROXYLESS_SHED" });
    expect(state.status).toBe(200);
  });

  it("lets those go who wait at a limit that is no more", async () => {
    const { state, upstream } = await switchable();
    const { mesh } = meshOf([upstream.address], {
      bulkhead: { maxConcurrent: 1, maxQueue: 5, queueTimeoutMs: 60_000 },
    });
    const client = mesh.service("orders");
    await client.GET("/warm");
    state.silent = true;
    const first = rejection(client.GET("/a", { timeoutMs: 500 }));
    await arrived(upstream);
    state.silent = false;
    const second = client.GET("/b");
    mesh.configure(one({ bulkhead: false }));
    expect((await second).response.status).toBe(200);
    expect(await first).toMatchObject({ code: "ERR_PROXYLESS_TIMEOUT" });
  });

  it("keeps the statistics of endpoints, who is ejected, and what a balancer has learnt", async () => {
    const bad = await server((_, response) => response.writeHead(500).end());
    const good = await server((_, response) => response.writeHead(200).end("{}"));
    const { events, mesh } = meshOf([bad.address, good.address], {
      balancer: { type: "peak-ewma", decayMs: 5_000 },
      retry: false,
      circuit: false,
      outlierDetection: { consecutive5xx: { count: 3 }, baseEjectionMs: 60_000 },
    });
    const client = mesh.service("orders");
    for (let i = 0; i < 3; i++) await client.GET("/x", { endpoint: bad.address });
    for (let i = 0; i < 10; i++) await client.GET("/x");
    expect(events("endpoint.ejected")).toHaveLength(1);
    const before = mesh.inspect().services[0];
    mesh.configure(
      one({
        outlierDetection: { consecutive5xx: { count: 9 } },
        balancer: { type: "peak-ewma", decayMs: 5_000 },
        panicThreshold: 10,
      }),
    );
    const after = mesh.inspect().services[0];
    const known = (view: typeof before) =>
      view?.endpoints.map(({ endpoint, latencyMs, cost, gate }) => [
        endpoint,
        latencyMs !== undefined,
        cost !== undefined && cost > 0,
        gate.map(({ kind }) => kind),
      ]);
    expect(known(after)).toEqual(known(before));
    mesh.configure(one({ outlierDetection: false }, "2"));
    expect(mesh.inspect().services[0]?.balancing.ejected).toBe(0);
    expect(mesh.inspect().services[0]?.endpoints.map(({ gate }) => gate)).toEqual([[], []]);
    for (let i = 0; i < 30; i++) await client.GET("/x");
    expect(events("endpoint.ejected")).toHaveLength(1);
  });

  it("hands calls of an old balancer to the one in its place", async () => {
    const { state, upstream } = await switchable();
    const { mesh, source } = meshOf(
      [upstream.address],
      { balancer: "round-robin", retry: { baseDelayMs: 1_000, maxDelayMs: 1_000, jitter: "none" } },
      {},
    );
    const client = mesh.service("orders");
    state.status = 503;
    const call = client.GET("/x");
    await arrived(upstream);
    mesh.configure(one({ balancer: "random" }));
    const other = await server((_, response) => response.writeHead(200).end("{}"));
    source.set("orders", [other.address]);
    expect((await call).response.status).toBe(200);
    expect(other.requests).toHaveLength(1);
    expect(mesh.inspect().services[0]?.balancing.balancer).toBe("random");
  });

  it("begins and ends health checks", async () => {
    const { state, upstream } = await switchable();
    const clock = new ManualClock();
    const { mesh, events } = meshOf([upstream.address], {}, { clock });
    const client = mesh.service("orders");
    await client.GET("/x");
    state.status = 500;
    mesh.configure(one({ healthCheck: { type: "http", intervalMs: 100, unhealthyThreshold: 1 } }));
    await expect
      .poll(async () => {
        await clock.advance(200);
        return events("endpoint.health_changed").length;
      })
      .toBeGreaterThan(0);
    expect(mesh.inspect().services[0]?.endpoints[0]?.activeHealth).toBe("unhealthy");
    mesh.configure(one({}, "2"));
    expect(mesh.inspect().services[0]?.endpoints[0]).toMatchObject({ activeHealth: undefined, gate: [] });
    // A check that is on its way comes to its end.
    await client.GET("/x");
    await client.GET("/x");
    const seen = upstream.requests.length;
    await clock.advance(5_000);
    expect(upstream.requests).toHaveLength(seen);
  });

  it("leaves code where the document says nothing of it", async () => {
    const { state, upstream } = await switchable();
    const asked: number[] = [];
    const classify = ({ status = 0 }: { readonly status?: number | undefined }): boolean => {
      asked.push(status);
      return false;
    };
    const orders: ServiceOptions = {
      retry: { classify },
      routes: [{ match: { path: "/a" }, retry: { classify } }],
    };
    const { mesh } = meshOf([upstream.address], orders);
    const client = mesh.service("orders");
    mesh.configure(
      one({ retry: { maxAttempts: 9 }, routes: [{ match: { path: "/a" }, retry: { maxAttempts: 4 } }] }),
    );
    state.status = 503;
    await client.GET("/x");
    await client.GET("/a");
    expect(asked).toEqual([503, 503]);
    expect(upstream.requests).toHaveLength(2);
  });

  it("holds for services that are used, or declared, later", async () => {
    const { upstream } = await switchable();
    const { mesh, source } = meshOf([upstream.address]);
    source.set("users", [upstream.address]);
    mesh.configure({ version: "1", services: { users: { timeout: { totalMs: 700 } } } });
    mesh.service("users", { retry: { maxAttempts: 1 } });
    const view = mesh.inspect().services.find(({ service }) => service === "users");
    expect(view?.policy?.values).toMatchObject({ timeout: { totalMs: 700 }, retry: { maxAttempts: 1 } });
    expect(() => mesh.service("later", { circuit: { windowMs: 5 } })).toThrow(/circuit.windowMs/);
  });

  it("leaves nothing behind, however often it is done", async () => {
    const { upstream } = await switchable();
    const clock = new ManualClock();
    const { mesh } = meshOf([upstream.address], { circuit: { probes: 1 } }, { clock });
    const client = mesh.service("orders");
    await client.GET("/x");
    const shape = () => {
      const [view] = mesh.inspect().services;
      return [
        view?.circuits.length,
        view?.balancing.routes.length,
        view?.limits.length,
        view?.hedging.length,
      ];
    };
    const document = (version: number) => ({
      version: String(version),
      services: {
        orders: {
          balancer: version % 2 === 0 ? "random" : "peak-ewma",
          healthCheck: { type: "tcp", intervalMs: 100 + version },
          hedge: { delayMs: 5 },
          rateLimit: { tokensPerSecond: 100_000 },
          routes: [
            { match: { path: `/r${version}` }, circuit: {}, balancer: { type: "least-request", choices: 3 } },
          ],
        },
      },
    });
    // What comes from a file has no type.
    const apply = (version: number): void =>
      void mesh.configure(JSON.parse(JSON.stringify(document(version))));
    apply(0);
    const before = shape();
    const timers = clock.pendingTimers;
    for (let version = 1; version <= 500; version++) apply(version);
    expect(shape()).toEqual(before);
    // The checks that were on their way end by themselves.
    await vi.waitFor(() => {
      expect(clock.pendingTimers).toBeLessThanOrEqual(timers);
    });
    expect((await client.GET("/x")).response.status).toBe(200);
  });
});
