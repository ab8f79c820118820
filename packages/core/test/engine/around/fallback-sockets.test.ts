import { describe, expect, it } from "vitest";

import { FallbackLayer } from "../../../src/engine/around/fallback-layer.ts";
import type { FallbackPolicy } from "../../../src/policies/fallback/fallback-policy.ts";
import { resolveFallback } from "../../../src/policies/fallback/resolve-fallback.ts";
import { answerOk, refusedAddress } from "../../support/http.ts";
import { rejection, server } from "../../support/mesh.ts";
import { layered } from "./rig.ts";
import type { LayeredMesh } from "./rig.ts";

function withFallback(address: string, policy: FallbackPolicy, backup: readonly string[] = []): LayeredMesh {
  return layered(
    [address],
    (inner, scope) => {
      const resolved = resolveFallback(policy, "fallback");
      if (resolved === false) throw new Error("it is off");
      const { sendTo, ...rest } = scope;
      return new FallbackLayer({ ...rest, policy: resolved, sendElsewhere: sendTo }, inner);
    },
    { backup, orders: { retry: { baseDelayMs: 1 } } },
  );
}

describe("a fallback over real sockets", () => {
  it("comes after the retries, for the typed client and for fetch", async () => {
    const upstream = await server((_, response) => response.writeHead(503).end());
    const { client, fetch, heard } = withFallback(upstream.address, { value: { json: { items: [] } } });
    const { data, response } = await client.GET("/x");
    expect([response.status, response.headers.get("x-proxyless-fallback"), data]).toEqual([
      200,
      "value",
      { items: [] },
    ]);
    expect(upstream.requests.length).toBeGreaterThan(1);
    const fetched = await fetch("http://orders/x");
    expect([fetched.status, await fetched.json()]).toEqual([200, { items: [] }]);
    expect(heard("call.fell_back")).toMatchObject([{ failedStatus: 503 }, { failedStatus: 503 }]);
  });

  it("calls another service where nobody listens", async () => {
    const backup = await server(answerOk);
    const address = await refusedAddress();
    const { client, fetch } = withFallback(address, { service: "backup" }, [backup.address]);
    const { data, response } = await client.POST("/x", { body: { n: 1 } });
    expect([response.headers.get("x-proxyless-fallback"), data]).toEqual(["service", { ok: true }]);
    expect(await (await fetch("http://orders/x")).json()).toEqual({ ok: true });
    expect(backup.requests).toHaveLength(2);
  });

  it("answers what a server answered before it went away", async () => {
    const upstream = await server(answerOk);
    const { client, fetch } = withFallback(upstream.address, { stale: { maxAgeMs: 60_000 } });
    await client.GET("/x");
    await (await fetch("http://orders/y")).text();
    await upstream.close();
    const { data, response } = await client.GET("/x");
    expect([response.headers.get("x-proxyless-fallback"), response.headers.get("age"), data]).toEqual([
      "stale",
      "0",
      { ok: true },
    ]);
    expect(await (await fetch("http://orders/y")).json()).toEqual({ ok: true });
    expect(await rejection(client.GET("/z"))).toMatchObject({ code: "ERR_PROXYLESS_CONNECT" });
  });

  it("leaves a failed answer as it was where it has none", async () => {
    const upstream = await server((_, response) =>
      response.writeHead(500, { "x-id": "7" }).end("x".repeat(200_000)),
    );
    const { fetch } = withFallback(upstream.address, { run: () => undefined });
    const response = await fetch("http://orders/x");
    expect([response.status, response.headers.get("x-id"), (await response.text()).length]).toEqual([
      500,
      "7",
      200_000,
    ]);
  });
});
