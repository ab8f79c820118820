import { describe, expect, it, vi } from "vitest";

import { runWithContext } from "../../src/index.ts";
import type { ServiceOptions } from "../../src/index.ts";
import { answerOk } from "../support/http.ts";
import { meshOf, rejection, server } from "../support/mesh.ts";
import type { TestMesh } from "../support/mesh.ts";

/** A service that answers when it is told to. */
async function gated(
  options: ServiceOptions,
): Promise<TestMesh & { readonly answer: () => void; readonly paths: readonly string[] }> {
  const open: (() => void)[] = [];
  const paths: string[] = [];
  const upstream = await server((request, response) => {
    paths.push(request.url ?? "");
    open.push(() => {
      answerOk(request, response);
    });
  });
  return {
    ...meshOf([upstream.address], options),
    answer: () => open.shift()?.(),
    paths,
  };
}

const shed = (why: string, flag = "UO"): object => ({
  code: "ERR_PROXYLESS_SHED",
  shed: why,
  flag,
  phase: "connect",
  attempts: [],
});

describe("a bulkhead", () => {
  it("lets so many calls through, has so many wait, and refuses the rest without a retry", async () => {
    const { answer, events, mesh, paths } = await gated({ bulkhead: { maxConcurrent: 1, maxQueue: 1 } });
    const first = mesh.fetch("http://orders/first");
    const second = mesh.fetch("http://orders/second");
    expect(await rejection(mesh.fetch("http://orders/third"))).toMatchObject(shed("queue_full"));
    await vi.waitFor(() => {
      expect(paths).toEqual(["/first"]);
    });
    answer();
    await (await first).text();
    await vi.waitFor(() => {
      expect(paths).toEqual(["/first", "/second"]);
    });
    answer();
    expect((await second).status).toBe(200);
    expect(events("call.retried")).toEqual([]);
    expect(events("call.completed")[0]).toMatchObject({
      error: "ERR_PROXYLESS_SHED",
      attempts: 0,
      outcome: "ignored",
    });
  });

  it("is left by a caller who goes away, in the line and in flight", async () => {
    const { answer, mesh, paths } = await gated({ bulkhead: { maxConcurrent: 1, maxQueue: 2 } });
    const callers = [new AbortController(), new AbortController()];
    const calls = callers.map(({ signal }, i) => rejection(mesh.fetch(`http://orders/${i}`, { signal })));
    const last = mesh.fetch("http://orders/last");
    await vi.waitFor(() => {
      expect(paths).toEqual(["/0"]);
    });
    callers[1]!.abort(new Error("no longer"));
    callers[0]!.abort(new Error("gone"));
    expect(await Promise.all(calls)).toMatchObject([{ message: "gone" }, { message: "no longer" }]);
    await vi.waitFor(() => {
      expect(paths).toEqual(["/0", "/last"]);
    });
    answer();
    answer();
    expect((await last).status).toBe(200);
    expect(mesh.inspect().services[0]!.limits).toMatchObject([{ bulkhead: { inFlight: 0, queued: 0 } }]);
  });

  it("lets those go first that matter more, by the call's word or by that of the work it is made in", async () => {
    const { answer, mesh, paths } = await gated({ bulkhead: { maxConcurrent: 1, maxQueue: 2 } });
    const first = mesh.fetch("http://orders/first");
    const batch = rejection(
      runWithContext({ criticality: "sheddable" }, () => mesh.fetch("http://orders/batch")),
    );
    const usual = mesh.fetch("http://orders/usual");
    const urgent = mesh.fetch("http://orders/urgent", { mesh: { criticality: "critical_plus" } });
    expect(await batch).toMatchObject(shed("queue_full"));
    const answering = setInterval(answer, 5);
    for (const call of [first, urgent, usual]) expect((await call).status).toBe(200);
    clearInterval(answering);
    expect(paths).toEqual(["/first", "/urgent", "/usual"]);
  });

  it("has nobody wait longer than it says, nor longer than the call has", async () => {
    const bulkhead = { maxConcurrent: 1, maxQueue: 1, queueTimeoutMs: 60 };
    const { mesh } = await gated({ bulkhead, timeout: { totalMs: 500 } });
    const first = rejection(mesh.fetch("http://orders/a"));
    expect(await rejection(mesh.fetch("http://orders/b"))).toMatchObject(shed("queue_timeout"));
    const hasty = mesh.fetch("http://orders/b", { mesh: { timeoutMs: 20 } });
    expect(await rejection(hasty)).toMatchObject(shed("queue_timeout"));
    expect(await first).toMatchObject({ timeout: "total" });
  });
});

describe("a rate limit", () => {
  it("refuses what comes too often, for each key by itself, and says when to come again", async () => {
    const upstream = await server(answerOk);
    const { mesh } = meshOf([upstream.address], {
      rateLimit: { tokensPerSecond: 0.5, burst: 2, perKey: true },
    });
    const orders = mesh.service("orders");
    for (let i = 0; i < 2; i++) await orders.GET("/x", { rateLimitKey: "one" });
    const refused = await rejection(orders.GET("/x", { rateLimitKey: "one" }));
    expect(refused).toMatchObject(shed("rate_limit", "RL"));
    expect(refused).toHaveProperty("retryAfterMs", expect.closeTo(1_500, -3));
    expect((await orders.GET("/x", { rateLimitKey: "two" })).response.status).toBe(200);
  });

  it("of a route is apart from the rest of the service", async () => {
    const upstream = await server(answerOk);
    const { mesh } = meshOf([upstream.address], {
      rateLimit: { tokensPerSecond: 0.1, burst: 1 },
      routes: [
        { match: { path: "/own" }, rateLimit: { tokensPerSecond: 0.1, burst: 2 } },
        { match: { path: "/free" }, rateLimit: false },
      ],
    });
    const call = async (path: string): Promise<string> =>
      mesh.fetch(`http://orders${path}`).then(
        () => "sent",
        () => "refused",
      );
    const sent: string[] = [];
    for (const path of ["/a", "/a", "/own", "/own", "/own", "/free", "/free"]) sent.push(await call(path));
    expect(sent).toEqual(["sent", "refused", "sent", "sent", "refused", "sent", "sent"]);
  });
});

describe("adaptive throttling", () => {
  it("stops sending to a service that refuses nearly everything", async () => {
    const busy = await server((_, response) => response.writeHead(503).end());
    const { events, mesh } = meshOf([busy.address], {
      retry: false,
      circuit: false,
      adaptiveThrottling: {},
    });
    const orders = mesh.service("orders");
    const errors: unknown[] = [];
    for (let i = 0; i < 200; i++) await orders.GET("/x").catch((error: unknown) => errors.push(error));
    const refused = errors.length;
    const expected = { code: "ERR_PROXYLESS_SHED", shed: "throttled" };
    expect(errors).toMatchObject(Array.from({ length: refused }, () => expected));
    expect(events("call.shed")).toHaveLength(refused);
    expect(refused).toBeGreaterThan(100);
    expect(busy.requests).toHaveLength(200 - refused);
  });
});

describe("adaptive concurrency", () => {
  it("refuses nothing that a healthy service can take", async () => {
    const upstream = await server(answerOk);
    const { mesh } = meshOf([upstream.address], { adaptiveConcurrency: {} });
    const orders = mesh.service("orders");
    for (let i = 0; i < 50; i++) await Promise.all([1, 2, 3].map(() => orders.GET("/x")));
    expect(mesh.inspect().services[0]!.limits).toMatchObject([{ adaptiveConcurrency: { inFlight: 0 } }]);
  });
});
