import { createServer } from "node:http";
import type { IncomingHttpHeaders } from "node:http";

import { AlwaysOnSampler } from "@opentelemetry/sdk-trace";
import { createMesh, staticSource } from "@proxyless/core";
import type { CallHooks, HookedAttempt, HookedCall, Mesh, MeshEvent, MeshOptions } from "@proxyless/core";
import { afterEach, describe, expect, it } from "vitest";

import { listening } from "./support/listening.ts";
import { Sdk } from "./support/sdk.ts";

const cleanup: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  for (const end of cleanup.splice(0).toReversed()) await end();
});

/** Two instances; the first request of all is answered with 503. */
async function flakyMesh(
  options: Omit<MeshOptions, "discovery"> = {},
): Promise<{ mesh: Mesh; seen: IncomingHttpHeaders[] }> {
  const seen: IncomingHttpHeaders[] = [];
  const addresses: string[] = [];
  for (let n = 0; n < 2; n++) {
    const server = createServer((request, response) => {
      seen.push(request.headers);
      response.writeHead(seen.length === 1 ? 503 : 200).end("{}");
    });
    cleanup.push(() => {
      server.close();
      server.closeAllConnections();
    });
    addresses.push(`127.0.0.1:${await listening(server)}`);
  }
  const mesh = createMesh({ discovery: staticSource({ orders: addresses }), ...options });
  cleanup.push(() => mesh.close());
  return { mesh, seen };
}

describe("hooks", () => {
  it("are called around the call and around each attempt, with what they need to know", async () => {
    const told: unknown[] = [];
    const hooks: CallHooks = {
      beforeCall: ({ method, path, route, service, template, traceId }) => {
        told.push(["call", service, route, method, path, template, traceId]);
      },
      beforeAttempt: ({ call, isHedge, number, pick }) => {
        told.push(["attempt", call.service, number, pick, isHedge]);
      },
      afterAttempt: ({ number }, { outcome, status }) => told.push(["attempt over", number, outcome, status]),
      afterCall: (_, { attempts, outcome, status }) => told.push(["call over", attempts, outcome, status]),
    };
    const { mesh } = await flakyMesh({ hooks });
    await mesh
      .service("orders")
      .GET("/orders/{id}", { params: { path: { id: "7" }, query: { token: "hush" } } });
    expect(told).toEqual([
      ["call", "orders", undefined, "GET", "/orders/7", "/orders/{id}", undefined],
      ["attempt", "orders", 1, "LB", false],
      ["attempt over", 1, "overload", 503],
      ["attempt", "orders", 2, "LB", false],
      ["attempt over", 2, "success", 200],
      ["call over", 2, "success", 200],
    ]);
  });

  it("add headers: of the call to every attempt, of an attempt to that one, in place of the caller's", async () => {
    const { mesh, seen } = await flakyMesh();
    mesh.hook({
      beforeCall: (call) => {
        call.setHeader("X-Tenant", "acme");
      },
      beforeAttempt: (attempt) => {
        attempt.setHeader("x-attempt", String(attempt.number));
      },
    });
    await mesh.service("orders").GET("/x", { headers: { "x-tenant": "given" } });
    expect(seen.map((headers) => [headers["x-tenant"], headers["x-attempt"]])).toEqual([
      ["acme", "1"],
      ["acme", "2"],
    ]);
  });

  it("know the headers of the request and of the answer, whatever their case", async () => {
    const { mesh } = await flakyMesh();
    const told: unknown[] = [];
    mesh.hook({
      beforeCall: (call) => {
        told.push(call.header("X-Tenant"), call.header("x-missing"));
        call.setHeader("x-tenant", "set");
        told.push(call.header("x-tenant"));
      },
      afterCall: (_, end) =>
        told.push(end.responseHeader("Transfer-Encoding"), end.responseHeader("x-missing")),
    });
    await mesh.service("orders").GET("/x", { headers: { "X-TENANT": "given" } });
    expect(told).toEqual(["given", undefined, "set", "chunked", undefined]);
  });

  it("refuse what is no header or belongs to the connection, without repeating its value", async () => {
    const { mesh } = await flakyMesh();
    const thrown: unknown[] = [];
    const attempt = (call: HookedCall, name: string, value: string): void => {
      try {
        call.setHeader(name, value);
      } catch (error) {
        thrown.push(error);
      }
    };
    mesh.hook({
      beforeCall: (call) => {
        attempt(call, "host", "evil");
        attempt(call, "x y", "1");
        attempt(call, "x-token", "secret\r\nx: y");
      },
    });
    await mesh.service("orders").GET("/x");
    expect(thrown).toHaveLength(3);
    for (const error of thrown) expect(error).toMatchObject({ code: "ERR_PROXYLESS_CONFIG" });
    expect(String(thrown[2])).not.toContain("secret");
  });

  it("tag spans and events", async () => {
    const sdk = new Sdk(new AlwaysOnSampler());
    cleanup.push(() => {
      sdk.end();
    });
    const { mesh } = await flakyMesh();
    const events: MeshEvent[] = [];
    mesh.on("call.completed", (event) => events.push(event));
    mesh.on("attempt.completed", (event) => events.push(event));
    mesh.hook({
      beforeCall: (call) => {
        call.setTag("tenant", "acme");
        expect(call.traceId).toMatch(/^[\da-f]{32}$/u);
      },
      afterAttempt: (attempt: HookedAttempt) => {
        attempt.setTag("late", attempt.number);
      },
      afterCall: (call) => {
        call.setTag("last", true);
      },
    });
    await mesh.service("orders").GET("/x");
    expect(events.map(({ type, ...event }) => [type, "tags" in event ? event.tags : undefined])).toEqual([
      ["attempt.completed", { late: 1 }],
      ["attempt.completed", { late: 2 }],
      ["call.completed", { tenant: "acme", last: true }],
    ]);
    const call = sdk.spans.find((span) => span.name === "GET /x");
    expect(call?.attributes).toMatchObject({ tenant: "acme", last: true });
    const attempts = sdk.spans.filter((span) => span.name === "GET attempt");
    expect(attempts.map(({ attributes }) => attributes["late"])).toEqual([1, 2]);
    const { spanId, traceId } = call?.spanContext() ?? {};
    expect(events.at(-1)).toMatchObject({ trace: { traceId, spanId, isSampled: true } });
  });

  it("break nothing when they throw, and are heard of all the same", async () => {
    const { mesh } = await flakyMesh();
    const uncaught: unknown[] = [];
    const before = process.listeners("uncaughtException");
    process.removeAllListeners("uncaughtException");
    process.on("uncaughtException", (error) => uncaught.push(error));
    try {
      mesh.hook({
        beforeCall: () => {
          throw new Error("a mistake");
        },
      });
      const { response } = await mesh.service("orders").GET("/x");
      expect(response.status).toBe(200);
      await expect.poll(() => uncaught.map(String)).toEqual(["Error: a mistake"]);
    } finally {
      process.removeAllListeners("uncaughtException");
      for (const listener of before) process.on("uncaughtException", listener);
    }
  });

  it("end when they are taken away", async () => {
    const { mesh } = await flakyMesh();
    let calls = 0;
    const end = mesh.hook({ beforeCall: () => calls++ });
    await mesh.service("orders").GET("/x");
    end();
    await mesh.service("orders").GET("/x");
    expect(calls).toBe(1);
  });

  it.for([
    [{ beforeCall: 1 }, "hooks.beforeCall must be a function, got 1"],
    [{ before: () => undefined }, "hooks.before must be left out"],
  ] as const)("refuses %o", async ([hooks, message]) => {
    const { mesh } = await flakyMesh();
    // @ts-expect-error -- what a user without types might give
    expect(() => mesh.hook(hooks)).toThrow(message);
  });
});
