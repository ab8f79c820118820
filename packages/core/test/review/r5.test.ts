import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { createSecureServer, constants } from "node:http2";
import { createServer as net } from "node:net";
import { createServer } from "node:http";
import { describe, expect, it, onTestFinished } from "vitest";
import { makeCertificates } from "../support/certs.ts";
import { answerOk } from "../support/http.ts";
import { closing, meshOf, rejection, server } from "../support/mesh.ts";
import { createMesh } from "../../src/mesh.ts";
import { memorySource } from "../../src/discovery/memory-source.ts";

const race = (p: Promise<unknown>, ms: number) => Promise.race([p.then((v) => ({ v }), (e) => ({ e })), delay(ms, "HUNG")]);
const certs = makeCertificates();
async function h2(onStream: (stream: any, headers: any, n: number) => void) {
  let n = 0, conns = 0; const sessions = new Set<any>();
  const srv = createSecureServer({ ...certs.server });
  srv.on("session", (s) => { conns++; sessions.add(s); s.on("error", () => {}); });
  srv.on("stream", (st, h) => { st.on("error", () => {}); onStream(st, h, ++n); });
  srv.on("sessionError", () => {}); srv.on("error", () => {});
  srv.listen(0, "127.0.0.1"); await once(srv, "listening");
  onTestFinished(() => { for (const s of sessions) s.destroy(); srv.close(); });
  const { mesh, events, source } = meshOf([`127.0.0.1:${(srv.address() as any).port}`], { transport: { http2: true, tls: { ca: certs.ca } }, timeout: { attemptMs: 400, totalMs: 1500 } });
  return { mesh, events, source, count: () => n, conns: () => conns };
}
const rows = (ev: any) => ev("attempt.completed").map((e: any) => `${e.outcome}/${e.reason}/${e.phase}`);
const big = () => (async function* () { for (let i = 0; i < 2000; i++) yield Buffer.alloc(65536); })();

describe("H2", () => {
  it("POST refused once is replayed by undici; refused always", async () => {
    const t = await h2((st, _h, n) => { if (n % 2 === 1 || n > 2) st.close(constants.NGHTTP2_REFUSED_STREAM); else { st.respond({ ":status": 200 }); st.end("{}"); } });
    const a: any = await race(t.mesh.service("orders").POST("/x", { body: {} }), 3000);
    console.log("refused once:", a.v?.response.status ?? a.e?.message ?? a, t.count(), rows(t.events));
    const b: any = await race(t.mesh.service("orders").POST("/x", { body: {} }), 3000);
    console.log("refused always POST:", b.v?.response.status ?? b.e?.message ?? b, t.count(), rows(t.events));
    const c: any = await race(t.mesh.service("orders").GET("/x"), 3000);
    console.log("refused always GET:", c.v?.response.status ?? c.e?.message ?? c, t.count(), rows(t.events));
    console.log(t.mesh.inspect().services[0]?.endpoints.map((e) => e.pending));
  });
  it("GOAWAY after POST was processed", async () => {
    const t = await h2((st, _h, n) => { if (n === 1) { st.resume(); st.session.goaway(0, st.id); setTimeout(() => st.session.destroy(), 20); } else { st.respond({ ":status": 200 }); st.end("{}"); } });
    const a: any = await race(t.mesh.service("orders").POST("/x", { body: {} }), 3000);
    console.log("goaway id=stream then dies:", a.v?.response.status ?? a.e?.message ?? a, "seen", t.count(), rows(t.events));
  });
  it("GOAWAY last id 0 after the server saw the POST", async () => {
    const t = await h2((st, _h, n) => { if (n === 1) { st.resume(); st.session.goaway(0, 0); } else { st.respond({ ":status": 200 }); st.end("{}"); } });
    const a: any = await race(t.mesh.service("orders").POST("/x", { body: {} }), 3000);
    console.log("goaway 0:", a.v?.response.status ?? a.e?.message ?? a, "seen", t.count(), rows(t.events));
  });
  it("session destroyed under POST", async () => {
    const t = await h2((st, _h, n) => { st.resume(); if (n === 1) st.session.destroy(); else { st.respond({ ":status": 200 }); st.end("{}"); } });
    const a: any = await race(t.mesh.service("orders").POST("/x", { body: {} }), 3000);
    console.log("destroyed:", a.v?.response.status ?? a.e?.message ?? a, "seen", t.count(), rows(t.events));
  });
  it("upload reset mid way: blame", async () => {
    const t = await h2((st) => { st.once("data", () => { st.pause(); setTimeout(() => st.close(constants.NGHTTP2_INTERNAL_ERROR), 30); }); });
    const a: any = await race(t.mesh.service("orders").PUT("/x", { body: big }), 4000);
    console.log("h2 upload reset:", a.v?.response.status ?? `${a.e?.code} ${a.e?.message}`, "seen", t.count(), rows(t.events));
  });
  it("upload socket destroyed: blame", async () => {
    const t = await h2((st) => { st.once("data", () => { st.pause(); setTimeout(() => st.session.destroy(), 30); }); });
    const a: any = await race(t.mesh.service("orders").PUT("/x", { body: big }), 4000);
    console.log("h2 upload session destroyed:", a.v?.response.status ?? `${a.e?.code} ${a.e?.message}`, "seen", t.count(), rows(t.events));
  });
  it("upload timeout: blame, one session survives", async () => {
    const t = await h2((st, h) => { if (h[":path"] === "/ok") { st.respond({ ":status": 200 }); st.end("{}"); } });
    await t.mesh.service("orders").GET("/ok");
    const a: any = await race(t.mesh.service("orders").POST("/x", { body: big }), 4000);
    console.log("h2 upload timeout:", a.v?.response.status ?? `${a.e?.code} ${a.e?.message}`, rows(t.events));
    const many = await Promise.all(Array.from({ length: 30 }, () => race(t.mesh.service("orders").POST("/x", { body: {} }), 3000)));
    console.log("30 timed out:", new Set(many.map((m: any) => m.e?.code)), "conns", t.conns());
    const ok: any = await race(t.mesh.service("orders").GET("/ok"), 2000);
    console.log("after:", ok.v?.response.status ?? ok.e?.message, "conns", t.conns(), t.mesh.inspect().services[0]?.endpoints.map((e) => e.pending));
  });
});

describe("H1 odd answers", () => {
  const raw = async (text: string | ((n: number) => string), after?: (c: any) => void) => {
    let n = 0;
    const srv = net((c) => { c.on("error", () => {}); c.on("data", () => { c.write(typeof text === "string" ? text : text(++n)); after?.(c); }); });
    srv.listen(0, "127.0.0.1"); await once(srv, "listening"); onTestFinished(() => { srv.close(); });
    return meshOf([`127.0.0.1:${(srv.address() as any).port}`], { timeout: { attemptMs: 300, totalMs: 900 }, retry: { maxAttempts: 2 }, circuit: false });
  };
  const cases: [string, string][] = [
    ["103", "HTTP/1.1 103 Early Hints\r\nlink: a\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"],
    ["100", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"],
    ["101", "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n"],
    ["999", "HTTP/1.1 999 Odd\r\ncontent-length: 2\r\n\r\n{}"],
    ["000", "HTTP/1.1 000 Odd\r\ncontent-length: 2\r\n\r\n{}"],
    ["two answers", "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"],
    ["too long", "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}XXXX"],
    ["garbage", "SSH-2.0-OpenSSH_9\r\n"],
    ["bad te", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nZZ\r\n"],
    ["huge header", `HTTP/1.1 200 OK\r\nx: ${"a".repeat(70000)}\r\n\r\n`],
    ["bad gzip", "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 4\r\n\r\nabcd"],
    ["bad encoding name", "HTTP/1.1 200 OK\r\ncontent-encoding: foo\r\ncontent-length: 4\r\n\r\nabcd"],
  ];
  for (const [name, text] of cases) {
    it(name, async () => {
      const { mesh } = await raw(text);
      const a: any = await race(mesh.service("orders").GET("/x"), 2500);
      const b: any = await race(mesh.fetch("http://orders/x").then(async (r) => [r.status, await r.text()]), 2500);
      const c: any = await race(mesh.service("orders").GET("/x", { parseAs: "stream" }).then(async (r: any) => [r.response.status, r.data ? await new Response(r.data).text() : r.error]), 2500);
      console.log(name, "| typed", a.v?.response.status ?? a.e?.message ?? a, "| fetch", b.v ?? b.e?.message ?? b, "| stream", c.v ?? c.e?.message ?? c, "| pending", mesh.inspect().services[0]?.endpoints.map((e) => e.pending), mesh.inspect().services[0]?.calls);
      expect(mesh.inspect().services[0]?.endpoints.every((e) => e.pending === 0)).toBe(true);
    });
  }
});
