import { getEventListeners } from "node:events";

import { request } from "undici";
import { describe, expect, it } from "vitest";

import type { Endpoint } from "../../src/discovery/source.ts";
import type { MeshOptions } from "../../src/mesh-options.ts";
import { createMesh } from "../../src/mesh.ts";
import type { Mesh } from "../../src/mesh.ts";
import { fakeSource } from "../../src/testing/fake-source.ts";
import type { FakeSource } from "../../src/testing/fake-source.ts";
import { ManualClock } from "../../src/testing/manual-clock.ts";
import { answerOk } from "../support/http.ts";
import { closing, rejection, server } from "../support/mesh.ts";

/** A mesh that must ask discovery whether a name is a service, and discovery does not answer. */
function undecided(options: Partial<MeshOptions> = {}): { readonly mesh: Mesh; readonly source: FakeSource } {
  const source = fakeSource({ silent: true });
  const mesh = closing(createMesh({ discovery: source, external: "allow", drainMs: 50, ...options }));
  return { mesh, source };
}

function endpointAt(port: number): Endpoint {
  return { id: "a", host: "127.0.0.1", port, weight: 1, priority: 0, health: "healthy", metadata: {} };
}

const overdue = { code: "ERR_PROXYLESS_TIMEOUT", timeout: "total", service: "orders" };

describe("a name that discovery does not answer about", () => {
  it("ends a fetch when the time of the call is over", async () => {
    const clock = new ManualClock();
    const { mesh } = undecided({ clock });
    const given = rejection(mesh.fetch("http://orders/x", { mesh: { timeoutMs: 250 } }));
    await clock.advance(250);
    expect(await given).toMatchObject(overdue);
  });

  it("ends a call after 30 seconds when nothing else is said, through either door", async () => {
    const clock = new ManualClock();
    const { mesh } = undecided({ clock, directory: { initTimeoutMs: 60_000 } });
    let ended = 0;
    const calls = [
      mesh.fetch("http://orders/x"),
      request("http://orders/x", { dispatcher: mesh.dispatcher }),
    ].map((call) => rejection(call).finally(() => ended++));
    await clock.advance(29_999);
    expect(ended).toBe(0);
    await clock.advance(1);
    expect(await Promise.all(calls)).toMatchObject([overdue, overdue]);
  });

  it("lets the caller of either door go at once when it gives up", async () => {
    const { mesh } = undecided();
    const caller = new AbortController();
    const { signal } = caller;
    const calls = [
      mesh.fetch("http://orders/x", { signal }),
      request("http://orders/x", { dispatcher: mesh.dispatcher, signal }),
    ].map((call) => rejection(call));
    const reason = new Error("the user left");
    caller.abort(reason);
    expect(await Promise.all(calls)).toEqual([reason, reason]);
    expect(getEventListeners(signal, "abort")).toHaveLength(0);
  });

  it("refuses a time that is none before it waits", async () => {
    const { mesh } = undecided();
    expect(await rejection(mesh.fetch("http://orders/x", { mesh: { timeoutMs: -5 } }))).toMatchObject({
      code: "ERR_PROXYLESS_CONFIG",
      field: "timeoutMs",
    });
  });

  it("takes the time of waiting out of the call's, once it turns out to be a service", async () => {
    const clock = new ManualClock();
    const { mesh, source } = undecided({ clock });
    const silent = await server(() => {
      void clock.advance(50);
    });
    const call = rejection(mesh.fetch("http://orders/x", { mesh: { timeoutMs: 250 } }));
    await clock.advance(200);
    source.put("orders", [endpointAt(silent.port)]);
    expect(await call).toMatchObject({ ...overdue, phase: "sent" });
  });

  it("reaches the service as soon as discovery answers", async () => {
    const { mesh, source } = undecided();
    const upstream = await server(answerOk);
    const sent = request("http://orders/x", { dispatcher: mesh.dispatcher });
    source.put("orders", [endpointAt(upstream.port)]);
    expect(await (await sent).body.json()).toEqual({ ok: true });
  });
});
