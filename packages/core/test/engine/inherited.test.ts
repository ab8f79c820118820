import { describe, expect, it } from "vitest";

import { runWithContext, withDeadline } from "../../src/index.ts";
import { answerOk } from "../support/http.ts";
import { meshOf, rejection, server } from "../support/mesh.ts";

const timeoutOf = (value: string | string[] | undefined): number => Number(value);

describe("a call that is made in some work", () => {
  it("ends with the work, however much time it has by itself, and tells the service what is left", async () => {
    const upstream = await server((request, response) => {
      if (request.url === "/x") answerOk(request, response);
    });
    const { mesh } = meshOf([upstream.address], { retry: false });
    const call = (path: string): Promise<unknown> => mesh.fetch(`http://orders${path}`);
    await withDeadline(5_000, () => call("/x"));
    const [told] = upstream.requests;
    const leftMs = timeoutOf(told!.headers["x-envoy-expected-rq-timeout-ms"]);
    expect(leftMs).toBeGreaterThan(3_000);
    expect(leftMs).toBeLessThanOrEqual(5_000);
    expect(told!.headers["grpc-timeout"]).toBeUndefined();
    const before = performance.now();
    expect(await rejection(withDeadline(80, () => call("/silent")))).toMatchObject({
      code: "ERR_PROXYLESS_TIMEOUT",
      timeout: "total",
    });
    expect(performance.now() - before).toBeLessThan(2_000);
  });

  it("tells what is left in gRPC's words too where that is asked for", async () => {
    const upstream = await server(answerOk);
    const { mesh } = meshOf([upstream.address], { deadline: { propagate: { grpcTimeout: true } } });
    await mesh.fetch("http://orders/x");
    expect(upstream.requests[0]!.headers["grpc-timeout"]).toMatch(/^\d{1,8}[munSMH]$/u);
  });

  it("ends in the middle of a stream as well", async () => {
    const upstream = await server((_, response) => {
      response.write("the beginning");
    });
    const { mesh } = meshOf([upstream.address]);
    const read = withDeadline(150, async () => (await mesh.fetch("http://orders/x")).text());
    expect(await rejection(read)).toMatchObject({ code: "ERR_PROXYLESS_TIMEOUT", timeout: "stream" });
  });

  it("is not made once the work should be over", async () => {
    const upstream = await server(answerOk);
    const { events, mesh } = meshOf([upstream.address]);
    expect(await rejection(withDeadline(-1, () => mesh.fetch("http://orders/x")))).toMatchObject({
      code: "ERR_PROXYLESS_TIMEOUT",
      flag: "DT",
    });
    expect(upstream.requests).toEqual([]);
    expect(events("call.completed")).toMatchObject([{ outcome: "ignored", attempts: 0 }]);
  });

  it("is given up with it", async () => {
    const upstream = await server(() => {});
    const { mesh } = meshOf([upstream.address]);
    const work = new AbortController();
    const call = rejection(runWithContext({ signal: work.signal }, () => mesh.fetch("http://orders/x")));
    setTimeout(() => {
      work.abort(new Error("nobody waits"));
    }, 30);
    expect(await call).toMatchObject({ message: "nobody waits" });
  });

  it("is not retried where somebody above retries already, unless it is told to be", async () => {
    const down = await server((_, response) => response.writeHead(503).end());
    const stopped = meshOf([down.address], { retry: { baseDelayMs: 0 } });
    await runWithContext({ chainStop: true }, () => stopped.mesh.fetch("http://orders/x"));
    expect(down.requests).toHaveLength(1);
    expect(down.requests[0]!.headers["x-proxyless-chain-stop"]).toBe("1");
    const going = meshOf([down.address], { retry: { baseDelayMs: 0, chainStop: false } });
    await runWithContext({ chainStop: true }, () => going.mesh.fetch("http://orders/x"));
    expect(down.requests).toHaveLength(4);
  });

  it("hands on how much it matters", async () => {
    const upstream = await server(answerOk);
    const { mesh } = meshOf([upstream.address]);
    await runWithContext({ criticality: "sheddable" }, () => mesh.fetch("http://orders/x"));
    await runWithContext({ criticality: "sheddable" }, () =>
      mesh.fetch("http://orders/x", { mesh: { criticality: "critical_plus" } }),
    );
    const told = upstream.requests.map(({ headers }) => headers["x-proxyless-criticality"]);
    expect(told).toEqual(["sheddable", "critical_plus"]);
  });

  it("takes and tells nothing where that is switched off", async () => {
    const upstream = await server(answerOk);
    const { mesh } = meshOf([upstream.address], { deadline: false });
    const response = await withDeadline(-1, () => mesh.fetch("http://orders/x"));
    expect(response.status).toBe(200);
    const { headers } = upstream.requests[0]!;
    expect(Object.keys(headers).filter((name) => /timeout|chain|criticality/u.test(name))).toEqual([]);
  });
});
