import type { RequestListener } from "node:http";

import { describe, expect, it } from "vitest";

import { answerOk, refusedAddress } from "../support/http.ts";
import { meshOf, rejection, server } from "../support/mesh.ts";

const statusThenOk = (status: number, headers: Record<string, string> = {}) => {
  let first = true;
  return server((_, response) => {
    if (first) response.writeHead(status, headers).end("{}");
    else answerOk(_, response);
    first = false;
  });
};

describe("a call whose endpoint refuses connections", () => {
  it("goes to another endpoint at once, whatever the method, and costs the budget nothing", async () => {
    const good = await server(answerOk);
    const { mesh, events } = meshOf([await refusedAddress(), good.address], { balancer: "round-robin" });
    const client = mesh.service("orders");
    for (let i = 0; i < 4; i++) {
      const { data } = await client.POST("/orders", { body: { i } });
      expect(data).toEqual({ ok: true });
    }
    expect(good.requests).toHaveLength(4);
    expect(events("call.retried").length).toBeGreaterThanOrEqual(2);
    expect(events("call.retried").every(({ delayMs }) => delayMs === 0)).toBe(true);
  });

  it("fails with the address, the phase and every attempt when all endpoints refuse", async () => {
    const { mesh } = meshOf([await refusedAddress(), await refusedAddress()]);
    const error = await rejection(mesh.service("orders").GET("/x"));
    expect(error).toMatchObject({
      code: "ERR_PROXYLESS_CONNECT",
      flag: "UF",
      phase: "connect",
      service: "orders",
      retryable: true,
    });
    expect(error).toMatchObject({ attempts: [{ number: 1 }, { number: 2 }, { number: 3 }] });
  });

  it("sends a one-shot stream to the next endpoint, because none of it was read", async () => {
    const good = await server((request, response) => {
      request.pipe(response);
    });
    const { mesh } = meshOf([await refusedAddress(), good.address], { balancer: "round-robin" });
    for (let i = 0; i < 2; i++) {
      const body = async function* body() {
        yield Buffer.from("one ");
        yield Buffer.from("two");
      };
      const { data } = await mesh.service("orders").POST("/echo", { body: body(), parseAs: "text" });
      expect(data).toBe("one two");
    }
  });
});

describe("a request that reached an endpoint which died before answering", () => {
  const dying = () =>
    server((request) => {
      request.resume().on("end", () => request.socket.destroy());
    });

  it("is not sent again when it is a POST without idempotency key", async () => {
    const servers = [await dying(), await dying()];
    const { mesh } = meshOf(servers.map(({ address }) => address));
    const error = await rejection(mesh.service("orders").POST("/orders", { body: { a: 1 } }));
    expect(error).toMatchObject({ code: "ERR_PROXYLESS_RESET", flag: "UC", phase: "sent" });
    expect(servers.reduce((sum, { requests }) => sum + requests.length, 0)).toBe(1);
  });

  it("is sent to another endpoint when it is a GET", async () => {
    const [bad, good] = [await dying(), await server(answerOk)];
    const { mesh } = meshOf([bad.address, good.address], { balancer: "round-robin" });
    for (let i = 0; i < 2; i++) expect((await mesh.service("orders").GET("/x")).data).toEqual({ ok: true });
    expect(bad.requests.length).toBeGreaterThan(0);
    expect(good.requests).toHaveLength(2);
  });

  it("is sent again when it is a POST with an idempotency key, with the same key and the attempt's number", async () => {
    const [bad, good] = [await dying(), await server(answerOk)];
    const { mesh } = meshOf([bad.address, good.address], { balancer: "round-robin" });
    const client = mesh.service("orders");
    await client.POST("/orders", { body: {}, idempotencyKey: "key-0" });
    await client.POST("/orders", { body: {}, headers: { "Idempotency-Key": "key-1" } });
    expect(good.requests.map(({ headers }) => headers["idempotency-key"])).toEqual(["key-0", "key-1"]);
    const again = good.requests.filter(({ headers }) => headers["x-envoy-attempt-count"] === "2");
    expect(again).toHaveLength(bad.requests.length);
    expect(bad.requests.length).toBeGreaterThan(0);
  });
});

describe("an attempt that timed out while it waited for a connection", () => {
  /** Answers each request when told to. */
  const gated = async () => {
    const waiting: (() => void)[] = [];
    const sockets = new Set<unknown>();
    const upstream = await server((request, response) => {
      sockets.add(request.socket);
      request.resume();
      waiting.push(() => response.end("{}"));
    });
    const open = (): void => {
      for (const answer of waiting.splice(0)) answer();
    };
    return { ...upstream, address: upstream.address, open, sockets };
  };

  it("does not take the connection with it when its turn comes", async () => {
    const upstream = await gated();
    const { mesh } = meshOf([upstream.address], {
      transport: { connections: 1 },
      retry: false,
      circuit: false,
    });
    const client = mesh.service("orders");
    const first = client.GET("/first");
    const late = Array.from({ length: 10 }, () => rejection(client.GET("/late", { timeoutMs: 40 })));
    for (const error of await Promise.all(late))
      expect(error).toMatchObject({ code: "ERR_PROXYLESS_TIMEOUT" });
    upstream.open();
    await first;
    const last = client.GET("/last");
    await expect.poll(() => upstream.requests.length).toBe(2);
    upstream.open();
    await last;
    expect(upstream.sockets.size).toBe(1);
  });

  it("blames neither the endpoint nor the service", async () => {
    const upstream = await gated();
    const { mesh, events } = meshOf([upstream.address], {
      transport: { connections: 1 },
      circuit: { minCalls: 5 },
      retry: false,
      routes: [{ match: { path: "/late" }, timeout: { attemptMs: 40 } }],
    });
    const client = mesh.service("orders");
    const first = client.GET("/first");
    const late = Array.from({ length: 20 }, () => rejection(client.POST("/late", { body: {} })));
    await Promise.all(late);
    upstream.open();
    await first;
    const outcomes = events("attempt.completed").map(({ outcome }) => outcome);
    expect(outcomes.filter((outcome) => outcome === "ignored")).toHaveLength(20);
    expect(events("circuit.opened")).toEqual([]);
  });
});

describe("what a call asks of its caller", () => {
  it("does not hang or leak when it throws: body factories fail the call, explanations do not", async () => {
    const upstream = await server(answerOk);
    const { mesh } = meshOf([upstream.address], {}, { drainMs: 10_000 });
    const client = mesh.service("orders");
    const factory = (): AsyncIterable<Uint8Array> => {
      throw new Error("no body today");
    };
    expect(String(await rejection(client.POST("/x", { body: factory })))).toContain("no body today");
    const rethrown = new Promise((resolve) => process.once("uncaughtException", resolve));
    const listeners = process.listeners("uncaughtException").slice(0, -1);
    for (const listener of listeners) process.off("uncaughtException", listener);
    const { data } = await client.GET("/x", {
      explain: () => {
        throw new Error("listener broke");
      },
    });
    expect(data).toEqual({ ok: true });
    expect(String(await rethrown)).toContain("listener broke");
    for (const listener of listeners) process.on("uncaughtException", listener);
    expect(mesh.inspect().services[0]).toMatchObject({ calls: 0, endpoints: [{ pending: 0 }] });
  });
});

describe("a body stream of the caller that fails", () => {
  it("ends the call with the caller's own error and blames no endpoint", async () => {
    const upstream = await server((request, response) => {
      request.resume();
      response.on("error", () => {});
    });
    const { mesh, events } = meshOf([upstream.address]);
    const body = async function* broken() {
      yield Buffer.from("half");
      throw new Error("disk gone");
    };
    const error = await rejection(mesh.service("orders").PUT("/x", { body: body() }));
    expect(error).toMatchObject({ code: "ERR_PROXYLESS_REQUEST", cause: { message: "disk gone" } });
    expect(events("attempt.completed")).toMatchObject([{ outcome: "ignored" }]);
    expect(upstream.requests.length).toBeLessThanOrEqual(1);
  });
});

describe("an answer that breaks off", () => {
  const cutOff = () =>
    server((request, response) => {
      response.writeHead(200, { "content-length": "1000" });
      response.write('{"half":');
      setImmediate(() => request.socket.destroy());
    });

  it("is asked for again while no byte of it reached the caller", async () => {
    const [bad, good] = [await cutOff(), await server(answerOk)];
    const { mesh } = meshOf([bad.address, good.address], { balancer: "round-robin" });
    for (let i = 0; i < 2; i++) expect((await mesh.service("orders").GET("/x")).data).toEqual({ ok: true });
    expect(bad.requests.length).toBeGreaterThan(0);
  });

  it("is an error once the caller has its head", async () => {
    const bad = await cutOff();
    const { mesh } = meshOf([bad.address]);
    const { data } = await mesh.service("orders").GET("/x", { parseAs: "stream" });
    const error = await rejection(new Response(data).text());
    expect(error).toMatchObject({ code: "ERR_PROXYLESS_RESET", phase: "body" });
    expect(bad.requests).toHaveLength(1);
  });
});

describe("a retryable status", () => {
  it("is retried for a GET and hidden from the caller, whole or streamed", async () => {
    for (const parseAs of ["json", "stream"] as const) {
      const { mesh, events } = meshOf([(await statusThenOk(503)).address]);
      const { response } = await mesh.service("orders").GET("/x", { parseAs });
      expect(response.status).toBe(200);
      expect(events("call.retried")).toMatchObject([{ reason: "status 503", number: 1 }]);
    }
  });

  it("may be one that is no failure of the endpoint, as 408 is", async () => {
    const { mesh, events } = meshOf([(await statusThenOk(408)).address]);
    expect((await mesh.service("orders").GET("/x")).response.status).toBe(200);
    expect(events("call.retried")).toMatchObject([{ reason: "status 408", number: 1 }]);
  });

  it("is the caller's to see for a POST", async () => {
    const flaky = await statusThenOk(503);
    const { mesh } = meshOf([flaky.address]);
    const { response } = await mesh.service("orders").POST("/x", { body: {} });
    expect(response.status).toBe(503);
    expect(flaky.requests).toHaveLength(1);
  });

  it("is delivered as the answer when the attempts are used up", async () => {
    const down = await server((_, response) => response.writeHead(503).end('{"error":"down"}'));
    const { mesh } = meshOf([down.address]);
    const { error, response } = await mesh.service("orders").GET("/x");
    expect(response.status).toBe(503);
    expect(error).toEqual({ error: "down" });
    expect(down.requests).toHaveLength(3);
  });

  it("waits at least as long as Retry-After says", async () => {
    const { mesh, events } = meshOf([(await statusThenOk(429, { "retry-after-ms": "120" })).address]);
    const before = performance.now();
    expect((await mesh.service("orders").GET("/x")).response.status).toBe(200);
    expect(performance.now() - before).toBeGreaterThanOrEqual(119);
    expect(events("call.retried")[0]?.delayMs).toBeGreaterThanOrEqual(120);
  });

  it("is not waited for when Retry-After is beyond the deadline", async () => {
    const busy = await server((_, response) => response.writeHead(503, { "retry-after": "3600" }).end("{}"));
    const { mesh } = meshOf([busy.address]);
    expect((await mesh.service("orders").GET("/x")).response.status).toBe(503);
    expect(busy.requests).toHaveLength(1);
  });

  it("is not retried where retries are off, by policy or for one call", async () => {
    const off = await server((_, response) => response.writeHead(503).end("{}"));
    const byPolicy = meshOf([off.address], { retry: false });
    await byPolicy.mesh.service("orders").GET("/x");
    const byCall = meshOf([off.address]);
    await byCall.mesh.service("orders").GET("/x", { retry: false });
    await byPolicy.mesh.service("orders").GET("/x", { retry: { idempotent: true } });
    expect(off.requests).toHaveLength(3);
  });
});

describe("the retry budget", () => {
  it("ends with the successes that pay for it: a dead service gets its load, and two retries", async () => {
    const down = await server((_, response) => response.writeHead(503).end("{}"));
    const { mesh, events } = meshOf([down.address], {
      circuit: false,
      retry: { baseDelayMs: 0 },
    });
    const client = mesh.service("orders");
    for (let i = 0; i < 200; i++) await client.GET("/x");
    expect(down.requests).toHaveLength(202);
    expect(events("budget.exhausted").length).toBeGreaterThan(0);
  });
});

describe("where a retry goes", () => {
  const down: RequestListener = (_, response) => response.writeHead(503).end();

  async function tiers(exclude: "hosts" | "priorities" | "none"): Promise<readonly number[]> {
    const near = await Promise.all([server(down), server(down), server(down)]);
    const far = await server(answerOk);
    const { mesh, source } = meshOf([], {
      balancer: "round-robin",
      outlierDetection: false,
      retry: { maxAttempts: 2, baseDelayMs: 0, exclude },
    });
    const at = (port: number, priority: number): { host: string; port: number; priority: number } => ({
      host: "127.0.0.1",
      port,
      priority,
    });
    source.set("orders", [...near.map(({ port }) => at(port, 0)), at(far.port, 1)]);
    await mesh.service("orders").GET("/x");
    return [...near, far].map(({ requests }) => requests.length);
  }

  it("is another host, or another priority, as it is told", async () => {
    expect((await tiers("hosts")).toSorted((a, b) => a - b)).toEqual([0, 0, 1, 1]);
    expect((await tiers("hosts"))[3]).toBe(0);
    expect((await tiers("priorities"))[3]).toBe(1);
  });

  it("may be the same host again", async () => {
    const only = await server(down);
    const other = await server(down);
    const { mesh } = meshOf([only.address, other.address], {
      balancer: {
        name: "first",
        build: (endpoints) => ({
          pick: ({ tried }) => endpoints.find((one) => tried?.includes(one) !== true),
        }),
      },
      outlierDetection: false,
      retry: { maxAttempts: 2, baseDelayMs: 0, exclude: "none" },
    });
    await mesh.service("orders").GET("/x");
    expect([only.requests.length, other.requests.length].toSorted((a, b) => a - b)).toEqual([0, 2]);
  });
});
