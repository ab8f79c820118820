import { once } from "node:events";
import { createServer as createHttp2Server } from "node:http2";
import type { AddressInfo } from "node:net";
import { createServer as createTcpServer } from "node:net";

import { describe, expect, it, onTestFinished, vi } from "vitest";

import type { HealthCheckPolicy } from "../../src/index.ts";
import { answerOk, refusedAddress } from "../support/http.ts";
import { meshOf, server } from "../support/mesh.ts";
import type { TestMesh } from "../support/mesh.ts";

const quick = { intervalMs: 100, unhealthyIntervalMs: 100, timeoutMs: 300 };

/** Waits until an endpoint is what its checks should find; health checks run on the real clock. */
async function becomes(
  { mesh }: TestMesh,
  endpoint: string,
  gate: RegExp | undefined,
): Promise<string | undefined> {
  return vi.waitFor(
    () => {
      const found = mesh.inspect().services[0]?.endpoints.find((one) => one.endpoint === endpoint);
      const texts = found?.gate.map(({ text }) => text).join();
      expect(texts).toMatch(gate ?? /^$/);
      return texts;
    },
    { timeout: 5_000, interval: 20 },
  );
}

const checked = (addresses: readonly string[], healthCheck: HealthCheckPolicy): TestMesh => {
  const test = meshOf(addresses, { healthCheck, outlierDetection: false, retry: false });
  test.mesh.service("orders");
  return test;
};

describe("health checks over HTTP", () => {
  it("keep calls from an endpoint that says it is not well, and let them back when it is", async () => {
    let status = 503;
    const sick = await server((request, response) => {
      response.statusCode = request.url === "/healthz" ? status : 200;
      response.end("{}");
    });
    const well = await server(answerOk);
    const test = checked([sick.address, well.address], { type: "http", path: "/healthz", ...quick });
    await becomes(test, sick.address, /health check: GET \/healthz was answered with 503/);
    const calls = async (): Promise<number> => {
      const before = sick.requests.filter(({ url }) => url === "/x").length;
      for (let i = 0; i < 20; i++) await test.mesh.service("orders").GET("/x");
      return sick.requests.filter(({ url }) => url === "/x").length - before;
    };
    expect(await calls()).toBe(0);
    status = 200;
    await becomes(test, sick.address, undefined);
    expect(await calls()).toBeGreaterThan(0);
    expect(test.events("endpoint.health_changed").map(({ health }) => health)).toContain("unhealthy");
  });

  it("find one that hangs, one that refuses and one that answers garbage, and not the one beside them", async () => {
    const hanging = await server(() => {});
    const well = await server(answerOk);
    const garbage = createTcpServer((socket) => {
      // A check that has seen enough resets the connection.
      socket.on("error", () => {});
      socket.end("no HTTP\r\n\r\n");
    });
    garbage.listen(0, "127.0.0.1");
    await once(garbage, "listening");
    onTestFinished(() => void garbage.close());
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a listening TCP server has an AddressInfo
    const garbageAddress = `127.0.0.1:${(garbage.address() as AddressInfo).port}`;
    const refusing = await refusedAddress();
    const test = checked([hanging.address, refusing, garbageAddress, well.address], {
      type: "http",
      ...quick,
    });
    await becomes(test, hanging.address, /no answer within 300 ms/);
    await becomes(test, refusing, /ECONNREFUSED/);
    await becomes(test, garbageAddress, /health check: /);
    expect(await becomes(test, well.address, undefined)).toBe("");
  });

  it("let an endpoint back that is ejected, though they went well all the time and no call comes", async () => {
    let isBroken = true;
    const odd = await server((request, response) => {
      if (request.url === "/x" && isBroken) response.statusCode = 500;
      answerOk(request, response);
    });
    const well = await server(answerOk);
    const { events, mesh } = meshOf([odd.address, well.address], {
      healthCheck: { type: "http", ...quick },
      balancer: "round-robin",
      retry: false,
    });
    const orders = mesh.service("orders");
    await vi.waitFor(
      async () => {
        await orders.GET("/x");
        expect(events("endpoint.ejected")).toHaveLength(1);
      },
      { interval: 1, timeout: 5_000 },
    );
    isBroken = false;
    await vi.waitFor(() => {
      expect(events("endpoint.returned").map(({ how }) => how)).toEqual(["health check"]);
    });
    expect(events("endpoint.health_changed").filter(({ endpoint }) => endpoint === odd.address)).toHaveLength(
      1,
    );
  });

  it("are made once for two services that use the same endpoint", async () => {
    const both = await server(answerOk);
    const healthCheck = { type: "http", ...quick, intervalMs: 3_600_000 } as const;
    const transport = { host: "shared" };
    const { mesh, source } = meshOf([both.address], { healthCheck, transport });
    source.set("other", [both.address]);
    mesh.service("orders");
    mesh.service("other", { healthCheck, transport });
    await vi.waitFor(() => {
      const healths = mesh.inspect().services.map(({ endpoints }) => endpoints[0]?.activeHealth);
      expect(healths).toEqual(["healthy", "healthy"]);
    });
    expect(both.requests).toHaveLength(1);
  });

  it("end with the mesh", async () => {
    const well = await server(answerOk);
    const { mesh } = checked([well.address], { type: "http", ...quick });
    await vi.waitFor(() => {
      expect(well.requests.length).toBeGreaterThan(0);
    });
    await mesh.close();
    const count = well.requests.length;
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(well.requests.length).toBe(count);
  });
});

describe("health checks over TCP", () => {
  it("find out whether anybody listens", async () => {
    const well = await server(answerOk);
    const refusing = await refusedAddress();
    const test = checked([well.address, refusing], { type: "tcp", ...quick });
    await becomes(test, refusing, /ECONNREFUSED/);
    await becomes(test, well.address, undefined);
    expect(well.requests).toHaveLength(0);
  });
});

describe("health checks of gRPC", () => {
  const grpcServer = async (stateOf: () => number, asked: Buffer[] = []): Promise<string> => {
    const grpc = createHttp2Server();
    grpc.on("stream", (stream, headers) => {
      const chunks: Buffer[] = [];
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      stream.on("end", () => {
        asked.push(Buffer.concat(chunks));
        const isCheck = headers[":path"] === "/grpc.health.v1.Health/Check";
        stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
        stream.on("wantTrailers", () => {
          stream.sendTrailers({ "grpc-status": isCheck ? "0" : "12" });
        });
        stream.end(Buffer.from([0, 0, 0, 0, 2, 8, stateOf()]));
      });
    });
    grpc.listen(0, "127.0.0.1");
    await once(grpc, "listening");
    onTestFinished(() => void grpc.close());
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a listening TCP server has an AddressInfo
    return `127.0.0.1:${(grpc.address() as AddressInfo).port}`;
  };

  it("speak the health protocol and ask about the service that is named", async () => {
    let state = 1;
    const asked: Buffer[] = [];
    const address = await grpcServer(() => state, asked);
    const other = await refusedAddress();
    const test = checked([address, other], { type: "grpc", service: "shop.Orders", ...quick });
    await becomes(test, other, /health check/);
    await becomes(test, address, undefined);
    // One that was not asked yet is not unhealthy either.
    await expect
      .poll(() => asked[0]?.toString("latin1"))
      .toBe("\u0000\u0000\u0000\u0000\r\n\u000bshop.Orders");
    state = 2;
    await becomes(test, address, /NOT_SERVING/);
    state = 1;
    await becomes(test, address, undefined);
  });

  it("find a server that speaks HTTP/1.1 only", async () => {
    const old = await server(answerOk);
    const well = await grpcServer(() => 1);
    const test = checked([old.address, well], { type: "grpc", ...quick });
    await becomes(test, old.address, /health check: /);
    expect(await becomes(test, well, undefined)).toBe("");
  });
});
