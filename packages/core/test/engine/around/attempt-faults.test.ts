import { once } from "node:events";
import { Readable } from "node:stream";

import { describe, expect, it } from "vitest";

import { systemClock } from "../../../src/clock.ts";
import type { Clock } from "../../../src/clock.ts";
import { AttemptFaults } from "../../../src/engine/around/attempt-faults.ts";
import type { ServiceOptions } from "../../../src/mesh-options.ts";
import { FaultInjector } from "../../../src/policies/fault/fault-injector.ts";
import type { FaultPolicy } from "../../../src/policies/fault/fault-policy.ts";
import { resolveFault } from "../../../src/policies/fault/resolve-fault.ts";
import { seededRandom } from "../../../src/random.ts";
import { ManualClock } from "../../../src/testing/manual-clock.ts";
import { answerOk } from "../../support/http.ts";
import { rejection, server } from "../../support/mesh.ts";
import { layered, sendingBy } from "./rig.ts";
import type { LayeredMesh } from "./rig.ts";

function faulty(
  address: string,
  policy: FaultPolicy,
  orders: ServiceOptions = {},
  clock: Clock = systemClock,
): LayeredMesh & { readonly injector: FaultInjector } {
  const injector = new FaultInjector(resolveFault(policy, "faultInjection"), seededRandom(1));
  const mesh = layered([address], undefined, {
    orders,
    rest: { clock },
    wrap:
      (open, { events }) =>
      (service, transport, connectMs, time) => {
        const real = open(service, transport, connectMs, time);
        const faults = new AttemptFaults({
          injector,
          transport: real,
          clock: time,
          events,
          service,
          route: undefined,
        });
        return sendingBy(real, (attempt, request) => {
          faults.send(attempt, request);
        });
      },
  });
  return { ...mesh, injector };
}

const noRetry = { retry: false } as const;

describe("a fault at an attempt", () => {
  it("answers with a status that the service never sent, marked, and says so", async () => {
    const upstream = await server(answerOk);
    const { client, heard } = faulty(
      upstream.address,
      { percent: 100, abort: { status: 418, json: { message: "no coffee" } } },
      noRetry,
    );
    const { error, response } = await client.GET("/x");
    expect([response.status, response.headers.get("x-proxyless-fault"), error]).toEqual([
      418,
      "FI",
      { message: "no coffee" },
    ]);
    expect(upstream.requests).toHaveLength(0);
    expect(heard("fault.injected")).toEqual([
      {
        type: "fault.injected",
        service: "orders",
        route: undefined,
        endpoint: upstream.address,
        number: 1,
        flag: "FI",
        delayMs: 0,
        abort: "418",
      },
    ]);
    expect(heard("attempt.completed")).toMatchObject([{ status: 418, phase: "body" }]);
  });

  it("streams its answer as well", async () => {
    const upstream = await server(answerOk);
    const { fetch } = faulty(
      upstream.address,
      { percent: 100, abort: { status: 500, body: "kaputt" } },
      noRetry,
    );
    const response = await fetch("http://orders/x");
    expect([response.status, await response.text()]).toEqual([500, "kaputt"]);
    const head = await fetch("http://orders/x", { method: "HEAD" });
    expect([head.status, head.headers.get("content-length"), await head.text()]).toEqual([500, "6", ""]);
  });

  it.each([
    ["reset", "ERR_PROXYLESS_RESET", "sent"],
    ["refuse", "ERR_PROXYLESS_CONNECT", "connect"],
  ] as const)("breaks off by %s with the error that it would really be", async (kind, code, phase) => {
    const upstream = await server(answerOk);
    const { client } = faulty(upstream.address, { percent: 100, abort: { kind } }, noRetry);
    expect(await rejection(client.GET("/x"))).toMatchObject({ code, phase, flag: "FI" });
    expect(upstream.requests).toHaveLength(0);
  });

  it("never answers until the attempt's own time is over", async () => {
    const clock = new ManualClock();
    const upstream = await server(answerOk);
    const { client, heard } = faulty(
      upstream.address,
      { percent: 100, abort: { kind: "timeout" } },
      { retry: false, timeout: { attemptMs: 700 } },
      clock,
    );
    const failed = rejection(client.GET("/x"));
    await clock.advance(699);
    expect(heard("call.completed")).toHaveLength(0);
    await clock.advance(1);
    expect(await failed).toMatchObject({ code: "ERR_PROXYLESS_TIMEOUT", timeout: "attempt", phase: "sent" });
  });

  it("is made good by retries where it befalls the first attempt only", async () => {
    const upstream = await server(answerOk);
    const { client, heard } = faulty(upstream.address, {
      percent: 100,
      abort: { kind: "reset" },
      match: { attempts: [1] },
    });
    const { response } = await client.GET("/x");
    expect(response.status).toBe(200);
    expect(heard("attempt.completed")).toMatchObject([
      { outcome: "failure", phase: "sent" },
      { outcome: "success", number: 2 },
    ]);
  });

  it("holds a request up and then sends it", async () => {
    const clock = new ManualClock();
    const upstream = await server(answerOk);
    const { client, heard } = faulty(upstream.address, { percent: 100, delay: { fixedMs: 300 } }, {}, clock);
    const answered = client.GET("/x");
    await clock.advance(299);
    expect(upstream.requests).toHaveLength(0);
    await clock.advance(1);
    expect((await answered).response.status).toBe(200);
    expect(heard("fault.injected")).toMatchObject([{ flag: "DI", delayMs: 300, abort: undefined }]);
    expect(heard("attempt.completed")).toMatchObject([{ durationMs: 300, outcome: "success" }]);
  });

  it("leaves nothing behind when the time runs out in a delay, or the caller goes", async () => {
    const clock = new ManualClock();
    const upstream = await server(answerOk);
    const { client, mesh } = faulty(
      upstream.address,
      { percent: 100, delay: { fixedMs: 60_000 } },
      { retry: false, timeout: { attemptMs: 100 } },
      clock,
    );
    await mesh.ready("orders");
    const idle = clock.pendingTimers;
    const late = rejection(client.GET("/x"));
    await clock.advance(100);
    expect(await late).toMatchObject({ code: "ERR_PROXYLESS_TIMEOUT", phase: "sent" });
    const caller = new AbortController();
    const left = rejection(client.GET("/x", { signal: caller.signal }));
    caller.abort(new Error("left"));
    expect(await left).toMatchObject({ message: "left" });
    expect(clock.pendingTimers).toBe(idle);
    await clock.advance(60_000);
    expect(upstream.requests).toHaveLength(0);
  });

  it("is no excuse: what connects badly after a delay failed to connect", async () => {
    const upstream = await server(answerOk);
    await upstream.close();
    const { client } = faulty(upstream.address, { percent: 100, delay: { fixedMs: 1 } }, noRetry);
    expect(await rejection(client.GET("/x"))).toMatchObject({
      code: "ERR_PROXYLESS_CONNECT",
      phase: "connect",
    });
  });

  it("runs a behaviour before the request is sent, and takes what it throws for the fault", async () => {
    const upstream = await server(answerOk);
    const seen: string[] = [];
    const policy: FaultPolicy = {
      percent: 100,
      behaviour: async ({ attempt, method, path }) => {
        await Promise.resolve();
        seen.push(`${method} ${path} ${attempt}: ${upstream.requests.length} before`);
        if (path === "/bad") throw new Error("the disk is full");
      },
    };
    const { client } = faulty(upstream.address, policy, noRetry);
    expect((await client.GET("/good")).response.status).toBe(200);
    expect(await rejection(client.GET("/bad"))).toMatchObject({
      code: "ERR_PROXYLESS_RESET",
      message: expect.stringContaining("the disk is full"),
    });
    expect(seen).toEqual(["GET /good 1: 0 before", "GET /bad 1: 1 before"]);
  });

  it("tells a behaviour when nobody waits any more", async () => {
    const upstream = await server(answerOk);
    const caller = new AbortController();
    let told: unknown;
    const policy: FaultPolicy = {
      percent: 100,
      behaviour: async (_, signal) => {
        caller.abort(new Error("left"));
        if (!signal.aborted) await once(signal, "abort");
        told = signal.reason;
      },
    };
    const { client } = faulty(upstream.address, policy, noRetry);
    expect(await rejection(client.GET("/x", { signal: caller.signal }))).toMatchObject({ message: "left" });
    expect(told).toMatchObject({ message: "left" });
    expect(upstream.requests).toHaveLength(0);
  });

  it("lets go of a stream that will not be read", async () => {
    const upstream = await server(answerOk);
    const { engine } = faulty(upstream.address, { percent: 100, abort: { status: 503 } }, noRetry);
    const body = Readable.from([Buffer.from("a"), Buffer.from("b")]);
    const status = await new Promise((resolve, reject) => {
      const request = { method: "POST", path: "/x", headers: [], body };
      engine.send("orders", request, { mode: "whole", done: resolve, fail: reject });
    });
    expect([status, upstream.requests.length]).toEqual([503, 0]);
    await expect.poll(() => body.destroyed).toBe(true);
  });

  it("counts against the endpoint like a real one, and is switched off while calls go on", async () => {
    const upstream = await server(answerOk);
    const { client, injector, mesh } = faulty(
      upstream.address,
      { percent: 100, abort: { kind: "reset" } },
      noRetry,
    );
    await rejection(client.GET("/x"));
    expect(mesh.inspect().services[0]?.endpoints[0]?.successRatio).toBeLessThan(1);
    injector.update(false);
    expect((await client.GET("/x")).response.status).toBe(200);
  });
});
