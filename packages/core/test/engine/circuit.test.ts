import { describe, expect, it } from "vitest";

import { ManualClock } from "../../src/testing/manual-clock.ts";
import { meshOf, rejection, server } from "../support/mesh.ts";

/** Answers 200, or 500 while `broken`. */
async function switchable() {
  const state = { broken: false };
  const upstream = await server((_, response) => response.writeHead(state.broken ? 500 : 200).end("{}"));
  return { state, upstream };
}

const circuit = { minCalls: 10, openMs: 1_000, windowMs: 10_000 };

describe("a circuit of a service", () => {
  it("refuses calls after too many failures, says when to come back, and closes after a good probe", async () => {
    const { state, upstream } = await switchable();
    const clock = new ManualClock();
    const { mesh, events } = meshOf([upstream.address], { circuit }, { clock, random: () => 0 });
    const client = mesh.service("orders");
    state.broken = true;
    for (let i = 0; i < 10; i++) await client.GET("/x");
    expect(events("circuit.opened")).toMatchObject([
      { service: "orders", failureRatio: 1, calls: 10, openMs: 1_000 },
    ]);
    const seen = upstream.requests.length;
    const error = await rejection(client.GET("/x"));
    expect(error).toMatchObject({
      code: "ERR_PROXYLESS_CIRCUIT_OPEN",
      flag: "UO",
      retryAfterMs: 1_000,
      retryable: true,
    });
    expect(upstream.requests).toHaveLength(seen);
    state.broken = false;
    await clock.advance(1_000);
    expect((await client.GET("/x")).response.status).toBe(200);
    expect(events("circuit.closed")).toHaveLength(1);
    expect((await client.GET("/x")).response.status).toBe(200);
  });

  it("is not opened by answers that are the caller's fault, by callers that give up, nor by missing endpoints", async () => {
    const upstream = await server((_, response) => response.writeHead(404).end("{}"));
    const { mesh, source, events } = meshOf([upstream.address], { circuit });
    const client = mesh.service("orders");
    for (let i = 0; i < 20; i++) await client.GET("/x");
    for (let i = 0; i < 20; i++) {
      const caller = new AbortController();
      const call = rejection(client.GET("/x", { signal: caller.signal }));
      caller.abort(new Error("changed my mind"));
      expect(await call).toMatchObject({ message: "changed my mind" });
    }
    source.set("orders", []);
    for (let i = 0; i < 20; i++)
      expect(await rejection(client.GET("/x"))).toMatchObject({ code: "ERR_PROXYLESS_NO_ENDPOINTS" });
    expect(events("circuit.opened")).toEqual([]);
  });

  it("learns from the head of a streamed answer, so that an endless stream can close it", async () => {
    const state = { broken: true };
    const upstream = await server((_, response) => {
      response.writeHead(state.broken ? 500 : 200).write("x");
      if (state.broken) response.end();
    });
    const clock = new ManualClock();
    const { mesh, events } = meshOf([upstream.address], { circuit }, { clock, random: () => 0 });
    const client = mesh.service("orders");
    for (let i = 0; i < 10; i++) await client.GET("/x");
    expect(events("circuit.opened")).toHaveLength(1);
    state.broken = false;
    await clock.advance(1_000);
    const stream = await mesh.fetch("http://orders/endless");
    expect(stream.status).toBe(200);
    expect(events("circuit.closed")).toHaveLength(1);
    await stream.body?.cancel();
  });

  it("is not opened by 429, which says something about the caller", async () => {
    const upstream = await server((_, response) => response.writeHead(429).end("{}"));
    const { mesh, events } = meshOf([upstream.address], { circuit, retry: false });
    for (let i = 0; i < 30; i++) await mesh.service("orders").GET("/x");
    expect(events("circuit.opened")).toEqual([]);
  });

  it("can belong to one route, and then leaves the rest of the service alone", async () => {
    const upstream = await server((request, response) =>
      response.writeHead(request.url === "/reports" ? 500 : 200).end("{}"),
    );
    const { mesh, events } = meshOf([upstream.address], {
      circuit: false,
      routes: [{ match: { path: "/reports" }, circuit }],
    });
    const client = mesh.service("orders");
    for (let i = 0; i < 10; i++) await client.GET("/reports");
    expect(events("circuit.opened")).toMatchObject([{ route: "/reports" }]);
    expect(await rejection(client.GET("/reports"))).toMatchObject({ code: "ERR_PROXYLESS_CIRCUIT_OPEN" });
    expect((await client.GET("/orders")).response.status).toBe(200);
  });

  it("can open on slow calls although every one succeeds; the time of a call is all of it, retries included", async () => {
    const clock = new ManualClock();
    const state = { slowMs: 400 };
    const upstream = await server((_, response) => {
      void clock.advance(state.slowMs).then(() => response.end("{}"));
    });
    const { mesh, events } = meshOf(
      [upstream.address],
      { circuit: { ...circuit, slowCallMs: 300 } },
      { clock, random: () => 0 },
    );
    const client = mesh.service("orders");
    for (let i = 0; i < 10; i++) expect((await client.GET("/x")).response.status).toBe(200);
    expect(events("circuit.opened")).toMatchObject([
      { cause: "slow", slowRatio: 1, failureRatio: 0, calls: 10 },
    ]);
    expect(await rejection(client.GET("/x"))).toMatchObject({ code: "ERR_PROXYLESS_CIRCUIT_OPEN" });
  });

  it("that only measures refuses nothing, tells what it would have done, and shows it in the dump", async () => {
    const upstream = await server((_, response) => response.writeHead(500).end("{}"));
    const { mesh, events } = meshOf([upstream.address], {
      circuit: { ...circuit, mode: "metrics-only" },
      retry: false,
    });
    for (let i = 0; i < 15; i++) expect((await mesh.service("orders").GET("/x")).response.status).toBe(500);
    expect(events("circuit.opened")).toMatchObject([{ enforced: false, calls: 10 }]);
    expect(mesh.inspect().services[0]?.circuits).toMatchObject([
      { mode: "metrics-only", engine: "opossum", state: "open", refused: 5 },
    ]);
  });
});
