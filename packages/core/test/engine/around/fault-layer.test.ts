import { describe, expect, it } from "vitest";

import { FaultLayer } from "../../../src/engine/around/fault-layer.ts";
import type { ServiceOptions } from "../../../src/mesh-options.ts";
import { FaultInjector } from "../../../src/policies/fault/fault-injector.ts";
import type { FaultPolicy } from "../../../src/policies/fault/fault-policy.ts";
import { resolveFault } from "../../../src/policies/fault/resolve-fault.ts";
import { seededRandom } from "../../../src/random.ts";
import { ManualClock } from "../../../src/testing/manual-clock.ts";
import { answerOk } from "../../support/http.ts";
import { rejection, server } from "../../support/mesh.ts";
import { layered } from "./rig.ts";
import type { LayeredMesh } from "./rig.ts";

function faulty(
  address: string,
  policy: FaultPolicy,
  orders: ServiceOptions = {},
  clock?: ManualClock,
): LayeredMesh {
  const injector = new FaultInjector(resolveFault({ position: "call", ...policy }, "f"), seededRandom(1));
  return layered([address], (inner, scope) => new FaultLayer({ ...scope, injector }, inner), {
    orders,
    rest: clock === undefined ? {} : { clock },
  });
}

describe("a fault around the call", () => {
  it("is not made good by retries, and no endpoint hears or is blamed", async () => {
    const upstream = await server(answerOk);
    const { client, heard } = faulty(upstream.address, { percent: 100, abort: { kind: "reset" } });
    expect(await rejection(client.GET("/x"))).toMatchObject({ code: "ERR_PROXYLESS_RESET", flag: "FI" });
    expect([upstream.requests.length, heard("attempt.completed").length]).toEqual([0, 0]);
    expect(heard("fault.injected")).toMatchObject([
      { endpoint: undefined, number: 0, flag: "FI", abort: "reset" },
    ]);
  });

  it("answers whole and streamed, marked", async () => {
    const upstream = await server(answerOk);
    const { client, fetch } = faulty(upstream.address, {
      percent: 100,
      abort: { status: 503, body: "busy" },
    });
    const { error, response } = await client.GET("/x");
    expect([response.status, response.headers.get("x-proxyless-fault"), error]).toEqual([503, "FI", "busy"]);
    const streamed = await fetch("http://orders/x");
    expect([streamed.status, await streamed.text()]).toEqual([503, "busy"]);
    const head = await fetch("http://orders/x", { method: "HEAD" });
    expect([head.status, head.headers.get("content-length"), await head.text()]).toEqual([503, "4", ""]);
  });

  it("holds the call up, which has that much less time afterwards", async () => {
    const clock = new ManualClock();
    const upstream = await server(() => {});
    const orders = { retry: false, timeout: { totalMs: 1_000 } } as const;
    const { client } = faulty(upstream.address, { percent: 100, delay: { fixedMs: 900 } }, orders, clock);
    const failed = rejection(client.GET("/x"));
    await clock.advance(899);
    expect(upstream.requests).toHaveLength(0);
    await clock.advance(50);
    await expect.poll(() => upstream.requests.length).toBe(1);
    await clock.advance(51);
    expect(await failed).toMatchObject({ code: "ERR_PROXYLESS_TIMEOUT", timeout: "total", flag: "DT" });
    expect(clock.now()).toBe(1_000);
  });

  it.each([
    [{ delay: { fixedMs: 5_000 } }, "DI"],
    [{ abort: { kind: "timeout" } }, "FI"],
    [{ behaviour: () => new Promise<void>(() => {}) }, "DI"],
  ] as const)("never outlives the call's time: case %#", async (policy, flag) => {
    const clock = new ManualClock();
    const upstream = await server(answerOk);
    const orders = { timeout: { totalMs: 400 } };
    const { client } = faulty(upstream.address, { percent: 100, ...policy }, orders, clock);
    const failed = rejection(client.GET("/x"));
    await clock.advance(400);
    expect(await failed).toMatchObject({ code: "ERR_PROXYLESS_TIMEOUT", timeout: "total", flag });
    expect(upstream.requests).toHaveLength(0);
  });

  it("ends at once for a caller who goes, and leaves no timer or listener", async () => {
    const clock = new ManualClock();
    const upstream = await server(answerOk);
    const { client, mesh } = faulty(upstream.address, { percent: 100, delay: { fixedMs: 5_000 } }, {}, clock);
    await mesh.ready("orders");
    const idle = clock.pendingTimers;
    const caller = new AbortController();
    const left = rejection(client.GET("/x", { signal: caller.signal }));
    caller.abort(new Error("left"));
    expect(await left).toMatchObject({ message: "left" });
    expect(clock.pendingTimers).toBe(idle);
    await clock.advance(5_000);
    expect(upstream.requests).toHaveLength(0);
  });

  it("is asked for by a header where that is allowed", async () => {
    const upstream = await server(answerOk);
    const { client } = faulty(upstream.address, { headers: true });
    const asking = { headers: { "x-envoy-fault-abort-request": "504" } };
    expect((await client.GET("/x", asking)).response.status).toBe(504);
    expect((await client.GET("/x")).response.status).toBe(200);
  });

  it("runs a behaviour first, whose error is the call's", async () => {
    const upstream = await server(answerOk);
    const boom = new Error("boom");
    const { client } = faulty(upstream.address, {
      percent: 100,
      behaviour: ({ path }) => {
        if (path === "/bad") throw boom;
      },
    });
    expect((await client.GET("/good")).response.status).toBe(200);
    expect(await rejection(client.GET("/bad"))).toBe(boom);
  });
});
