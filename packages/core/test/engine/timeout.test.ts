import { describe, expect, it } from "vitest";

import { startBlackHole } from "../support/black-hole.ts";
import { answerOk } from "../support/http.ts";
import { closing, meshOf, rejection, server } from "../support/mesh.ts";

const silent = () => server((request) => void request.resume());

const took = async (promise: Promise<unknown>) => {
  const before = performance.now();
  const error = await rejection(promise);
  return { error, ms: performance.now() - before };
};

describe("timeouts", () => {
  it("end an attempt at 50 ms, not at the next full second", async () => {
    const { mesh } = meshOf([(await silent()).address], { timeout: { attemptMs: 50 }, retry: false });
    const { error, ms } = await took(mesh.service("orders").GET("/x"));
    expect(error).toMatchObject({
      code: "ERR_PROXYLESS_TIMEOUT",
      timeout: "attempt",
      flag: "UT",
      phase: "sent",
    });
    expect(ms).toBeGreaterThanOrEqual(49);
    expect(ms).toBeLessThan(500);
  });

  it("let a slow attempt be repeated elsewhere within the call's total", async () => {
    const [slow, good] = [await silent(), await server(answerOk)];
    const { mesh } = meshOf([slow.address, good.address], {
      timeout: { attemptMs: 50 },
      balancer: "round-robin",
    });
    for (let i = 0; i < 2; i++) expect((await mesh.service("orders").GET("/x")).data).toEqual({ ok: true });
  });

  it("bound the whole call, attempts and back-offs together", async () => {
    const { mesh } = meshOf([(await silent()).address], { timeout: { attemptMs: 60, totalMs: 100 } });
    const { error, ms } = await took(mesh.service("orders").GET("/x"));
    expect(error).toMatchObject({ code: "ERR_PROXYLESS_TIMEOUT" });
    expect(ms).toBeLessThan(500);
    const perCall = await took(mesh.service("orders").GET("/x", { timeoutMs: 40 }));
    expect(perCall.error).toMatchObject({ code: "ERR_PROXYLESS_TIMEOUT", timeout: "total", flag: "DT" });
    expect(String(perCall.error)).toContain("within 40 ms (total timeout");
  });

  it("cover a body that stops arriving when the answer is taken whole", async () => {
    const stuck = await server((_, response) => {
      response.writeHead(200, { "content-length": "100" });
      response.write("x");
    });
    const { mesh } = meshOf([stuck.address], { timeout: { attemptMs: 80 }, retry: false });
    const { error } = await took(mesh.service("orders").GET("/x"));
    expect(error).toMatchObject({ code: "ERR_PROXYLESS_TIMEOUT", phase: "body" });
  });

  it("cover an error body that stops arriving, though the answer was to be streamed", async () => {
    const stuck = await server((_, response) => {
      response.writeHead(404, { "content-length": "100" });
      response.write("x");
    });
    const { mesh } = meshOf([stuck.address], { timeout: { attemptMs: 80 } });
    const { error } = await took(mesh.service("orders").GET("/x", { parseAs: "stream" }));
    expect(error).toMatchObject({ code: "ERR_PROXYLESS_TIMEOUT", phase: "body" });
  });

  it("do not cut a streamed body that takes longer than an attempt may", async () => {
    const drip = await server((_, response) => {
      response.write("a");
      setTimeout(() => response.end("b"), 150);
    });
    const { mesh } = meshOf([drip.address], { timeout: { attemptMs: 50 } });
    const { data } = await mesh.service("orders").GET("/x", { parseAs: "stream" });
    expect(await new Response(data).text()).toBe("ab");
  });

  it("end a connection attempt to an address that never answers", async () => {
    const hole = closing(await startBlackHole());
    const good = await server(answerOk);
    const alone = meshOf([hole.address], { timeout: { connectMs: 60, attemptMs: 5_000 }, retry: false });
    const { error, ms } = await took(alone.mesh.service("orders").POST("/x", { body: {} }));
    expect(error).toMatchObject({
      code: "ERR_PROXYLESS_TIMEOUT",
      timeout: "connect",
      flag: "UF",
      phase: "connect",
    });
    expect(ms).toBeGreaterThanOrEqual(59);
    expect(ms).toBeLessThan(600);
    const both = meshOf([hole.address, good.address], {
      timeout: { connectMs: 60 },
      balancer: "round-robin",
    });
    for (let i = 0; i < 2; i++) await both.mesh.service("orders").POST("/x", { body: {} });
    expect(good.requests).toHaveLength(2);
  });

  it("cover waiting for a free connection", async () => {
    const stuck = await silent();
    const { mesh } = meshOf([stuck.address], {
      transport: { connections: 1 },
      retry: false,
      timeout: { attemptMs: 80 },
      // Longer: what it leaves behind would be the other's for a moment.
      routes: [{ match: { path: "/1" }, timeout: { attemptMs: 300 } }],
    });
    const client = mesh.service("orders");
    const [first, second] = await Promise.all([took(client.GET("/1")), took(client.GET("/2"))]);
    expect(first.error).toMatchObject({ phase: "sent", timeout: "attempt" });
    expect(second.error).toMatchObject({ phase: "connect", timeout: "attempt" });
    expect(second.ms).toBeLessThan(500);
    expect(stuck.requests).toHaveLength(1);
  });
});
