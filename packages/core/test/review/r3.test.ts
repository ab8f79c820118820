import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { createServer } from "node:http";
import { createServer as net } from "node:net";
import { request as undiciRequest } from "undici";
import { describe, expect, it, onTestFinished } from "vitest";
import { answerOk, refusedAddress } from "../support/http.ts";
import { closing, meshOf, rejection, server } from "../support/mesh.ts";
import { createMesh } from "../../src/mesh.ts";
import { memorySource } from "../../src/discovery/memory-source.ts";

const race = (p: Promise<unknown>, ms: number) => Promise.race([p.then((v) => ({ v }), (e) => ({ e })), delay(ms, "HUNG")]);
const big = () => (async function* () { for (let i = 0; i < 2000; i++) yield Buffer.alloc(65536); })();

describe("R3", () => {
  it("B sticky body failure over retries", async () => {
    const s = await server((q) => { q.once("data", () => { q.pause(); setTimeout(() => q.socket.resetAndDestroy(), 30); }); });
    const { mesh, events } = meshOf([s.address]);
    const out: any = await race(mesh.service("orders").PUT("/x", { body: big }), 6000);
    console.log("always rst", out.e?.code, out.e?.message, s.requests.length, events("attempt.completed").map((e) => [e.outcome, e.reason, e.phase]));
    expect(out.e?.code).toBe("ERR_PROXYLESS_RESET");
  });
  it("B sticky body failure: first reset mid upload, second 200 late timeout", async () => {
    let n = 0;
    const s = await server((q) => { n++; if (n === 1) q.once("data", () => { q.pause(); setTimeout(() => q.socket.resetAndDestroy(), 30); }); else q.resume(); });
    const { mesh, events } = meshOf([s.address], { timeout: { attemptMs: 700 }, retry: { maxAttempts: 2 } });
    const body = () => (async function* () { for (let i = 0; i < 100; i++) yield Buffer.alloc(65536); })();
    const out: any = await race(mesh.service("orders").PUT("/x", { body }), 6000);
    console.log("rst then timeout", out.e?.code, out.e?.message, s.requests.length, events("attempt.completed").map((e) => [e.outcome, e.reason, e.phase]));
  });

  it("R options after first use are ignored", async () => {
    const s = await server(() => {});
    const source = memorySource({ orders: [s.address] });
    const mesh = closing(createMesh({ discovery: source, drainMs: 100 }));
    await mesh.ready("orders");
    const client = mesh.service("orders", { timeout: { totalMs: 200, attemptMs: 200 } });
    const out: any = await race(client.GET("/x"), 1500);
    console.log("options after ready:", out === "HUNG" ? out : out.e?.message);
    expect(out).not.toBe("HUNG");
  });
  it("R2 service() without options, then with", async () => {
    const s = await server(() => {});
    const source = memorySource({ orders: [s.address] });
    const mesh = closing(createMesh({ discovery: source, drainMs: 100 }));
    mesh.service("orders");
    const client = mesh.service("orders", { timeout: { totalMs: 200, attemptMs: 200 } });
    const out: any = await race(client.GET("/x"), 1500);
    console.log("second options:", out === "HUNG" ? out : out.e?.message);
    expect(out).not.toBe("HUNG");
  });

  it("F explain throws on a settled mesh: books", async () => {
    const s = await server(answerOk);
    const { mesh } = meshOf([s.address]);
    await mesh.service("orders").GET("/x");
    const out: any = await race(mesh.service("orders").GET("/x", { explain: () => { throw new Error("boom"); } }), 500);
    console.log("explain:", out.e?.message, "calls in flight:", mesh.inspect().services[0]?.calls, "completed?");
    const t = performance.now();
    await mesh.close();
    console.log("close took", performance.now() - t);
    expect(mesh.inspect().services[0]?.calls).toBe(0);
  });

  it("MM signal without a reason (polyfill)", async () => {
    const s = await server(() => {});
    const { mesh, events } = meshOf([s.address]);
    await mesh.ready("orders");
    const signal: any = new EventTarget(); signal.aborted = false;
    const p = mesh.fetch("http://orders/x", { signal });
    await delay(50);
    signal.aborted = true; signal.dispatchEvent(new Event("abort"));
    const out = await race(p, 800);
    console.log("polyfilled signal:", out, events("call.completed"));
    expect(out).not.toBe("HUNG");
  });

  it("secret: dispatcher path in error", async () => {
    const { mesh } = meshOf(["127.0.0.1:1"]);
    const e: any = await rejection(undiciRequest("http://orders", { path: "/x?token=SECRET y", dispatcher: mesh.dispatcher } as any));
    const e2: any = await rejection(Promise.resolve().then(() => new Promise((_, rej) => mesh.dispatcher.dispatch({ origin: "ftp://user:PASSWORD@orders", path: "/", method: "GET" }, { onRequestStart() {}, onResponseError(_c: any, er: any) { rej(er); } } as any))));
    console.log("secret:", e.message, "|", e2.message);
    expect(e.message).not.toContain("SECRET");
    expect(e2.message).not.toContain("PASSWORD");
  });

  it("secret: HTTPParserError.data in cause", async () => {
    const srv = net((c) => { c.once("data", () => c.write("HTTP/1.1 200 OK\r\nset-cookie\x00: session=TOPSECRET\r\n\r\n")); c.on("error", () => {}); });
    srv.listen(0, "127.0.0.1"); await once(srv, "listening"); onTestFinished(() => { srv.close(); });
    const { mesh } = meshOf([`127.0.0.1:${(srv.address() as any).port}`], { retry: false });
    const e: any = await rejection(mesh.service("orders").GET("/x"));
    console.log(e.code, e.message, "cause:", e.cause?.code, JSON.stringify(e.cause?.data));
    expect(JSON.stringify(e.cause?.data ?? "")).not.toContain("TOPSECRET");
  });
});
