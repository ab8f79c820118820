import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { request as undiciRequest } from "undici";
import { describe, expect, it, onTestFinished } from "vitest";
import { answerOk } from "../support/http.ts";
import { closing, meshOf, rejection, server } from "../support/mesh.ts";
import { createMesh } from "../../src/mesh.ts";
import { memorySource } from "../../src/discovery/memory-source.ts";
import { fakeSource } from "../../src/testing/fake-source.ts";
import { ManualClock } from "../../src/testing/manual-clock.ts";

const race = (p: Promise<unknown>, ms: number) => Promise.race([p.then((v) => ({ v }), (e) => ({ e })), delay(ms, "HUNG")]);
const ep = (port: number, over = {}) => ({ id: `a${port}`, host: "127.0.0.1", port, weight: 1, priority: 0, health: "healthy" as const, metadata: {}, ...over });

describe("R4", () => {
  it("explain throws while discovery was pending", async () => {
    const s = await server(answerOk);
    const source = fakeSource({ silent: true });
    const mesh = closing(createMesh({ discovery: source, drainMs: 100 }));
    let unhandled: unknown;
    const on = (e: unknown) => { unhandled = e; };
    const others = process.listeners("unhandledRejection"); process.removeAllListeners("unhandledRejection");
    process.on("unhandledRejection", on);
    onTestFinished(() => { process.off("unhandledRejection", on); for (const o of others) process.on("unhandledRejection", o as any); });
    const p = mesh.service("orders").GET("/x", { timeoutMs: 500, explain: () => { throw new Error("boom"); } });
    await delay(20);
    source.put("orders", [ep(s.port)]);
    const out = await race(p, 1500);
    console.log("explain pending:", out, "unhandled:", unhandled, "calls", mesh.inspect().services[0]?.calls);
    expect(out).not.toBe("HUNG");
  });

  it("mesh.ready of a slow source is ended by the sweep", async () => {
    const clock = new ManualClock();
    const mesh = closing(createMesh({ discovery: fakeSource({ silent: true }), clock }));
    const p = race(mesh.ready("orders"), 300);
    await clock.advance(6_000);
    const out: any = await p;
    console.log("ready:", out.e?.code ?? out, out.e?.message);
    expect(out).toBe("HUNG");
  });

  it("fetch of an undeclared name with external allow: no deadline", async () => {
    const clock = new ManualClock();
    const mesh = closing(createMesh({ discovery: fakeSource({ silent: true }), clock, external: "allow" }));
    const p = mesh.fetch("http://orders/x", { mesh: { timeoutMs: 250 } } as any);
    p.catch(() => {});
    await clock.advance(300);
    let out: any = await race(p, 100);
    console.log("after 300 ms of 250:", out);
    await clock.advance(9_000);
    out = await race(p, 100);
    console.log("after 9 s:", out.e?.code ?? out, out.e?.message);
    expect(out.e?.code).toBe("ERR_PROXYLESS_TIMEOUT");
  });

  it("back-off outlives close()", async () => {
    const s = await server((_, r) => r.writeHead(503, { "retry-after": "3" }).end());
    const { mesh } = meshOf([s.address], {}, { drainMs: 50 });
    const p = mesh.service("orders").GET("/x");
    p.catch(() => {});
    await delay(60);
    await mesh.close();
    const t = performance.now();
    const out: any = await race(p, 4000);
    console.log("call settled", Math.round(performance.now() - t), "ms after close", out.e?.code, out.e?.message, out.v);
    expect(performance.now() - t).toBeLessThan(200);
  });

  it("in-flight call at close gets which error", async () => {
    const s = await server(() => {});
    const { mesh } = meshOf([s.address], {}, { drainMs: 50 });
    const p = race(mesh.service("orders").GET("/x"), 3000); const p2 = race(mesh.service("orders").POST("/x"), 3000);
    await delay(30); await mesh.close();
    console.log("GET:", ((await p) as any).e?.message, "| POST:", ((await p2) as any).e?.message);
  });

  it("circuit with only long streams never closes", async () => {
    let bad = true;
    const s = await server((_, r) => { if (bad) r.writeHead(500).end(); else { r.writeHead(200); r.write("x"); const i = setInterval(() => r.write("x"), 20); r.on("close", () => clearInterval(i)); } });
    const { mesh } = meshOf([s.address], { timeout: { totalMs: 300, attemptMs: 300 }, retry: false, circuit: { minCalls: 2, openMs: 50 } });
    for (let i = 0; i < 3; i++) await mesh.fetch("http://orders/x").then((r) => r.text()).catch(() => {});
    bad = false;
    await delay(100);
    const one = await mesh.fetch("http://orders/x"); // probe: head 200 came
    console.log("probe", one.status, mesh.inspect().services[0]?.circuits[0]?.state);
    const refused: any = await race(mesh.fetch("http://orders/x"), 500);
    console.log("second while probe streams:", refused.e?.code ?? refused.v?.status);
    await delay(350);
    const again: any = await race(mesh.fetch("http://orders/x"), 500);
    console.log("after lease end:", again.e?.code ?? again.v?.status, mesh.inspect().services[0]?.circuits[0]?.state);
    expect(again.v?.status).toBe(200);
    await one.body?.cancel();
  });

  it("failed discovery: second call's error", async () => {
    const source = fakeSource({ silent: true });
    const mesh = closing(createMesh({ discovery: source, drainMs: 100 }));
    const a = race(mesh.service("orders").GET("/x", { timeoutMs: 400 }), 1000);
    await delay(10);
    source.fail("orders", { class: "auth", message: "ACL not found" } as any);
    const ra: any = await a;
    const rb: any = await race(mesh.service("orders").GET("/x", { timeoutMs: 400 }), 1000);
    console.log("1st:", ra.e?.code, ra.e?.message, "| 2nd:", rb.e?.code, rb.e?.message, mesh.inspect().services[0]?.discovery);
  });

  it("https refused for ever after first look", async () => {
    const s = await server(answerOk);
    const mesh = closing(createMesh({ discovery: memorySource({ orders: [s.address] }), drainMs: 100 }));
    const a: any = await race(mesh.fetch("https://orders/x"), 500);
    mesh.service("orders", { transport: { scheme: "https" }, timeout: { totalMs: 500 } });
    const b: any = await race(mesh.fetch("https://orders/x"), 1500);
    console.log("https:", a.e?.message, "| then:", b.e?.message);
    expect(b.e?.message).not.toContain("is called over http;");
  });

  it("decided map grows", async () => {
    const { mesh } = meshOf([], {});
    const before = process.memoryUsage().heapUsed;
    for (let i = 0; i < 20000; i++) { try { (mesh.dispatcher as any).dispatch({ origin: `http://n${i}`, path: "/", method: "GET" }, { onRequestStart() {}, onResponseError() {} }); } catch {} }
    console.log("upstreams", mesh.inspect().services.length, "watches", mesh.inspect().discovery.length, Math.round((process.memoryUsage().heapUsed - before) / 1e6), "MB");
  });

  it("attempt sent with nothing left after a back-off", async () => {
    // how often is an attempt launched with < 2ms left
    const s = await server((q, r) => { if (q.headers["x-envoy-attempt-count"] === undefined) r.writeHead(503).end(); });
    const { mesh, events } = meshOf([s.address], { timeout: { totalMs: 40, attemptMs: 40 }, retry: { baseDelayMs: 60, maxDelayMs: 60, maxAttempts: 2, budget: { minPerSecond: 1000 } }, circuit: false });
    for (let i = 0; i < 40; i++) await rejection(mesh.service("orders").GET("/x")).catch(() => {});
    const second = events("attempt.completed").filter((e) => e.number === 2).map((e) => e.durationMs);
    console.log("second attempts' lengths", second.map((d) => d.toFixed(1)).join(" "));
  });
});
