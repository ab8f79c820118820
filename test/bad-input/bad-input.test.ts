import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

import { createMesh, defineContract, memorySource, ProxylessError, staticSource } from "@proxyless/core";
import type { DiscoverySource, ErrorCode, Mesh, MeshOptions, ServiceOptions, Sink } from "@proxyless/core";
import fc from "fast-check";
import { request } from "undici";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";

let address = "";
const server = createServer((incoming, response) => {
  incoming.resume();
  response.setHeader("content-type", "application/json");
  response.end(incoming.url === "/not-json" ? "<html>" : '{"id":7}');
});
beforeAll(async () => {
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a listening TCP server has an AddressInfo
  address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.close();
  server.closeAllConnections();
});

const meshes: Mesh[] = [];
afterEach(async () => {
  for (const mesh of meshes.splice(0)) await mesh.close();
});

function meshWith(options: Partial<MeshOptions> = {}): Mesh {
  const mesh = createMesh({ discovery: staticSource({ orders: [address] }), ...options });
  meshes.push(mesh);
  return mesh;
}

async function expectError(run: () => unknown, code: ErrorCode, message: RegExp): Promise<void> {
  let caught: unknown;
  try {
    await run();
  } catch (error) {
    caught = error;
  }
  expect(caught).toBeInstanceOf(ProxylessError);
  expect(caught).toMatchObject({ code });
  expect(String(caught)).toMatch(message);
}

describe("an option out of its range", () => {
  const services: readonly (readonly [unknown, RegExp])[] = [
    [{ timeout: { totalMs: 0 } }, /services\.orders\.timeout\.totalMs must be .*1.*got 0/u],
    [{ timeout: { attemptMs: Number.NaN } }, /timeout\.attemptMs must be .*got NaN/u],
    [{ timeout: { connectMs: "1s" } }, /timeout\.connectMs must be .*got "1s"/u],
    [{ timeout: { totalMs: 100, attemptMs: 200 } }, /timeout\.attemptMs must be at most .*totalMs \(100\)/u],
    [{ timeout: { total: 5 } }, /timeout\.total must be left out .*totalMs, attemptMs, connectMs/u],
    [{ retry: { maxAttempts: 11 } }, /retry\.maxAttempts must be .*10.*got 11/u],
    [{ retry: { maxAttempts: 1.5 } }, /retry\.maxAttempts/u],
    [{ retry: { statuses: [99] } }, /retry\.statuses/u],
    [{ retry: { baseDelayMs: -1 } }, /retry\.baseDelayMs/u],
    [{ retry: { baseDelayMs: 500, maxDelayMs: 10 } }, /retry\.baseDelayMs|retry\.maxDelayMs/u],
    [{ retry: { budget: { ratio: 2 } } }, /retry\.budget\.ratio must be .*got 2/u],
    [{ retry: { budget: { minPerSecond: -1 } } }, /retry\.budget\.minPerSecond/u],
    [{ circuit: { failureRatio: 0 } }, /circuit\.failureRatio/u],
    [{ circuit: { windowMs: 1 } }, /circuit\.windowMs/u],
    [{ circuit: { minCalls: 0 } }, /circuit\.minCalls/u],
    [{ circuit: { openMs: 0 } }, /circuit\.openMs/u],
    [{ circuit: { probeTimeoutMs: 0 } }, /circuit\.probeTimeoutMs/u],
    [{ routes: [{ match: { path: "no-slash" } }] }, /routes\[0\]\.match\.path/u],
    [{ routes: [{ match: { path: "/x", method: "" } }] }, /routes\[0\]\.match\.method/u],
    [{ balancer: "fastest" }, /balancer must be one of success-aware-ewma/u],
    [{ transport: { connections: 0 } }, /transport\.connections must be a whole number from 1/u],
    [{ transport: { keepAliveMs: -1 } }, /transport\.keepAliveMs/u],
    [{ transport: { idleMs: 1 } }, /transport\.idleMs/u],
    [{ transport: { http2: "yes" } }, /transport\.http2 must be a boolean/u],
    [{ transport: { scheme: "ftp" } }, /transport\.scheme/u],
    [{ transport: { scheme: "http", tls: {} } }, /transport\.scheme must be "https" where tls is given/u],
    [{ transport: { tls: true } }, /transport\.tls must be an object, got true/u],
    [
      { transport: { tls: { rejectUnauthorised: false } } },
      /transport\.tls\.rejectUnauthorised must be left out/u,
    ],
    [
      { transport: { tls: { rejectUnauthorized: 0 } } },
      /transport\.tls\.rejectUnauthorized must be a boolean, got 0/u,
    ],
    [{ transport: { tls: { serverName: "10.0.0.1" } } }, /transport\.tls\.serverName must be a host name/u],
    [
      { transport: { tls: { minVersion: "TLSv9" } } },
      /transport\.tls\.minVersion must be one of .*TLSv1\.3, got "TLSv9"/u,
    ],
    [{ transport: { tls: { key: "no key" } } }, /transport\.tls\.key cannot be used/u],
    [{ transport: { host: "a b" } }, /transport\.host/u],
    [{ transport: { sockets: 3 } }, /transport\.sockets must be left out .*connections/u],
    [{ timeouts: {} }, /services\.orders\.timeouts must be left out .*balancer/u],
    [7, /services\.orders must be an object/u],
  ];

  it.each(services)("of a service is refused at start: %j", async (orders, message) => {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- wrong on purpose, as untyped code would be
    const wrong = { orders } as Record<string, ServiceOptions>;
    await expectError(() => meshWith({ services: wrong }), "ERR_PROXYLESS_CONFIG", message);
  });

  const meshOptions: readonly (readonly [object, RegExp])[] = [
    [{ drainMs: -1 }, /drainMs must be a number from 0 to 600000, got -1/u],
    [{ external: "maybe" }, /external must be "refuse" or "allow", got "maybe"/u],
    [{ discovery: undefined }, /discovery must be a discovery source, got undefined/u],
    [{ services: [] }, /services must be an object/u],
    [{ services: { "a/b": {} } }, /the service's name must be .*got "a\/b"/u],
    [{ directory: { emptyHoldMs: -1 } }, /emptyHoldMs must be .*got -1/u],
    [{ sevrices: {} }, /sevrices must be left out .*services/u],
  ];
  it.each(meshOptions)("of a mesh is refused at start: %j", async (options, message) => {
    await expectError(() => meshWith(options), "ERR_PROXYLESS_CONFIG", message);
  });

  it("of one call rejects that call", async () => {
    const orders = meshWith().service("orders");
    await expectError(
      () => orders.GET("/x", { timeoutMs: -5 }),
      "ERR_PROXYLESS_CONFIG",
      /timeoutMs must be .*got -5/u,
    );
    await expectError(
      () => orders.GET("/x", { retry: { maxAttempts: 0 } }),
      "ERR_PROXYLESS_CONFIG",
      /retry\.maxAttempts/u,
    );
  });

  it("is refused when a service is given its options twice", async () => {
    const mesh = meshWith({ services: { orders: { retry: false } } });
    mesh.service("orders");
    await expectError(
      () => mesh.service("orders", { circuit: false }),
      "ERR_PROXYLESS_CONFIG",
      /given before/u,
    );
  });

  it("is refused once the service is in use, instead of being ignored", async () => {
    const mesh = meshWith();
    await mesh.ready("orders");
    await expectError(
      () => mesh.service("orders", { retry: false }),
      "ERR_PROXYLESS_CONFIG",
      /before orders is first used/u,
    );
    mesh.service("orders");
  });

  it("of a static list is refused at start", async () => {
    await expectError(() => staticSource({ orders: ["127.0.0.1:99999"] }), "ERR_PROXYLESS_CONFIG", /orders/u);
    await expectError(() => memorySource({ orders: ["no port"] }), "ERR_PROXYLESS_CONFIG", /orders/u);
  });
});

describe("a host that is no known service", () => {
  it("is an error that names it, through every door", async () => {
    const mesh = meshWith();
    const unknown = /payments|example/u;
    await expectError(() => mesh.service("payments").GET("/x"), "ERR_PROXYLESS_UNKNOWN_SERVICE", unknown);
    await expectError(() => mesh.fetch("http://payments2/x"), "ERR_PROXYLESS_UNKNOWN_SERVICE", unknown);
    await expectError(() => mesh.fetch("http://www.example.com/x"), "ERR_PROXYLESS_UNKNOWN_SERVICE", unknown);
    await expectError(
      () => request("http://payments3/x", { dispatcher: mesh.dispatcher }),
      "ERR_PROXYLESS_UNKNOWN_SERVICE",
      unknown,
    );
  });

  it("goes out as it is where the mesh allows external calls", async () => {
    const mesh = meshWith({ external: "allow" });
    expect(await (await mesh.fetch(`http://${address}/x`)).json()).toEqual({ id: 7 });
    const { body } = await request(`http://${address}/x`, { dispatcher: mesh.dispatcher });
    expect(await body.json()).toEqual({ id: 7 });
    expect(mesh.inspect().services.map(({ service }) => service)).not.toContain(address);
  });

  it("is no way to fall back from https to http", async () => {
    const mesh = meshWith({ services: { orders: {} } });
    await expectError(() => mesh.fetch("https://orders/x"), "ERR_PROXYLESS_REQUEST", /https.*orders.*http/u);
  });
});

describe("names that nobody declared", () => {
  it("are refused beyond a number, so that URLs from outside cannot open watches without end", async () => {
    const mesh = meshWith();
    const calls = Array.from({ length: 300 }, async (_, i) => {
      const error: unknown = await mesh.fetch(`http://name-${i}/`).catch((reason: unknown) => reason);
      return String(error);
    });
    const refused = (await Promise.all(calls)).filter((text) => text.includes("too many names"));
    expect(refused).toHaveLength(44);
    mesh.service("orders");
    expect(await (await mesh.fetch("http://orders/x")).json()).toEqual({ id: 7 });
  });
});

describe("a malformed request", () => {
  it("is refused before anything is sent", async () => {
    const mesh = meshWith();
    const orders = mesh.service("orders");
    await expectError(() => mesh.fetch("http://"), "ERR_PROXYLESS_REQUEST", /URL/u);
    await expectError(() => mesh.fetch("orders/x"), "ERR_PROXYLESS_REQUEST", /URL/u);
    await expectError(
      () => orders.GET("/x", { headers: { "x-a": "1\r\nx-b: 2" } }),
      "ERR_PROXYLESS_REQUEST",
      /x-a/u,
    );
    await expectError(
      () => mesh.fetch("http://orders/x", { headers: { "x-a": "1\r\nx-b: 2" } }),
      "ERR_PROXYLESS_REQUEST",
      /x-a/u,
    );
    await expectError(
      () => orders.GET("/x", { headers: { "bad name": "1" } }),
      "ERR_PROXYLESS_REQUEST",
      /bad name/u,
    );
    await expectError(() => orders.POST("/x", { body: Symbol("nothing") }), "ERR_PROXYLESS_REQUEST", /body/u);
    await expectError(() => orders.POST("/x", { body: { big: 1n } }), "ERR_PROXYLESS_REQUEST", /body/u);
    const circular: Record<string, unknown> = {};
    circular["self"] = circular;
    await expectError(() => orders.POST("/x", { body: circular }), "ERR_PROXYLESS_REQUEST", /body/u);
    await expectError(() => orders.GET("/x/{id}", { params: { path: {} } }), "ERR_PROXYLESS_REQUEST", /id/u);
    await expectError(
      () => orders.GET("/x/{id}", { params: { path: { id: ".." } } }),
      "ERR_PROXYLESS_REQUEST",
      /id/u,
    );
  });

  it("never shows a query or a password", async () => {
    const { dispatcher } = meshWith();
    for (const url of ["http://user:s3cret@orders", "ftp://user:s3cret@orders"]) {
      const error: unknown = await new Promise((resolve) => {
        dispatcher.dispatch(
          { origin: url, path: "/x?token=s3cret y", method: "GET" },
          {
            onRequestStart: () => {},
            onResponseStart: () => {},
            onResponseData: () => {},
            onResponseEnd: () => {},
            onResponseError: (_, reason) => {
              resolve(reason);
            },
          },
        );
      });
      expect(error).toBeInstanceOf(ProxylessError);
      expect(String(error)).not.toContain("s3cret");
    }
  });

  it("never shows the value of a header", async () => {
    const orders = meshWith().service("orders");
    await expectError(
      () => orders.GET("/x", { headers: { authorization: "Bearer s3cret\n" } }),
      "ERR_PROXYLESS_REQUEST",
      /^(?!.*s3cret).*authorization/su,
    );
  });
});

describe("an answer", () => {
  it("that breaks its contract is an error that says where", async () => {
    const contract = defineContract({ "/x": { GET: { responses: { 200: z.object({ id: z.string() }) } } } });
    const orders = meshWith().service("orders", { contract });
    await expectError(() => orders.GET("/x"), "ERR_PROXYLESS_CONTRACT", /GET \/x.*200.*id/su);
  });

  it("that is not JSON where JSON was asked for is an error", async () => {
    await expectError(
      () => meshWith().service("orders").GET("/not-json"),
      "ERR_PROXYLESS_DECODE",
      /application\/json/u,
    );
  });
});

describe("a registry full of rubbish", () => {
  it("neither crashes the process nor takes away the endpoints that are known", async () => {
    let sink: Sink | undefined;
    const source: DiscoverySource = {
      name: "rubbish",
      key: ({ service }) => service,
      watch: (_, to, { signal }) => {
        sink = to;
        return {
          done: new Promise((resolve) =>
            signal.addEventListener("abort", () => {
              resolve();
            }),
          ),
        };
      },
    };
    const mesh = meshWith({ discovery: source });
    const orders = mesh.service("orders");
    const [host = "", port = ""] = address.split(":");
    const good = {
      id: "good",
      host,
      port: Number(port),
      weight: 1,
      priority: 0,
      health: "healthy" as const,
      metadata: {},
    };
    sink?.snapshot({ kind: "bound", trust: "authoritative", endpoints: [good] });
    await mesh.ready("orders");
    await fc.assert(
      fc.asyncProperty(
        fc.anything({ withNullPrototype: true, withBigInt: true, withMap: true }),
        async (rubbish) => {
          // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- wrong on purpose
          const anything = rubbish as never;
          sink?.snapshot(anything);
          sink?.snapshot({ kind: "bound", trust: "authoritative", endpoints: anything });
          sink?.snapshot({ kind: "bound", trust: "authoritative", endpoints: [anything, good] });
          sink?.snapshot({
            kind: "bound",
            trust: "authoritative",
            endpoints: [
              {
                ...good,
                ...(typeof rubbish === "object" ? rubbish : {}),
                port: typeof rubbish === "number" ? -1 : anything,
              },
            ],
          });
          sink?.alive(anything);
          sink?.error(anything);
          expect((await orders.GET("/x")).data).toEqual({ id: 7 });
        },
      ),
      { seed: 3, numRuns: 150 },
    );
  });
});
