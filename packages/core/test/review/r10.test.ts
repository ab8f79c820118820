import { setTimeout as delay } from "node:timers/promises";
import { describe, it } from "vitest";
import { answerOk } from "../support/http.ts";
import { meshOf, server } from "../support/mesh.ts";
const race = (p: Promise<unknown>, ms: number) => Promise.race([p.then((v) => ({ v }), (e) => ({ e })), delay(ms, "HUNG")]);
describe("R10", () => {
  it("one-shot body destroyed by its dead first attempt", async () => {
    const sizes: number[] = [];
    const slow = await server((q, r) => { setTimeout(() => answerOk(q, r), 400); });
    const fast = await server((q, r) => { let n = 0; q.on("data", (c) => (n += c.length)).on("end", () => { sizes.push(n); answerOk(q, r); }); });
    const { mesh, source, events } = meshOf([slow.address], { transport: { connections: 1 }, timeout: { attemptMs: 1000 }, balancer: "round-robin", circuit: false });
    await mesh.ready("orders");
    const first = mesh.service("orders").GET("/occupy"); await delay(20);
    const { mesh: m2 } = { mesh };
    // the POST waits in the queue of `slow`, its attempt limit is short
    const body = (async function* () { for (let i = 0; i < 40; i++) { yield Buffer.alloc(1000); await delay(20); } })();
    const p = race(m2.service("orders").POST("/up", { body, timeoutMs: 3000 }), 4000);
    await delay(20);
    source.set("orders", [slow.address, fast.address]);
    const out: any = await p; await first;
    console.log(out.v?.response.status ?? `${out.e?.code} ${out.e?.message}`, sizes, events("attempt.completed").map((e) => `${e.endpoint === slow.address ? "slow" : "fast"} ${e.outcome} ${e.reason} ${e.phase} ${Math.round(e.durationMs)}`));
  });
  it("the same with an attempt limit of 150 ms", async () => {
    const sizes: number[] = [];
    const slow = await server((q, r) => { if (q.url === "/occupy") setTimeout(() => { r.writeHead(200); r.write("x"); setTimeout(() => r.end(), 400); }, 1); else q.resume().on("end", () => answerOk(q, r)); });
    const fast = await server((q, r) => { let n = 0; q.on("data", (c) => (n += c.length)).on("end", () => { sizes.push(n); answerOk(q, r); }); });
    const { mesh, source, events } = meshOf([slow.address], { transport: { connections: 1 }, timeout: { attemptMs: 150 }, balancer: "round-robin", circuit: false, routes: [{ match: { path: "/up" }, timeout: { attemptMs: 150 } }] });
    await mesh.ready("orders");
    const first = mesh.fetch("http://orders/occupy").then((r) => r.text()); await delay(20);
    const body = (async function* () { for (let i = 0; i < 60; i++) { yield Buffer.alloc(1000); await delay(10); } })();
    const p = race(mesh.fetch("http://orders/up", { method: "POST", body: ReadableStream.from(body) as any, duplex: "half" } as any), 4000);
    source.set("orders", [slow.address, fast.address]);
    const out: any = await p; await first;
    console.log(out.v?.status ?? `${out.e?.code} ${out.e?.message}`, sizes, events("attempt.completed").map((e) => `${e.endpoint === slow.address ? "slow" : "fast"} ${e.outcome} ${e.reason} ${e.phase} ${Math.round(e.durationMs)}`));
  });
  it("the same, a route with 1 s attempts for the upload's second attempt", async () => {
    const sizes: number[] = [];
    const slow = await server((q, r) => { r.writeHead(200); r.write("x"); setTimeout(() => r.end(), 300); });
    const fast = await server((q, r) => { let n = 0; q.on("data", (c) => (n += c.length)).on("end", () => { sizes.push(n); answerOk(q, r); }); });
    const { mesh, source, events } = meshOf([slow.address], { transport: { connections: 1 }, timeout: { attemptMs: 200 }, balancer: "round-robin", circuit: false });
    await mesh.ready("orders");
    const first = mesh.fetch("http://orders/occupy").then((r) => r.text()); await delay(20);
    const body = (async function* () { for (let i = 0; i < 15; i++) { yield Buffer.alloc(1000); await delay(10); } })();
    const p = race(mesh.service("orders").POST("/up", { body }), 4000);
    source.set("orders", [slow.address, fast.address]);
    const out: any = await p; await first;
    console.log("3:", out.v?.response.status ?? `${out.e?.code} ${out.e?.message}`, sizes, events("attempt.completed").map((e) => `${e.endpoint === slow.address ? "slow" : "fast"} ${e.outcome} ${e.reason} ${e.phase} ${Math.round(e.durationMs)}`));
  });
});
