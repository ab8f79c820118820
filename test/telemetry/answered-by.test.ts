import type { IncomingHttpHeaders, RequestListener } from "node:http";

import type { Mesh, MeshEvent, MeshEventOf } from "@proxyless/core";
import { accessLog } from "@proxyless/logs";
import { createMetrics, prometheusEndpoint } from "@proxyless/metrics";
import { afterEach, describe, expect, it } from "vitest";

import { cacheable, cleanUp, meshOver } from "./support/layered-mesh.ts";

afterEach(cleanUp);

const failing: RequestListener = (_, response) => response.writeHead(500).end('"failed"');

/** What hooks, the event and the access log say of each call. */
function heard(mesh: Mesh, events: readonly MeshEvent[]) {
  const hooks: unknown[] = [];
  const lines: string[] = [];
  mesh.hook({
    beforeCall: ({ path, service }) => hooks.push(`${service} ${path}`),
    afterCall: (_, end) => {
      hooks.push([end.answeredBy, end.outcome, end.status, end.responseHeader("content-type")]);
    },
  });
  accessLog(mesh, (line) => lines.push(line.trim()), {
    format:
      "%UPSTREAM_CLUSTER% %RESPONSE_CODE% %RESPONSE_CODE_DETAILS% %BYTES_SENT% %UPSTREAM_REQUEST_ATTEMPT_COUNT%",
  });
  const completed = (): readonly MeshEventOf<"call.completed">[] =>
    events.filter((event) => event.type === "call.completed");
  return { completed, hooks, lines };
}

/** Those series of calls of `orders`, by their value. */
async function counted(mesh: Mesh, work: () => Promise<void>): Promise<readonly string[]> {
  using metrics = createMetrics(mesh, { eventLoop: false });
  const endpoint = prometheusEndpoint(metrics);
  try {
    const url = await endpoint.listen({ port: 0 });
    await work();
    const text = await (await fetch(url)).text();
    return text
      .split("\n")
      .filter((line) => /^proxyless_client_call(?:s|_cached|_coalesced|_fallbacks)_total/u.test(line))
      .filter((line) => line.includes('"orders"'))
      .map((line) => line.replace('server_address="orders",', "").replace('{server_address="orders"}', ""));
  } finally {
    await endpoint.close();
  }
}

describe("a call that the cache answers", () => {
  it("is one call to hooks, listeners and the access log, and the service's metrics leave it out", async () => {
    const { events, mesh } = await meshOver(cacheable, { cache: {} });
    const { completed, hooks, lines } = heard(mesh, events);
    const series = await counted(mesh, async () => {
      await mesh.service("orders").GET("/fresh");
      await mesh.service("orders").GET("/fresh");
      await (await mesh.fetch("http://orders/fresh")).text();
    });
    expect(hooks).toEqual([
      "orders /fresh",
      ["network", "success", 200, undefined],
      "orders /fresh",
      ["cache", "success", 200, undefined],
      "orders /fresh",
      ["cache", "success", 200, undefined],
    ]);
    expect(lines).toEqual([
      "orders 200 via_upstream 6 1",
      "orders 200 cache.response_from_cache_filter 6 0",
      "orders 200 cache.response_from_cache_filter 6 0",
    ]);
    expect(completed().map(({ answeredBy, endpoint, replaced }) => [answeredBy, endpoint, replaced])).toEqual(
      [
        ["network", expect.stringContaining("127.0.0.1:"), undefined],
        ["cache", undefined, undefined],
        ["cache", undefined, undefined],
      ],
    );
    expect(completed()[2]?.firstByteMs).toBeGreaterThanOrEqual(0);
    expect(series).toEqual([
      'proxyless_client_calls_total{proxyless_outcome="success"} 1',
      'proxyless_client_call_cached_total{proxyless_cache_result="hit"} 2',
    ]);
  });

  it("says what the service said where it was asked whether the answer still holds", async () => {
    const { events, mesh } = await meshOver(cacheable, { cache: {} });
    const { completed, lines } = heard(mesh, events);
    await mesh.service("orders").GET("/old");
    await mesh.service("orders").GET("/old");
    expect(completed()[1]).toMatchObject({
      answeredBy: "cache",
      status: 200,
      attempts: 1,
      replaced: { outcome: "success", status: 304 },
    });
    expect(lines[1]).toBe("orders 200 cache.response_from_cache_filter 6 1");
  });

  it("is told apart by what hooks set: one tenant never gets what is another's", async () => {
    const { mesh } = await meshOver(
      (request, response) => {
        response.writeHead(200, { "cache-control": "max-age=60", vary: "x-tenant" });
        response.end(JSON.stringify(request.headers["x-tenant"]));
      },
      { cache: {}, coalesce: { headers: ["x-tenant"] } },
    );
    let tenant = "";
    mesh.hook({
      beforeCall: (call) => {
        call.setHeader("x-tenant", tenant);
      },
    });
    const got: unknown[] = [];
    for (tenant of ["acme", "umbrella", "acme"]) got.push((await mesh.service("orders").GET("/mine")).data);
    const both = ["acme", "umbrella"].map((name) => {
      tenant = name;
      return mesh.service("orders").GET("/at-once");
    });
    got.push(...(await Promise.all(both)).map(({ data }) => data));
    expect(got).toEqual(["acme", "umbrella", "acme", "acme", "umbrella"]);
  });
});

describe("calls that share an answer", () => {
  it("are one call each, of which the metrics count the one that was sent", async () => {
    let answer = (): void => undefined;
    const { events, mesh } = await meshOver((_, response) => (answer = () => response.end('"shared"')), {
      coalesce: {},
    });
    const { completed, hooks, lines } = heard(mesh, events);
    const series = await counted(mesh, async () => {
      const orders = mesh.service("orders");
      const calls = [orders.GET("/x"), orders.GET("/x"), orders.GET("/x")];
      await expect.poll(() => String(answer)).toContain("shared");
      answer();
      await Promise.all(calls);
    });
    expect(completed().map(({ answeredBy, attempts, outcome }) => [answeredBy, attempts, outcome])).toEqual([
      ["network", 1, "success"],
      ["coalesced", 0, "success"],
      ["coalesced", 0, "success"],
    ]);
    expect(hooks.filter((one) => typeof one === "string")).toHaveLength(3);
    expect(lines).toEqual([
      "orders 200 via_upstream 8 1",
      "orders 200 coalesced 8 0",
      "orders 200 coalesced 8 0",
    ]);
    expect(series).toEqual([
      'proxyless_client_calls_total{proxyless_outcome="success"} 1',
      "proxyless_client_call_coalesced_total 2",
    ]);
  });

  it("end as the call did that was sent, and by themselves where they give up", async () => {
    const { events, mesh } = await meshOver((_, response) => response.destroy(), {
      coalesce: {},
      retry: false,
    });
    const { completed } = heard(mesh, events);
    const orders = mesh.service("orders");
    const aborter = new AbortController();
    const calls = [orders.GET("/x"), orders.GET("/x"), orders.GET("/x", { signal: aborter.signal })];
    aborter.abort();
    await Promise.allSettled(calls);
    const seen = completed().map(({ answeredBy, error, flag, outcome }) => [
      answeredBy,
      error,
      flag,
      outcome,
    ]);
    expect(seen).toEqual([
      [undefined, undefined, "DC", "ignored"],
      [undefined, "ERR_PROXYLESS_RESET", "UC", "failure"],
      ["coalesced", "ERR_PROXYLESS_RESET", "UC", "failure"],
    ]);
  });
});

describe("a caller that leaves a call that others wait for", () => {
  it.each([
    ["whole", (mesh: Mesh, signal?: AbortSignal) => mesh.service("orders").GET("/x", { signal })],
    [
      "streamed",
      (mesh: Mesh, signal?: AbortSignal) => mesh.fetch("http://orders/x", { signal: signal ?? null }),
    ],
  ])("is told with the attempts that were made for it: %s", async (_, call) => {
    let asked = 0;
    let answer = (): void => undefined;
    const { events, mesh } = await meshOver(
      (__, response) => {
        // The first attempt fails; the second is on its way when the caller leaves.
        if (++asked === 1) response.destroy();
        else answer = () => response.end('"shared"');
      },
      { coalesce: {}, retry: { baseDelayMs: 1, maxDelayMs: 1 } },
    );
    const { completed, lines } = heard(mesh, events);
    const aborter = new AbortController();
    const leader = call(mesh, aborter.signal).catch(() => "left");
    const other = call(mesh);
    await expect.poll(() => String(answer)).toContain("shared");
    aborter.abort();
    expect(await leader).toBe("left");
    answer();
    await other;
    expect(completed()[0]).toMatchObject({
      outcome: "ignored",
      flag: "DC",
      attempts: 2,
      endpoint: expect.stringContaining("127.0.0.1:"),
    });
    expect(completed()[1]).toMatchObject({ answeredBy: "coalesced", outcome: "success", attempts: 0 });
    expect(lines.map((line) => line.at(-1))).toEqual(["2", "0"]);
    expect(asked).toBe(2);
  });
});

describe("a call that falls back", () => {
  it("shows its caller's answer, with the failure that it hides; the metrics go on counting the failure", async () => {
    const { events, mesh } = await meshOver(failing, {
      retry: false,
      fallback: { value: { json: { amount: 0 } } },
    });
    const { completed, hooks, lines } = heard(mesh, events);
    const series = await counted(mesh, async () => {
      await mesh.service("orders").GET("/x");
      await (await mesh.fetch("http://orders/x")).text();
    });
    for (const event of completed()) {
      expect(event).toMatchObject({
        answeredBy: "fallback",
        outcome: "success",
        status: 200,
        attempts: 1,
        responseBytes: 12,
        replaced: { outcome: "failure", status: 500 },
      });
      expect(event.durationMs).toBeGreaterThanOrEqual(event.replaced?.durationMs ?? Infinity);
    }
    expect(hooks[1]).toEqual(["fallback", "success", 200, "application/json"]);
    expect(lines).toEqual(["orders 200 fallback 12 1", "orders 200 fallback 12 1"]);
    expect(series).toEqual([
      'proxyless_client_calls_total{proxyless_outcome="failure"} 2',
      'proxyless_client_call_fallbacks_total{proxyless_fallback="value"} 2',
    ]);
  });

  it("to another service has a call of that one beside it, which gets nothing that hooks set for the first", async () => {
    let seen: IncomingHttpHeaders = {};
    const { events, mesh } = await meshOver(
      failing,
      { retry: false, fallback: { service: "spare" } },
      (request) => (seen = request.headers),
    );
    const { completed, lines } = heard(mesh, events);
    mesh.hook({
      beforeCall: (call) => {
        if (call.service === "orders") call.setHeader("x-key", "of orders");
      },
    });
    await mesh.service("orders").GET("/x");
    expect(seen["x-key"]).toBeUndefined();
    expect(lines).toEqual(["spare 200 via_upstream 7 1", "orders 200 fallback 7 1"]);
    expect(completed()[1]?.replaced).toMatchObject({ outcome: "failure", status: 500 });
  });

  it("is the failure itself where there is nothing else", async () => {
    const { events, mesh } = await meshOver(failing, { retry: false, fallback: { run: () => undefined } });
    const { completed } = heard(mesh, events);
    await mesh.service("orders").GET("/x");
    expect(completed()).toMatchObject([{ answeredBy: "network", outcome: "failure", status: 500 }]);
    expect(completed()[0]?.replaced).toBeUndefined();
  });
});

describe("a fault on purpose", () => {
  it("is a call like any other", async () => {
    const { events, mesh } = await meshOver(cacheable, {
      faultInjection: { percent: 100, position: "call", abort: { status: 503 } },
    });
    const { completed, lines } = heard(mesh, events);
    await mesh.service("orders").GET("/x");
    expect(completed()).toMatchObject([{ answeredBy: "fault", outcome: "overload", attempts: 0 }]);
    expect(lines).toEqual(["orders 503 fault_filter_abort 0 0"]);
  });
});
