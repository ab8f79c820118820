import { once } from "node:events";
import { AsyncLocalStorage } from "node:async_hooks";
import { spawn } from "node:child_process";
import { setTimeout as delay } from "node:timers/promises";
import { createServer } from "node:http";
import { request as undiciRequest } from "undici";
import { describe, expect, it, onTestFinished } from "vitest";
import { startBlackHole } from "../support/black-hole.ts";
import { answerOk } from "../support/http.ts";
import { closing, meshOf, rejection, server } from "../support/mesh.ts";
import { createMesh } from "../../src/mesh.ts";
import { memorySource } from "../../src/discovery/memory-source.ts";
import { fakeSource } from "../../src/testing/fake-source.ts";
import { ManualClock } from "../../src/testing/manual-clock.ts";

const race = (p: Promise<unknown>, ms: number) => Promise.race([p.then((v) => ({ v }), (e) => ({ e })), delay(ms, "HUNG")]);

describe("R6", () => {
  it("process stays alive after close while a connection is being opened", async () => {
    const hole = closing(await startBlackHole());
    const program = `
      import { createMesh } from ${JSON.stringify(new URL("../../src/mesh.ts", import.meta.url).href)};
      import { memorySource } from ${JSON.stringify(new URL("../../src/discovery/memory-source.ts", import.meta.url).href)};
      const mesh = createMesh({ discovery: memorySource({ orders: [${JSON.stringify(hole.address)}] }), drainMs: 0, services: { orders: { timeout: { connectMs: 4000, attemptMs: 5000 } } } });
      mesh.service("orders").GET("/x", { signal: AbortSignal.timeout(100) }).catch((e) => console.log(e.name));
      await new Promise((r) => setTimeout(r, 200));
      await mesh.close();
      const t = performance.now();
      console.log(JSON.stringify(process.getActiveResourcesInfo()));
      process.on("exit", () => console.log("exit after", Math.round(performance.now() - t)));
    `;
    const child = spawn(process.execPath, ["--input-type=module", "-e", program], { stdio: ["ignore", "pipe", "inherit"] });
    let output = ""; child.stdout.on("data", (c) => (output += c));
    await once(child, "exit");
    console.log(output);
    expect(Number(/exit after (\d+)/.exec(output)?.[1])).toBeLessThan(500);
  }, 15000);

  it("source changed inside explain: released row is used", async () => {
    const [a, b] = [await server((q, r) => setTimeout(() => answerOk(q, r), 50)), await server((q, r) => setTimeout(() => answerOk(q, r), 300))];
    const { mesh, source } = meshOf([a.address], {}, { directory: { debounceMs: 0 } as any });
    await mesh.ready("orders");
    let done = false;
    const p = mesh.service("orders").GET("/x", { explain: () => { if (!done) { done = true; source.set("orders", [b.address]); } } });
    await delay(10);
    const p2 = mesh.service("orders").GET("/y");
    await delay(80);
    console.log(mesh.inspect().services[0]?.endpoints.map((e) => [e.endpoint, e.pending, e.gate]));
    await Promise.all([p, p2]);
    console.log(mesh.inspect().services[0]?.endpoints.map((e) => [e.endpoint, e.pending, e.gate]));
    expect(mesh.inspect().services[0]?.endpoints.every((e) => e.pending === 0)).toBe(true);
  });

  it("undici.request with a signal while the look-up is pending", async () => {
    const mesh = closing(createMesh({ discovery: fakeSource({ silent: true }), external: "allow", drainMs: 50 }));
    const out = await race(undiciRequest("http://orders/x", { dispatcher: mesh.dispatcher, signal: AbortSignal.timeout(50) } as any), 800);
    console.log("undici.request aborted during look-up:", out);
    expect(out).not.toBe("HUNG");
  });

  it("body factory runs in whose context", async () => {
    const als = new AsyncLocalStorage<string>();
    let n = 0;
    const s = await server((q, r) => { q.resume().on("end", () => (++n === 3 ? r.writeHead(503).end() : answerOk(q, r))); });
    const { mesh } = meshOf([s.address], { transport: { connections: 1 } });
    const client = mesh.service("orders");
    const seen: string[] = [];
    await als.run("A", () => client.PUT("/x", { body: () => (async function* () { yield Buffer.from("a"); })() }));
    await als.run("A2", () => client.PUT("/x", { body: () => (async function* () { yield Buffer.from("a"); })() }));
    await als.run("B", () => client.PUT("/x", { body: () => { seen.push(`factory:${als.getStore()}`); return (async function* () { seen.push(`gen:${als.getStore()}`); yield Buffer.from("a"); })(); }, explain: () => seen.push(`explain:${als.getStore()}`) } as any));
    console.log("contexts seen by B:", seen.join(" "));
  });

  it("stale keep-alive socket and POST", async () => {
    // the server closes idle sockets exactly when the next request is being sent
    let fails = 0, total = 0; const codes = new Map<string, number>();
    const srv = createServer((q, r) => { q.resume().on("end", () => { r.end("{}", () => setTimeout(() => q.socket.destroy(), 3)); }); });
    srv.keepAliveTimeout = 0; srv.listen(0, "127.0.0.1"); await once(srv, "listening");
    onTestFinished(() => { srv.closeAllConnections(); srv.close(); });
    const { mesh } = meshOf([`127.0.0.1:${(srv.address() as any).port}`], { circuit: false });
    for (let i = 0; i < 200; i++) { total++; try { await mesh.service("orders").POST("/x", { body: {} }); } catch (e: any) { fails++; codes.set(e.message.slice(0, 160), 1); } await delay(2 + Math.random() * 2.5); }
    console.log("POSTs on sockets the server closes:", fails, "of", total, [...codes.keys()]);
  });

  it("telemetry that throws", async () => {
    const { propagation } = await import("@opentelemetry/api");
    propagation.setGlobalPropagator({ inject() { throw new Error("propagator"); }, extract: (c: any) => c, fields: () => [] });
    onTestFinished(() => { propagation.disable(); });
    const s = await server(answerOk);
    const { mesh } = meshOf([s.address]);
    await mesh.ready("orders");
    const out: any = await race(mesh.service("orders").GET("/x"), 500);
    console.log("propagator throws:", out.e?.message ?? out, mesh.inspect().services[0]?.calls, mesh.inspect().services[0]?.endpoints.map((e) => e.pending));
  });

  it("redirect while closing, external allow", async () => {
    const s = await server((_, r) => setTimeout(() => r.writeHead(302, { location: "http://elsewhere/" }).end(), 100));
    const { mesh } = meshOf([s.address], {}, { external: "allow", drainMs: 2000 });
    await mesh.ready("orders");
    const p = mesh.fetch("http://orders/x");
    await delay(30);
    void mesh.close();
    const out: any = await race(p, 1500);
    console.log("redirect while closing:", out.e?.message ?? out);
    expect(out).not.toBe("HUNG");
  });

  it("429 opens the circuit", async () => {
    const s = await server((_, r) => r.writeHead(429).end());
    const { mesh } = meshOf([s.address], { retry: false });
    for (let i = 0; i < 25; i++) await mesh.service("orders").GET("/x").catch(() => {});
    console.log("429s:", mesh.inspect().services[0]?.circuits[0]?.state);
  });
});
