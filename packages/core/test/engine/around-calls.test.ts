import { describe, expect, it } from "vitest";

import { answerOk } from "../support/http.ts";
import { meshOf, rejection, server } from "../support/mesh.ts";

describe("what stands around the calls of a service", () => {
  it("answers where they fail, through every door", async () => {
    const { events, mesh } = meshOf(["127.0.0.1:1"], {
      retry: false,
      fallback: { value: { json: { from: "fallback" } } },
    });
    const response = await mesh.fetch("http://orders/x");
    expect(await response.json()).toEqual({ from: "fallback" });
    expect((await mesh.service("orders").GET("/x")).data).toEqual({ from: "fallback" });
    expect(events("call.completed")).toHaveLength(2);
  });

  it("makes one call of those that are the same at the same time", async () => {
    const upstream = await server((request, response) => {
      setTimeout(() => {
        answerOk(request, response);
      }, 30);
    });
    const { mesh } = meshOf([upstream.address], { coalesce: {} });
    const orders = mesh.service("orders");
    const answers = await Promise.all(Array.from({ length: 5 }, () => orders.GET("/x")));
    expect(answers.map(({ data }) => data)).toEqual(Array.from({ length: 5 }, () => ({ ok: true })));
    expect(upstream.requests).toHaveLength(1);
  });

  it("keeps what may be kept, and only on the routes that ask for it", async () => {
    const upstream = await server((_, response) => {
      response
        .writeHead(200, { "cache-control": "max-age=60", "content-type": "application/json" })
        .end("{}");
    });
    const { mesh } = meshOf([upstream.address], { routes: [{ match: { path: "/kept/*" }, cache: {} }] });
    for (let i = 0; i < 3; i++) {
      await (await mesh.fetch("http://orders/kept/x")).text();
      await (await mesh.fetch("http://orders/other")).text();
    }
    expect(upstream.requests.map(({ url = "" }) => url).toSorted((a, b) => a.localeCompare(b))).toEqual([
      "/kept/x",
      "/other",
      "/other",
      "/other",
    ]);
  });

  it("keeps what is one caller's from the others, by whatever header he is known", async () => {
    const upstream = await server((request, response) => {
      const user = String(request.headers["x-user-id"]);
      const cookie = user === "eve" ? { "set-cookie": "session=eve" } : {};
      response.writeHead(200, { "cache-control": "private, max-age=60", ...cookie }).end(user);
    });
    const { mesh } = meshOf([upstream.address], { cache: {} });
    const ask = async (user: string): Promise<string> =>
      (await mesh.fetch("http://orders/account", { headers: { "x-user-id": user } })).text();
    const answers: string[] = [];
    for (const user of ["alice", "bob", "alice", "bob", "eve", "eve"]) answers.push(await ask(user));
    expect(answers).toEqual(["alice", "bob", "alice", "bob", "eve", "eve"]);
    expect(upstream.requests).toHaveLength(4);
  });

  it("leaves faults as they were switched by hand when the policy changes in something else", async () => {
    const upstream = await server(answerOk);
    const faultInjection = { percent: 100, abort: { status: 503 } };
    const { mesh } = meshOf([upstream.address], { retry: false, outlierDetection: false, faultInjection });
    mesh.injectFaults("orders", false);
    mesh.configure({ version: "1", services: { orders: { timeout: { totalMs: 5_000 } } } });
    expect((await mesh.fetch("http://orders/x")).status).toBe(200);
    mesh.configure({
      version: "2",
      services: { orders: { faultInjection: { ...faultInjection, percent: 99.999 } } },
    });
    expect((await mesh.fetch("http://orders/x")).status).toBe(503);
  });

  it("injects faults where the retries meet them, and can be switched while it runs", async () => {
    const upstream = await server(answerOk);
    const { mesh } = meshOf([upstream.address], {
      retry: { maxAttempts: 2, baseDelayMs: 0 },
      outlierDetection: false,
      faultInjection: { percent: 100, enabled: false, abort: { status: 503 } },
    });
    const orders = mesh.service("orders");
    expect((await orders.GET("/x")).response.status).toBe(200);
    mesh.injectFaults("orders", { percent: 100, abort: { status: 503 } });
    expect((await orders.GET("/x")).response.status).toBe(503);
    expect(upstream.requests).toHaveLength(1);
    mesh.injectFaults("orders", false);
    expect((await orders.GET("/x")).response.status).toBe(200);
    expect(() => {
      mesh.injectFaults("orders", false, "/nowhere");
    }).toThrow(/was given a faultInjection for \/nowhere/u);
  });

  it("does not change what is wrong with the options of a call", async () => {
    const { mesh } = meshOf(["127.0.0.1:1"], { coalesce: {}, fallback: { value: { status: 200 } } });
    // @ts-expect-error -- as untyped code would
    const call = mesh.service("orders").GET("/x", { retry: { maxAttempts: "many" } });
    expect(await rejection(call)).toMatchObject({ code: "ERR_PROXYLESS_CONFIG" });
  });
});
