import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { createServer } from "node:http";
import { request as undiciRequest } from "undici";
import { describe, expect, it, onTestFinished } from "vitest";
import { answerOk } from "../support/http.ts";
import { meshOf, rejection, server } from "../support/mesh.ts";

const race = (p: Promise<unknown>, ms: number) => Promise.race([p.then((v) => ({ v }), (e) => ({ e })), delay(ms, "HUNG")]);
const big = () => (async function* () { for (let i = 0; i < 2000; i++) yield Buffer.alloc(65536); })();

describe("R2", () => {
  for (const how of ["rst", "fin", "destroy"] as const) {
    it(`B ${how} mid upload PUT factory`, async () => {
      let n = 0;
      const s = await server((q, r) => {
        n++;
        if (n === 1) { q.once("data", () => { q.pause(); setTimeout(() => how === "rst" ? q.socket.resetAndDestroy() : how === "fin" ? q.socket.end() : q.socket.destroy(), 50); }); return; }
        q.resume().on("end", () => answerOk(q, r));
      });
      const { mesh, events } = meshOf([s.address]);
      const out: any = await race(mesh.service("orders").PUT("/x", { body: big }), 6000);
      console.log(how, out.v?.data ?? (out.e?.code + " " + out.e?.message), n, events("attempt.completed").map((e) => [e.outcome, e.reason, e.phase]));
      expect(out).toMatchObject({ v: { data: { ok: true } } });
    });
  }

  it("B attempt timeout mid upload with back-pressure", async () => {
    const s = await server((q) => { q.once("data", () => q.pause()); });
    const { mesh, events } = meshOf([s.address], { timeout: { attemptMs: 200 }, retry: false });
    const out: any = await race(mesh.service("orders").POST("/x", { body: big }), 4000);
    console.log("timeout", out.e?.code, out.e?.message, events("attempt.completed").map((e) => [e.outcome, e.reason, e.phase]));
    expect(out.e?.code).toBe("ERR_PROXYLESS_TIMEOUT");
  });

  it("B early 200 answer while uploading", async () => {
    const s = await server((q, r) => { q.once("data", () => { q.pause(); answerOk(q, r); }); });
    const { mesh, events } = meshOf([s.address], { retry: false });
    const out: any = await race(mesh.service("orders").POST("/x", { body: big }), 4000);
    console.log("early", out.v?.data ?? (out.e?.code + " " + out.e?.message), events("attempt.completed").map((e) => [e.outcome, e.reason, e.phase]));
  });

  it("C2 connects counted under overload", async () => {
    let connects = 0;
    const srv = createServer((q, r) => setTimeout(() => r.end("{}"), q.url === "/slow" ? 400 : 1)).on("connection", () => connects++);
    srv.listen(0, "127.0.0.1"); await once(srv, "listening");
    onTestFinished(() => { srv.closeAllConnections(); srv.close(); });
    const { mesh } = meshOf([`127.0.0.1:${(srv.address() as any).port}`], { transport: { connections: 1 }, retry: false, circuit: false });
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

  it("CP opts.idempotent revives retries where policy says retry:false", async () => {
    const s = await server((_, r) => r.writeHead(503).end("{}"));
    const { mesh } = meshOf([s.address], { retry: false });
    const res = await undiciRequest("http://orders/x", { dispatcher: mesh.dispatcher, idempotent: true } as any);
    await res.body.dump();
    console.log("idempotent:true with retry:false ->", s.requests.length);
    expect(s.requests.length).toBe(1);
  });

  it("BA parseAs stream, error body stalls", async () => {
    const s = await server((_, r) => { r.writeHead(500); r.write("part"); });
    const { mesh } = meshOf([s.address], { timeout: { totalMs: 300 } });
    const out = await race(mesh.service("orders").POST("/x", { parseAs: "stream" }), 2500);
    console.log("stalled error body:", out);
    expect(out).not.toBe("HUNG");
  });
});
