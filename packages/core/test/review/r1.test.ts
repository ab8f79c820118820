import { createServer as net } from "node:net";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { request as undiciRequest } from "undici";
import { describe, expect, it, onTestFinished } from "vitest";
import { answerOk, refusedAddress } from "../support/http.ts";
import { closing, meshOf, rejection, server } from "../support/mesh.ts";
import { createMesh } from "../../src/mesh.ts";
import { memorySource } from "../../src/discovery/memory-source.ts";
import { fakeSource } from "../../src/testing/index.ts";

const race = (p: Promise<unknown>, ms: number) => Promise.race([p.then((v) => ({ v }), (e) => ({ e })), delay(ms, "HUNG")]);

describe("R1", () => {
  it("A 408 is retried for GET", async () => {
    let n = 0;
    const s = await server((q, r) => { if (n++ === 0) r.writeHead(408).end("{}"); else answerOk(q, r); });
    const { mesh } = meshOf([s.address]);
    const out = await race(mesh.service("orders").GET("/x"), 2000);
    console.log("408:", out, n);
    expect(out).toMatchObject({ v: { data: { ok: true } } });
  });

  it("B network reset in mid upload is not the caller's fault; PUT with factory is retried", async () => {
    let n = 0;
    const s = await server((q, r) => {
      n++;
      if (n === 1) { q.once("data", () => q.socket.resetAndDestroy()); return; }
      q.resume().on("end", () => answerOk(q, r));
    });
    const { mesh, events } = meshOf([s.address]);
    const body = () => (async function* () { for (let i = 0; i < 20; i++) { yield Buffer.alloc(65536); await delay(5); } })();
    const out = await race(mesh.service("orders").PUT("/x", { body }), 4000);
    console.log("upload reset:", out, n, events("attempt.completed"));
    expect(out).toMatchObject({ v: { data: { ok: true } } });
  });

  it("B2 POST one-shot reset mid upload: code", async () => {
    const s = await server((q) => { q.once("data", () => q.socket.resetAndDestroy()); });
    const { mesh, events } = meshOf([s.address]);
    const body = (async function* () { for (let i = 0; i < 20; i++) { yield Buffer.alloc(65536); await delay(5); } })();
    const out: any = await race(mesh.service("orders").POST("/x", { body }), 4000);
    console.log("POST upload reset:", out.e?.code, out.e?.message, events("attempt.completed"));
    expect(out.e?.code).toBe("ERR_PROXYLESS_RESET");
  });

  it("B3 POST one-shot FIN mid upload: code", async () => {
    const s = await server((q) => { q.once("data", () => q.socket.destroy()); });
    const { mesh, events } = meshOf([s.address]);
    const body = (async function* () { for (let i = 0; i < 20; i++) { yield Buffer.alloc(65536); await delay(5); } })();
    const out: any = await race(mesh.service("orders").POST("/x", { body }), 4000);
    console.log("POST upload FIN:", out.e?.code, out.e?.message, events("attempt.completed"));
    expect(out.e?.code).toBe("ERR_PROXYLESS_RESET");
  });

  it("B4 attempt timeout in mid upload", async () => {
    const s = await server((q) => { q.once("data", () => {}); });
    const { mesh, events } = meshOf([s.address], { timeout: { attemptMs: 200 }, retry: false });
    const body = (async function* () { for (let i = 0; i < 200; i++) { yield Buffer.alloc(65536); await delay(5); } })();
    const out: any = await race(mesh.service("orders").POST("/x", { body }), 4000);
    console.log("POST upload timeout:", out.e?.code, out.e?.message, events("attempt.completed"));
    expect(out.e?.code).toBe("ERR_PROXYLESS_TIMEOUT");
  });

  it("C dead queued requests do not kill healthy connections", async () => {
    let sockets = 0;
    const s = await server((q, r) => { setTimeout(() => answerOk(q, r), q.url === "/slow" ? 400 : 1); });
    const { mesh } = meshOf([s.address], { transport: { connections: 1 }, retry: false });
    const client = mesh.service("orders");
    await client.GET("/warm");
    const seen = new Set<number>();
    const slow = client.GET("/slow");
    await delay(20);
    const dead = Array.from({ length: 20 }, () => rejection(client.GET("/q", { timeoutMs: 100 })));
    await Promise.all(dead);
    await slow;
    for (let i = 0; i < 3; i++) { await client.GET("/after"); }
    for (const q of s.requests) seen.add(q.socket.remotePort ?? -1);
    sockets = new Set(s.requests.map((q) => q.socket)).size;
    console.log("sockets used", sockets, "requests", s.requests.length);
    expect(sockets).toBe(1);
  });

  it("C2 connects counted under overload", async () => {
    let connects = 0;
    const { createServer } = await import("node:http");
    const srv = createServer((q, r) => setTimeout(() => r.end("{}"), q.url === "/slow" ? 400 : 1)).on("connection", () => connects++);
    srv.listen(0, "127.0.0.1"); await once(srv, "listening");
    onTestFinished(() => { srv.closeAllConnections(); srv.close(); });
    const { mesh } = meshOf([`127.0.0.1:${(srv.address() as any).port}`], { transport: { connections: 1 }, retry: false });
    const client = mesh.service("orders");
    await client.GET("/warm");
    const slow = client.GET("/slow");
    await delay(20);
    await Promise.all(Array.from({ length: 20 }, () => rejection(client.GET("/q", { timeoutMs: 100 }))));
    await slow;
    const last = performance.now();
    await client.GET("/after");
    console.log("connects", connects, "after took", performance.now() - last);
    expect(connects).toBe(1);
  });
});
