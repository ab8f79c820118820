import type { RequestListener } from "node:http";

import { describe, expect, it, vi } from "vitest";

import type { Balancer, PickExplanation, ServiceOptions } from "../../src/index.ts";
import { answerOk } from "../support/http.ts";
import type { TestServer } from "../support/http.ts";
import { meshOf, rejection, server } from "../support/mesh.ts";
import type { TestMesh } from "../support/mesh.ts";

async function over(
  count: number,
  options: ServiceOptions = {},
  listener: (index: number) => RequestListener = () => answerOk,
): Promise<TestMesh & { readonly servers: readonly TestServer[]; readonly addresses: readonly string[] }> {
  const servers: TestServer[] = [];
  for (let index = 0; index < count; index++) servers.push(await server(listener(index)));
  const addresses = servers.map(({ address }) => address);
  return { ...meshOf(addresses, options), servers, addresses };
}

const counts = (servers: readonly TestServer[]): readonly number[] =>
  servers.map(({ requests }) => requests.length);

describe("a call that names its endpoint", () => {
  it("goes there, or to the next that it names, or where the balancer sends it", async () => {
    const { addresses, events, mesh, servers } = await over(3);
    const orders = mesh.service("orders");
    for (let i = 0; i < 5; i++) await orders.GET("/x", { endpoint: addresses[1] });
    expect(counts(servers)).toEqual([0, 5, 0]);
    for (let i = 0; i < 5; i++) await orders.GET("/x", { endpoint: ["10.9.9.9:1", addresses[2]!] });
    expect(counts(servers)).toEqual([0, 5, 5]);
    await orders.GET("/x", { endpoint: "10.9.9.9:1" });
    expect(events("call.completed").map(({ pick }) => pick)).toEqual([
      ...Array.from({ length: 10 }, () => "OH"),
      "LB",
    ]);
  });

  it("is tried elsewhere when that endpoint fails", async () => {
    const { addresses, mesh, servers } = await over(2, {}, (index) => (request, response) => {
      if (index === 0) request.destroy();
      else answerOk(request, response);
    });
    const { response } = await mesh.service("orders").GET("/x", { endpoint: addresses[0] });
    expect(response.status).toBe(200);
    expect(counts(servers)).toEqual([1, 1]);
  });

  it("is refused when it names no text", async () => {
    const { mesh } = await over(1);
    // @ts-expect-error -- as untyped code would
    expect(await rejection(mesh.service("orders").GET("/x", { endpoint: 1 }))).toMatchObject({
      code: "ERR_PROXYLESS_CONFIG",
      message: "endpoint must be host:port, or an array of them, got 1",
    });
  });
});

describe("a header that names the endpoint", () => {
  it("is followed where the service allows it, and not sent on", async () => {
    const { addresses, mesh, servers } = await over(2, { overrideHost: { header: "X-Go-To" } });
    for (let i = 0; i < 4; i++) {
      await mesh.service("orders").GET("/x", { headers: { "x-go-to": `10.9.9.9:1, ${addresses[1]}` } });
    }
    expect(counts(servers)).toEqual([0, 4]);
    expect(servers[1]!.requests[0]!.headers).not.toHaveProperty("x-go-to");
  });

  it("is an ordinary header where it does not", async () => {
    const { addresses, mesh, servers } = await over(1);
    await mesh.service("orders").GET("/x", { headers: { "x-proxyless-endpoint": addresses[0]! } });
    expect(servers[0]!.requests[0]!.headers["x-proxyless-endpoint"]).toBe(addresses[0]);
  });
});

describe("a session", () => {
  const options: ServiceOptions = { statefulSession: { cookie: { name: "at" } } };
  const session = async ({ mesh }: TestMesh): Promise<string> => {
    const response = await mesh.fetch("http://orders/x");
    return response.headers.getSetCookie()[0]!.split(";")[0]!;
  };

  it("stays on one endpoint, whose cookie is set once", async () => {
    const test = await over(3, options);
    const cookie = await session(test);
    const before = counts(test.servers);
    for (let i = 0; i < 9; i++) {
      const response = await test.mesh.fetch("http://orders/x", { headers: { cookie } });
      expect(response.headers.getSetCookie()).toEqual([]);
    }
    const gained = counts(test.servers).map((count, index) => count - before[index]!);
    expect(gained.toSorted((a, b) => a - b)).toEqual([0, 0, 9]);
    expect(test.events("call.completed").at(-1)?.pick).toBe("SS");
  });

  it("outlives draining, and moves with a new cookie when its endpoint is gone", async () => {
    const test = await over(2, options);
    const cookie = await session(test);
    const own = counts(test.servers).indexOf(1);
    const list = (
      health: "draining" | "healthy",
    ): { host: string; port: number; health: "draining" | "healthy" }[] =>
      test.servers.map(({ port }, index) => ({
        host: "127.0.0.1",
        port,
        health: index === own ? health : "healthy",
      }));
    test.source.set("orders", list("draining"));
    await vi.waitFor(() => {
      const { endpoints } = test.mesh.inspect().services[0]!;
      expect(endpoints.find(({ endpoint }) => endpoint === test.addresses[own])!.gate).toHaveLength(1);
    });
    for (let i = 0; i < 4; i++) await test.mesh.fetch("http://orders/x", { headers: { cookie } });
    expect(counts(test.servers)[own]).toBe(5);
    test.source.set(
      "orders",
      list("healthy").filter((_, index) => index !== own),
    );
    await vi.waitFor(() => {
      expect(test.mesh.inspect().services[0]!.endpoints).toHaveLength(1);
    });
    const moved = await test.mesh.fetch("http://orders/x", { headers: { cookie } });
    expect(moved.headers.getSetCookie()[0]).toMatch(/^at=/);
    expect(moved.headers.getSetCookie()[0]).not.toContain(cookie);
  });

  it("that is strict fails rather than move, and a cookie that was tampered with is none", async () => {
    const test = await over(2, { statefulSession: { cookie: { name: "at" }, strict: true }, retry: false });
    const gone = `at=${Buffer.from("127.0.0.1:1").toString("base64url")}`;
    expect(await rejection(test.mesh.fetch("http://orders/x", { headers: { cookie: gone } }))).toMatchObject({
      code: "ERR_PROXYLESS_NO_ENDPOINTS",
    });
    const response = await test.mesh.fetch("http://orders/x", { headers: { cookie: "at=%%%" } });
    expect(response.status).toBe(200);
  });
});

describe("routes", () => {
  it("may have a balancer of their own over the same endpoints", async () => {
    const { mesh, servers } = await over(4, {
      balancer: "round-robin",
      routes: [
        {
          match: { path: "/orders/{id}" },
          balancer: { type: "ring-hash", hashOn: [{ pathParameter: "id" }] },
        },
      ],
    });
    const orders = mesh.service("orders");
    for (let i = 0; i < 12; i++) await orders.GET("/orders/{id}", { params: { path: { id: "7" } } });
    expect(counts(servers).filter((count) => count > 0)).toEqual([12]);
    const before = counts(servers);
    for (let i = 0; i < 12; i++) await orders.GET("/other");
    expect(counts(servers).map((count, index) => count - before[index]!)).toEqual([3, 3, 3, 3]);
  });

  it("may be for a subset of the endpoints by metadata", async () => {
    const { mesh, servers, source } = await over(3, {
      routes: [{ match: { path: "/beta" }, endpoints: { metadata: { stage: "canary" } } }],
    });
    source.set(
      "orders",
      servers.map(({ port }, index) => ({
        host: "127.0.0.1",
        port,
        metadata: { stage: index === 2 ? "canary" : "stable" },
      })),
    );
    const orders = mesh.service("orders");
    const heard: PickExplanation[] = [];
    for (let i = 0; i < 6; i++)
      await orders.GET("/beta", { explain: (explanation) => heard.push(explanation) });
    expect(counts(servers)).toEqual([0, 0, 6]);
    expect(heard[0]?.excluded.map(({ reasons }) => reasons)).toEqual([["other subset"], ["other subset"]]);
  });

  it("that stream are balanced by requests in flight and measure no latency", async () => {
    const { mesh } = await over(
      2,
      { routes: [{ match: { path: "/poll" }, streaming: true }] },
      () => (_, response) => void setTimeout(() => response.end("{}"), 120),
    );
    await mesh.service("orders").GET("/poll");
    const latencies = (): readonly unknown[] =>
      mesh.inspect().services[0]!.endpoints.map(({ latencyMs }) => latencyMs);
    expect(latencies()).toEqual([undefined, undefined]);
    // A latency of which much was this process's own is not counted.
    await vi.waitFor(
      async () => {
        await mesh.service("orders").GET("/other");
        expect(latencies().filter((latency) => latency !== undefined)).not.toEqual([]);
      },
      { timeout: 10_000, interval: 1 },
    );
  });
});

describe("a balancer of one's own", () => {
  it("chooses, hears how it went, and hands its state on when the list changes", async () => {
    const settled: string[] = [];
    const built: boolean[] = [];
    const first: Balancer = {
      name: "first",
      build(endpoints, _, previous) {
        built.push(previous !== undefined);
        return {
          pick: () => endpoints.toSorted((a, b) => (a.address < b.address ? -1 : 1))[0],
          settled: (endpoint, { outcome, status }) =>
            void settled.push(`${endpoint.address} ${outcome} ${status}`),
        };
      },
    };
    const { addresses, mesh, servers, source } = await over(3, { balancer: first });
    const [smallest = ""] = addresses.toSorted();
    for (let i = 0; i < 3; i++) await mesh.service("orders").GET("/x");
    expect(servers.find(({ address }) => address === smallest)!.requests).toHaveLength(3);
    expect(settled).toEqual(Array.from({ length: 3 }, () => `${smallest} success 200`));
    source.set("orders", [smallest]);
    await vi.waitFor(() => {
      expect(built.at(-1)).toBe(true);
    });
  });

  it("that finds nothing fails the call as an empty service would", async () => {
    const { mesh } = await over(1, { balancer: { name: "none", build: () => ({ pick: () => undefined }) } });
    expect(await rejection(mesh.service("orders").GET("/x"))).toMatchObject({
      code: "ERR_PROXYLESS_NO_ENDPOINTS",
    });
  });
});

describe("what endpoints say of themselves", () => {
  it("moves traffic to the idler one where load is reported", async () => {
    const { mesh, servers } = await over(
      2,
      {
        balancer: {
          type: "client-side-weighted-round-robin",
          blackoutPeriodMs: 0,
          weightUpdatePeriodMs: 100,
        },
      },
      (index) => (_, response) => {
        const utilisation = index === 0 ? 0.9 : 0.3;
        response.setHeader("endpoint-load-metrics", `TEXT cpu_utilization=${utilisation},rps_fractional=100`);
        response.end("{}");
      },
    );
    const orders = mesh.service("orders");
    for (let i = 0; i < 10; i++) await orders.GET("/x");
    await new Promise((resolve) => setTimeout(resolve, 120));
    const before = counts(servers);
    for (let i = 0; i < 40; i++) await orders.GET("/x");
    expect(counts(servers).map((count, index) => count - before[index]!)).toEqual([10, 30]);
  });

  it("moves traffic to the idler one where endpoints are probed", async () => {
    const { mesh, servers } = await over(
      3,
      { balancer: { type: "prequal", probePath: "/load" } },
      (index) => (request, response) => {
        if (request.url === "/load") {
          response.setHeader("x-prequal-rif", index === 1 ? "1" : "50");
          response.setHeader("x-prequal-latency-ms", index === 1 ? "2" : "80");
        }
        response.end("{}");
      },
    );
    const orders = mesh.service("orders");
    for (let i = 0; i < 60; i++) await orders.GET("/x");
    const calls = servers.map(({ requests }) => requests.filter(({ url }) => url === "/x").length);
    expect(calls[1]).toBeGreaterThan(calls[0]! + calls[2]!);
  });
});

describe("an endpoint that fails", () => {
  // By turns: a balancer that knows failures sends so little there that five in a row take their time.
  it("is ejected, comes back by probes, and every step is told", async () => {
    let isBroken = true;
    const { addresses, events, mesh, servers } = await over(
      3,
      { balancer: "round-robin", outlierDetection: { baseEjectionMs: 500, halfOpen: { intervalMs: 10 } } },
      (index) => (request, response) => {
        if (index === 0 && isBroken) response.statusCode = 500;
        answerOk(request, response);
      },
    );
    const orders = mesh.service("orders", {});
    const call = (): Promise<unknown> => orders.GET("/x");
    await vi.waitFor(
      async () => {
        await call();
        expect(events("endpoint.ejected")).toHaveLength(1);
      },
      { interval: 1, timeout: 5_000 },
    );
    expect(events("endpoint.ejected")[0]).toMatchObject({
      service: "orders",
      endpoint: addresses[0],
      detector: "consecutive5xx",
      reason: "5 consecutive 5xx",
      ejections: 1,
    });
    const view = mesh.inspect().services[0]!.endpoints.find(({ endpoint }) => endpoint === addresses[0]);
    expect(view?.gate[0]).toMatchObject({
      kind: "ejected",
      text: expect.stringContaining("5 consecutive 5xx"),
    });
    isBroken = false;
    const before = servers[0]!.requests.length;
    await vi.waitFor(
      async () => {
        await call();
        expect(events("endpoint.returned")).toHaveLength(1);
      },
      { interval: 5, timeout: 5_000 },
    );
    expect(servers[0]!.requests.length - before).toBe(2);
    expect(events("attempt.completed").filter(({ pick }) => pick === "PR")).toHaveLength(2);
    expect(mesh.inspect().services[0]!.balancing).toMatchObject({
      balancer: "round-robin",
      ejected: 0,
    });
  });

  it("keeps no probe waiting for a call whose body could not be made", async () => {
    const broken = new Set([0]);
    const test = await over(
      2,
      {
        balancer: "round-robin",
        outlierDetection: { baseEjectionMs: 50, halfOpen: { intervalMs: 0, successes: 1 } },
      },
      (index) => (request, response) => {
        if (broken.has(index)) response.statusCode = 500;
        answerOk(request, response);
      },
    );
    await vi.waitFor(
      async () => {
        await test.mesh.service("orders").GET("/x");
        expect(test.events("endpoint.ejected")).toHaveLength(1);
      },
      { interval: 1, timeout: 5_000 },
    );
    broken.clear();
    await new Promise((resolve) => setTimeout(resolve, 80));
    const spoilt = test.mesh.fetch("http://orders/x", {
      method: "PUT",
      body: new ReadableStream({
        pull() {
          throw new Error("no body");
        },
      }),
      duplex: "half",
      mesh: { idempotencyKey: "k" },
    });
    expect(await rejection(spoilt)).toBeInstanceOf(Error);
    await vi.waitFor(
      async () => {
        await test.mesh.service("orders").GET("/x");
        expect(test.events("endpoint.returned")).toHaveLength(1);
      },
      { interval: 10, timeout: 2_000 },
    );
  });

  it("is called all the same where all of them are closed, and that is counted as panic", async () => {
    const { mesh, source, servers, events } = await over(2);
    source.set(
      "orders",
      servers.map(({ port }) => ({ host: "127.0.0.1", port, health: "unhealthy" })),
    );
    await mesh.service("orders").GET("/x");
    await mesh.service("orders").GET("/x");
    expect(mesh.inspect().services[0]!.balancing).toMatchObject({ panics: 2, panic: true });
    expect(events("call.completed").map(({ pick }) => pick)).toEqual(["PA", "PA"]);
  });

  it("is called all the same where all of them fail, ejected or not, and that is counted as panic from when it is known", async () => {
    const { events, mesh } = await over(2, { balancer: "round-robin", retry: false }, () => (_, response) => {
      response.statusCode = 500;
      response.end();
    });
    for (let i = 0; i < 20; i++) await mesh.service("orders").GET("/x");
    const picks = events("call.completed").map(({ pick }) => pick);
    // Two failures each show that an endpoint is not to be relied on; five eject one of the two.
    expect(picks).toEqual([
      ...Array.from({ length: 4 }, () => "LB"),
      ...Array.from({ length: 16 }, () => "PA"),
    ]);
    expect(events("endpoint.ejected")).toHaveLength(1);
    expect(mesh.inspect().services[0]!.balancing).toMatchObject({ panics: 16, panic: false });
  });

  it("is no panic while another one is well, nor where all of a route's endpoints fail and not the service's", async () => {
    const { events, mesh, servers, source } = await over(
      3,
      {
        balancer: "round-robin",
        outlierDetection: false,
        retry: false,
        routes: [{ match: { path: "/beta" }, endpoints: { metadata: { stage: "canary" } } }],
      },
      (index) => (request, response) => {
        if (index === 2) response.statusCode = 500;
        answerOk(request, response);
      },
    );
    source.set(
      "orders",
      servers.map(({ port }, index) => ({
        host: "127.0.0.1",
        port,
        metadata: { stage: index === 2 ? "canary" : "stable" },
      })),
    );
    for (let i = 0; i < 12; i++) await mesh.service("orders").GET("/x");
    expect(mesh.inspect().services[0]!.balancing.panics).toBe(0);
    for (let i = 0; i < 3; i++) await mesh.service("orders").GET("/beta");
    expect(
      events("call.completed")
        .slice(12)
        .map(({ pick }) => pick),
    ).toEqual(["PA", "PA", "PA"]);
  });
});

describe("an explanation", () => {
  it("names the endpoints that the call has tried already", async () => {
    const { addresses, mesh } = await over(3, {}, (index) => (request, response) => {
      if (index === 0) request.destroy();
      else answerOk(request, response);
    });
    const heard: PickExplanation[] = [];
    await mesh.service("orders").GET("/x", {
      endpoint: addresses[0],
      explain: (explanation) => heard.push(explanation),
    });
    expect(heard.map(({ excluded }) => excluded)).toEqual([
      [],
      [{ endpoint: addresses[0], reasons: ["tried already"] }],
    ]);
    expect(heard[0]!.text).toBe(`attempt 1 of orders: picked ${addresses[0]} (asked for)`);
    expect(heard[1]!.text).toMatch(new RegExp(`cost .*; ${addresses[0]}: tried already$`));
  });

  it("says of an endpoint that is all there is, and was tried, that it was picked", async () => {
    const { mesh } = await over(1, { retry: { maxAttempts: 2 } }, () => (request) => request.destroy());
    const heard: PickExplanation[] = [];
    await rejection(mesh.service("orders").GET("/x", { explain: (one) => heard.push(one) }));
    expect(heard.map(({ excluded }) => excluded)).toEqual([[], []]);
  });

  it("says of a balancer that goes by turns that it compares no costs", async () => {
    const { addresses, mesh } = await over(1, { balancer: "round-robin" });
    let text = "";
    await mesh.service("orders").GET("/x", { explain: (explanation) => (text = explanation.text) });
    expect(text).toBe(
      `attempt 1 of orders: picked ${addresses[0]} (balanced by round-robin, which compares no costs)`,
    );
  });
});

describe("inspection", () => {
  it("shows how each route chooses that has a balancer or endpoints of its own", async () => {
    const { mesh } = await over(2, {
      balancer: "round-robin",
      routes: [
        { match: { path: "/plain" }, timeout: { totalMs: 500 } },
        { match: { path: "/beta" }, endpoints: { metadata: { stage: "canary" } } },
        { match: { path: "/orders" }, balancer: "random" },
      ],
    });
    await mesh.ready("orders");
    const { balancing, endpoints } = mesh.inspect().services[0]!;
    const all = [{ share: 1, endpoints: endpoints.map(({ endpoint }) => endpoint) }];
    expect(balancing).toMatchObject({ balancer: "round-robin", panic: false, groups: all });
    expect(balancing.routes).toEqual([
      { route: "/beta", balancer: "round-robin", panic: false, groups: [] },
      { route: "/orders", balancer: "random", panic: false, groups: all },
    ]);
    expect(JSON.parse(JSON.stringify(balancing))).toEqual(balancing);
  });
});

describe("a streamed answer", () => {
  it("counts for its endpoint with its head: as a probe, and as what is known of its speed", async () => {
    let isBroken = true;
    const { addresses, events, mesh } = await over(
      2,
      {
        balancer: "round-robin",
        // Not retried, but such as may be a probe.
        retry: { statuses: [] },
        outlierDetection: { baseEjectionMs: 50, halfOpen: { intervalMs: 0, successes: 1 } },
      },
      (index) => (_, response) => {
        response.writeHead(index === 0 && isBroken ? 500 : 200);
        response.write("the beginning");
        if (index === 0 && isBroken) response.end();
      },
    );
    const abort = new AbortController();
    const call = (): Promise<Response> => mesh.fetch("http://orders/stream", { signal: abort.signal });
    await vi.waitFor(
      async () => {
        const response = await call();
        if (response.status === 500) await response.text();
        expect(events("endpoint.ejected")).toHaveLength(1);
      },
      { interval: 1, timeout: 4_000 },
    );
    isBroken = false;
    await vi.waitFor(
      async () => {
        await call();
        expect(events("endpoint.returned")).toHaveLength(1);
      },
      { interval: 5, timeout: 4_000 },
    );
    const view = mesh.inspect().services[0]!.endpoints.find(({ endpoint }) => endpoint === addresses[1]);
    expect(view).toMatchObject({ latencyMs: expect.any(Number) });
    expect(view?.pending).toBeGreaterThan(0);
    abort.abort();
  });
});
