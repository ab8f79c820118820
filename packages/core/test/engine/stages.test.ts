import { describe, expect, it } from "vitest";

import { answerOk } from "../support/http.ts";
import { meshOf, rejection, server } from "../support/mesh.ts";

describe("time limits of the stages of a call", () => {
  it("say that no connection was free in time", async () => {
    const upstream = await server(() => {});
    const { mesh } = meshOf([upstream.address], {
      transport: { connections: 1 },
      timeout: { attemptMs: 600, queueMs: 60 },
      retry: false,
    });
    const orders = mesh.service("orders");
    const first = rejection(orders.GET("/first"));
    expect(await rejection(orders.GET("/second"))).toMatchObject({
      code: "ERR_PROXYLESS_TIMEOUT",
      timeout: "queue",
      phase: "connect",
      message: expect.stringContaining("within 60 ms (queue timeout, nothing was sent)"),
    });
    expect(await first).toMatchObject({ timeout: "attempt" });
  });

  it("say that no head of an answer came in time, also while the body may still take its own", async () => {
    let isSlowHead = true;
    const upstream = await server((_, response) => {
      if (isSlowHead) return;
      response.writeHead(200, { "content-type": "application/json" });
      response.write("{");
      setTimeout(() => response.end("}"), 150);
    });
    const { mesh } = meshOf([upstream.address], {
      timeout: { attemptMs: 2_000, headersMs: 80 },
      retry: false,
    });
    expect(await rejection(mesh.service("orders").GET("/x"))).toMatchObject({
      timeout: "headers",
      phase: "sent",
    });
    isSlowHead = false;
    expect((await mesh.service("orders").GET("/x")).data).toEqual({});
  });

  it("end a stream that falls silent, and leave one alone whose reader is slow", async () => {
    const upstream = await server((request, response) => {
      response.writeHead(200);
      response.write(Buffer.alloc(request.url === "/silent" ? 10 : 4_000_000));
      if (request.url !== "/silent") response.end("end");
    });
    const { mesh } = meshOf([upstream.address], { timeout: { bodyIdleMs: 100 } });
    const silent = await mesh.fetch("http://orders/silent");
    expect(await rejection(silent.arrayBuffer())).toMatchObject({ timeout: "body_idle", phase: "body" });
    const long = await mesh.fetch("http://orders/long");
    await new Promise((resolve) => setTimeout(resolve, 250));
    expect((await long.arrayBuffer()).byteLength).toBe(4_000_003);
  });

  it("end a stream that goes on for too long", async () => {
    const upstream = await server((_, response) => {
      response.writeHead(200);
      const timer = setInterval(() => response.write("tick"), 10);
      response.on("close", () => clearInterval(timer));
    });
    const { mesh } = meshOf([upstream.address], { timeout: { streamMs: 120 } });
    const endless = await mesh.fetch("http://orders/endless");
    expect(await rejection(endless.text())).toMatchObject({ timeout: "stream", phase: "body" });
  });

  it("do not begin what cannot be over in time, and look again after a while", async () => {
    const upstream = await server((request, response) => {
      setTimeout(() => {
        answerOk(request, response);
      }, 60);
    });
    const { mesh } = meshOf([upstream.address]);
    const orders = mesh.service("orders");
    for (let i = 0; i < 3; i++) await orders.GET("/x");
    expect(await rejection(orders.GET("/x", { timeoutMs: 30 }))).toMatchObject({
      timeout: "total",
      phase: "connect",
      message: expect.stringMatching(/was not called: \d+ ms are left, and .* takes \d+ ms/u),
    });
    expect(upstream.requests).toHaveLength(3);
    expect((await orders.GET("/x", { timeoutMs: 500 })).response.status).toBe(200);
  });
});
