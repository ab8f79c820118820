import { once } from "node:events";
import type { ServerResponse } from "node:http";

import { describe, expect, it } from "vitest";

import { Coalescing } from "../../../src/engine/around/coalescing.ts";
import type { CoalescePolicy } from "../../../src/policies/coalesce/coalesce-policy.ts";
import { resolveCoalesce } from "../../../src/policies/coalesce/resolve-coalesce.ts";
import { rejection, server } from "../../support/mesh.ts";
import { layered } from "./rig.ts";
import type { LayeredMesh } from "./rig.ts";

function coalesced(
  address: string,
  policy: CoalescePolicy = {},
): LayeredMesh & { readonly layer: () => Coalescing } {
  let layer: Coalescing | undefined;
  const mesh = layered([address], (inner, scope) => {
    const resolved = resolveCoalesce(policy, "coalesce");
    if (resolved === false) throw new Error("it is off");
    layer = new Coalescing({ ...scope, policy: resolved }, inner);
    return layer;
  });
  return { ...mesh, layer: () => layer! };
}

/** A server that answers when told to. */
async function patient(): Promise<{
  readonly address: string;
  readonly waiting: ServerResponse[];
  readonly requests: readonly unknown[];
}> {
  const waiting: ServerResponse[] = [];
  const { address, requests } = await server((_, response) => {
    waiting.push(response);
  });
  return { address, waiting, requests };
}

describe("identical calls over real sockets", () => {
  it("make one request, through the typed client and through fetch", async () => {
    const upstream = await patient();
    const { client, fetch, heard, mesh } = coalesced(upstream.address);
    await mesh.ready("orders");
    const typed = Array.from({ length: 20 }, () => client.GET("/x"));
    const fetched = Array.from({ length: 20 }, () => fetch("http://orders/x"));
    await expect.poll(() => upstream.waiting.length).toBe(2);
    for (const response of upstream.waiting) {
      response.setHeader("content-type", "application/json");
      response.end('{"n":1}');
    }
    const datas = await Promise.all(typed.map(async (call) => (await call).data));
    const bodies = await Promise.all(fetched.map(async (call) => (await call).json()));
    expect([...datas, ...bodies]).toEqual(Array.from({ length: 40 }, () => ({ n: 1 })));
    expect([
      upstream.requests.length,
      heard("call.coalesced").length,
      heard("call.completed").length,
    ]).toEqual([2, 38, 2]);
  });

  it("drop the socket when the last caller has gone, and not before", async () => {
    const upstream = await patient();
    const { client, layer, mesh } = coalesced(upstream.address);
    await mesh.ready("orders");
    const callers = [new AbortController(), new AbortController()];
    const calls = callers.map(({ signal }) => rejection(client.GET("/x", { signal })));
    await expect.poll(() => upstream.waiting.length).toBe(1);
    const closed = once(upstream.waiting[0]!, "close");
    callers[0]!.abort(new Error("one"));
    await calls[0];
    expect(upstream.waiting[0]!.socket?.destroyed).toBe(false);
    callers[1]!.abort(new Error("two"));
    expect(await calls[1]).toMatchObject({ message: "two" });
    await closed;
    expect(layer().flights).toBe(0);
  });

  it("never give one user another's answer", async () => {
    const upstream = await server((request, response) => {
      response.end(String(request.headers.authorization));
    });
    const { fetch, mesh } = coalesced(upstream.address);
    await mesh.ready("orders");
    const users = Array.from({ length: 30 }, (_, i) => `Bearer ${i % 10}`);
    const answers = await Promise.all(
      users.map(async (authorization) =>
        (await fetch("http://orders/me", { headers: { authorization } })).text(),
      ),
    );
    expect(answers).toEqual(users);
    expect(upstream.requests.length).toBeLessThanOrEqual(30);
    expect(upstream.requests.length).toBeGreaterThanOrEqual(10);
  });

  it("retry once for all", async () => {
    let first = true;
    const upstream = await server((_, response) => {
      response.statusCode = first ? 503 : 200;
      first = false;
      response.end("{}");
    });
    const { client, mesh } = coalesced(upstream.address);
    await mesh.ready("orders");
    const results = await Promise.all(Array.from({ length: 5 }, () => client.GET("/x")));
    expect(results.map(({ response }) => response.status)).toEqual([200, 200, 200, 200, 200]);
    expect(upstream.requests).toHaveLength(2);
  });

  it("send the others on their own when a body is longer than what is kept, whose reader may be slow", async () => {
    const big = Buffer.alloc(300_000, "x");
    const upstream = await server((_, response) => {
      response.write(big);
      response.end();
    });
    const { fetch, mesh } = coalesced(upstream.address, { maxBytes: 100_000 });
    await mesh.ready("orders");
    const [first, ...others] = await Promise.all(Array.from({ length: 3 }, () => fetch("http://orders/x")));
    const lengths = await Promise.all(others.map(async (one) => (await one.arrayBuffer()).byteLength));
    expect([...lengths, (await first!.arrayBuffer()).byteLength]).toEqual([300_000, 300_000, 300_000]);
    expect(upstream.requests).toHaveLength(3);
  });
});
