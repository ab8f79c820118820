import { getEventListeners } from "node:events";

import { describe, expect, it } from "vitest";

import { ManualClock } from "../../src/testing/manual-clock.ts";
import { answerOk, refusedAddress } from "../support/http.ts";
import { meshOf, rejection, server } from "../support/mesh.ts";

const reason = new Error("the user left");

describe("a caller that gives up", () => {
  it("before the call sends nothing", async () => {
    const upstream = await server(answerOk);
    const { mesh, events } = meshOf([upstream.address]);
    expect(await rejection(mesh.service("orders").GET("/x", { signal: AbortSignal.abort(reason) }))).toBe(
      reason,
    );
    expect(upstream.requests).toHaveLength(0);
    expect(events("call.completed")).toMatchObject([{ outcome: "ignored", flag: "DC", attempts: 0 }]);
  });

  it("while waiting for the answer drops the socket and gets its own reason", async () => {
    const caller = new AbortController();
    let dropped: () => void = () => {};
    const gone = new Promise<void>((resolve) => {
      dropped = resolve;
    });
    const upstream = await server((request) => {
      request.socket.once("close", dropped);
      caller.abort(reason);
    });
    const { mesh, events } = meshOf([upstream.address]);
    expect(await rejection(mesh.service("orders").GET("/x", { signal: caller.signal }))).toBe(reason);
    await gone;
    expect(upstream.requests).toHaveLength(1);
    expect(events("attempt.completed")).toMatchObject([{ outcome: "ignored" }]);
    expect(mesh.inspect().services[0]?.endpoints[0]).toMatchObject({ pending: 0, successRatio: 1 });
  });

  it("during a back-off ends the wait at once, without another attempt", async () => {
    const clock = new ManualClock();
    const caller = new AbortController();
    const upstream = await server((_, response) => response.writeHead(503).end("{}"));
    const { mesh } = meshOf(
      [upstream.address],
      { retry: { baseDelayMs: 10_000, maxDelayMs: 10_000 } },
      { clock, random: () => 0.9 },
    );
    mesh.on("call.retried", () => {
      setImmediate(() => {
        caller.abort(reason);
      });
    });
    expect(await rejection(mesh.service("orders").GET("/x", { signal: caller.signal }))).toBe(reason);
    await clock.advance(60_000);
    expect(upstream.requests).toHaveLength(1);
  });

  it("while discovery has not answered yet stops waiting", async () => {
    const { mesh } = meshOf([]);
    const caller = new AbortController();
    const call = rejection(mesh.fetch("http://nobody-knows/x", { signal: caller.signal }));
    caller.abort(reason);
    expect(await call).toBe(reason);
  });

  it("in the middle of a streamed body errors the body with its reason", async () => {
    const caller = new AbortController();
    const upstream = await server((_, response) => {
      response.write("first");
    });
    const { mesh } = meshOf([upstream.address]);
    const { data } = await mesh.service("orders").GET("/x", { parseAs: "stream", signal: caller.signal });
    const text = rejection(new Response(data).text());
    caller.abort(reason);
    expect(await text).toBe(reason);
  });

  it("without saying why gets an AbortError", async () => {
    const upstream = await server(() => {});
    const { mesh } = meshOf([upstream.address]);
    const signal = Object.assign(new EventTarget(), { aborted: false, reason: undefined });
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- as old libraries make them
    const call = rejection(mesh.fetch("http://orders/x", { signal: signal as unknown as AbortSignal }));
    await expect.poll(() => upstream.requests.length).toBe(1);
    signal.dispatchEvent(new Event("abort"));
    expect(await call).toMatchObject({ name: "AbortError" });
  });

  it("leaves no listener on its signal, however the call ended", async () => {
    const good = await server(answerOk);
    const caller = new AbortController();
    const { mesh } = meshOf([good.address]);
    const dead = meshOf([await refusedAddress()]);
    await mesh.service("orders").GET("/x", { signal: caller.signal });
    await mesh
      .service("orders")
      .GET("/x", { signal: caller.signal, parseAs: "stream" })
      .then(({ data }) => new Response(data).text());
    await rejection(dead.mesh.service("orders").GET("/x", { signal: caller.signal }));
    expect(getEventListeners(caller.signal, "abort")).toHaveLength(0);
  });
});
