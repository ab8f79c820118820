import type { RequestListener } from "node:http";

import { describe, expect, it, vi } from "vitest";

import type { ServiceOptions } from "../../src/index.ts";
import { answerOk } from "../support/http.ts";
import type { TestServer } from "../support/http.ts";
import { meshOf, rejection, server } from "../support/mesh.ts";
import type { TestMesh } from "../support/mesh.ts";

const fixed: ServiceOptions = {
  balancer: "round-robin",
  retry: false,
  hedge: { delayMs: 20 },
};

const silent: RequestListener = () => {};

function failing(status: number): RequestListener {
  return (_, response) => {
    response.writeHead(status).end();
  };
}

/** Endpoints, their addresses in the order in which a call that is given them takes them, and a budget that can pay for hedges. */
async function over(
  listeners: readonly RequestListener[],
  options: ServiceOptions = fixed,
): Promise<TestMesh & { readonly servers: readonly TestServer[]; readonly endpoint: readonly string[] }> {
  let isWarm = false;
  const servers: TestServer[] = [];
  for (const listener of listeners) {
    servers.push(
      await server((request, response) => {
        (isWarm ? listener : answerOk)(request, response);
      }),
    );
  }
  const endpoint = servers.map(({ address }) => address);
  const test = meshOf(endpoint, options);
  const warmUp = 60 * listeners.length;
  for (let i = 0; i < warmUp; i++) await test.mesh.fetch("http://orders/warm");
  isWarm = true;
  return { ...test, servers, endpoint };
}

const asked = (target: TestServer, path = "/x"): number =>
  target.requests.filter(({ url }) => url === path).length;

describe("a call that takes long", () => {
  it.for(["typed", "fetch"] as const)(
    "is sent to another endpoint beside it, whose answer counts, and whose loser is ended on its socket (%s)",
    async (door) => {
      let isCut = false;
      const { endpoint, events, mesh, servers } = await over([
        (request) => {
          request.socket.once("close", () => {
            isCut = true;
          });
        },
        answerOk,
      ]);
      const response =
        door === "typed"
          ? (await mesh.service("orders").GET("/x", { endpoint })).response
          : await mesh.fetch("http://orders/x", { mesh: { endpoint } });
      expect(response.status).toBe(200);
      expect(servers.map((target) => asked(target))).toEqual([1, 1]);
      await vi.waitFor(() => {
        expect(isCut).toBe(true);
      });
      expect(events("call.hedged").slice(-1)).toMatchObject([{ endpoint: servers[1]!.address, number: 2 }]);
      const last = events("attempt.completed").slice(-2);
      expect(last.toSorted((a, b) => a.number - b.number)).toMatchObject([
        { number: 1, hedge: false, outcome: "ignored", reason: "superseded" },
        { number: 2, hedge: true, outcome: "success" },
      ]);
      expect(events("call.completed").at(-1)).toMatchObject({ outcome: "success", attempts: 2 });
    },
  );

  it("keeps its first answer when that comes before the hedge's", async () => {
    const { endpoint, mesh, servers } = await over([
      (request, response) => {
        setTimeout(() => {
          answerOk(request, response);
        }, 60);
      },
      silent,
    ]);
    const response = await mesh.fetch("http://orders/x", { mesh: { endpoint } });
    expect(await response.json()).toEqual({ ok: true });
    expect(servers.map((target) => asked(target))).toEqual([1, 1]);
  });

  it("waits for the other attempt when one fails, and has the next hedge sent at once", async () => {
    const { endpoint, events, mesh, servers } = await over([silent, failing(503), answerOk], {
      ...fixed,
      hedge: { delayMs: 20, maxHedges: 2 },
    });
    expect((await mesh.service("orders").GET("/x", { endpoint })).response.status).toBe(200);
    expect(servers.map((target) => asked(target))).toEqual([1, 1, 1]);
    expect(events("call.retried")).toEqual([]);
  });

  it("ends with the answer that is the same everywhere, however many attempts are in flight", async () => {
    const { endpoint, mesh, servers } = await over([silent, failing(404)]);
    expect((await mesh.service("orders").GET("/x", { endpoint })).response.status).toBe(404);
    expect(servers.map((target) => asked(target))).toEqual([1, 1]);
  });

  it("is retried when all of them have failed", async () => {
    const slowly =
      (status: number): RequestListener =>
      (_, response) => {
        setTimeout(() => response.writeHead(status).end(), 40);
      };
    const { endpoint, events, mesh } = await over([slowly(503), slowly(503), answerOk], {
      ...fixed,
      retry: { maxAttempts: 2, baseDelayMs: 0 },
      hedge: { delayMs: 20 },
    });
    expect((await mesh.service("orders").GET("/x", { endpoint })).response.status).toBe(200);
    expect(events("call.retried")).toHaveLength(1);
  });

  it("fails with its own error when all of them have failed for good", async () => {
    const { endpoint, mesh } = await over([silent, silent], { ...fixed, timeout: { attemptMs: 120 } });
    expect(await rejection(mesh.service("orders").GET("/x", { endpoint }))).toMatchObject({
      code: "ERR_PROXYLESS_TIMEOUT",
      timeout: "attempt",
      attempts: [{ number: 1 }, { number: 2 }],
    });
  });
});

describe("a call is not hedged", () => {
  it.for([
    ["that may not be sent twice", { method: "POST", body: "x" }],
    ["whose body can be read once only", { method: "PUT", body: new Blob(["x"]).stream(), duplex: "half" }],
    ["that asks for no second attempt", { mesh: { retry: false } }],
  ] as const)("%s", async ([, init]) => {
    const { endpoint, mesh, servers } = await over([silent, answerOk], {
      ...fixed,
      timeout: { totalMs: 100 },
    });
    expect(
      await rejection(
        mesh.fetch("http://orders/x", { ...init, mesh: { ...("mesh" in init ? init.mesh : {}), endpoint } }),
      ),
    ).toMatchObject({ timeout: "total" });
    expect(servers.map((target) => asked(target))).toEqual([1, 0]);
  });

  it("to an endpoint that it is waiting for already", async () => {
    const { endpoint, mesh, servers } = await over([silent], { ...fixed, timeout: { totalMs: 100 } });
    await rejection(mesh.fetch("http://orders/x", { mesh: { endpoint } }));
    expect(asked(servers[0]!)).toBe(1);
  });

  it("when the caller has gone, and neither attempt goes on", async () => {
    const { endpoint, events, mesh } = await over([silent, silent]);
    const caller = new AbortController();
    const before = events("call.hedged").length;
    const call = rejection(mesh.fetch("http://orders/x", { signal: caller.signal, mesh: { endpoint } }));
    await vi.waitFor(() => {
      expect(events("call.hedged").length).toBeGreaterThan(before);
    });
    caller.abort(new Error("gone"));
    expect(await call).toMatchObject({ message: "gone" });
    expect(events("attempt.completed").slice(-2)).toMatchObject([
      { outcome: "ignored" },
      { outcome: "ignored" },
    ]);
  });

  it("once its hedges have turned out to be as slow as what they were to help", async () => {
    const slowly: RequestListener = (request, response) => {
      setTimeout(() => {
        answerOk(request, response);
      }, 60);
    };
    const { endpoint, events, mesh } = await over([slowly, slowly, slowly]);
    for (let i = 0; i < 12; i++) await mesh.fetch("http://orders/x", { mesh: { endpoint } });
    expect(events("call.hedged").length).toBeLessThan(8);
  });
});

describe("a measured delay", () => {
  it("hedges what is slower than nearly all calls of the route", async () => {
    const { endpoint, events, mesh, servers } = await over([silent, answerOk], {
      ...fixed,
      hedge: { minDelayMs: 50 },
    });
    const before = events("call.hedged").length;
    expect((await mesh.fetch("http://orders/x", { mesh: { endpoint } })).status).toBe(200);
    expect(events("call.hedged")).toHaveLength(before + 1);
    expect(asked(servers[1]!)).toBe(1);
  });
});
