import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";

import { createMesh, staticSource, unwrap } from "@proxyless/core";
import type { FetchInit, Mesh } from "@proxyless/core";
import { request as undici } from "undici";
import { expect, it, onTestFinished } from "vitest";

import { listening } from "../telemetry/support/listening.ts";
import { Overheard } from "./support/overheard.ts";
import { Planted } from "./support/planted.ts";
import { wrong } from "./support/wrong.ts";

/** Answers by the path, and everything that it answers is secret. */
function answer(planted: Planted): (request: IncomingMessage, response: ServerResponse) => void {
  const secret = planted.at("an answer");
  let requests = 0;
  return (request, response) => {
    const path = request.url?.split("?")[0];
    requests++;
    // An answer that sets a cookie is for one caller alone.
    if (path !== "/kept") response.setHeader("set-cookie", `session=${secret}`);
    response.setHeader("x-token", secret);
    if (path === "/hang") return;
    if (path === "/reset") response.destroy();
    else if (path === "/flaky") response.writeHead(requests % 2 === 0 ? 200 : 503).end(secret);
    else if (path === "/broken") response.writeHead(503).end(secret);
    else if (path === "/kept") response.writeHead(200, { "cache-control": "max-age=60" }).end(secret);
    else if (path === "/cut") {
      response.writeHead(200, { "content-length": 1000 }).write(secret);
      setImmediate(() => response.destroy());
    } else if (path === "/garbled") {
      response.writeHead(200, { "content-type": "application/json" }).end(`${secret} is no JSON`);
    } else if (path === "/elsewhere") {
      response.writeHead(302, { location: `http://user:${secret}@other/x?token=${secret}` }).end();
    } else if (path === "/here") response.writeHead(307, { location: `/kept?token=${secret}` }).end();
    else if (path === "/invalid") request.socket.end(`HTTP/1.1 ${secret}\r\n\r\n`);
    else response.end("{}");
  };
}

/** A request with a secret wherever one fits. */
function secretInit(
  planted: Planted,
  method: string,
): FetchInit & { readonly headers: Record<string, string> } {
  const headers = {
    authorization:
      method === "GET" ? planted.basic("authorization") : `Bearer ${planted.at("a bearer token")}`,
    "proxy-authorization": planted.basic("proxy-authorization"),
    cookie: `session=${planted.at("a cookie")}`,
    "x-api-key": planted.at("x-api-key"),
    "idempotency-key": planted.at("an idempotency key"),
  };
  const body = method === "GET" ? undefined : JSON.stringify({ password: planted.at("a request body") });
  return {
    method,
    headers,
    ...(body === undefined ? {} : { body }),
    mesh: { hashKey: planted.at("a hash key"), rateLimitKey: planted.at("a rate limit key") },
  };
}

it("no secret of a call comes out of anything that tells of it, however it ends", async () => {
  const planted = new Planted();
  const overheard = new Overheard(planted);
  const addresses: string[] = [];
  const handler = answer(planted);
  for (let n = 0; n < 3; n++) {
    const server = createServer(handler);
    onTestFinished(() => {
      server.closeAllConnections();
      server.close();
    });
    addresses.push(`127.0.0.1:${await listening(server)}`);
  }
  const discovery = staticSource({
    orders: addresses,
    shared: addresses,
    faulty: addresses,
    spare: addresses,
    limited: addresses,
    dead: ["127.0.0.1:1"],
  });
  const secretFault = { headers: { "x-api-key": planted.at("a header that a fault is matched by") } };
  const value = {
    status: 200,
    headers: { "x-key": planted.at("a fallback's header") },
    body: planted.at("a fallback"),
  };
  const mesh = overheard.listenTo(
    createMesh({
      discovery,
      recordOutcomes: 100,
      services: {
        orders: {
          hedge: { delayMs: 20 },
          retry: { maxAttempts: 2, baseDelayMs: 1, maxDelayMs: 1 },
          timeout: { totalMs: 300 },
          statefulSession: { cookie: { name: "session" } },
        },
        shared: { cache: {}, coalesce: {}, fallback: { value } },
        faulty: {
          retry: false,
          faultInjection: { percent: 100, abort: { kind: "reset" }, match: secretFault },
        },
        limited: { rateLimit: { tokensPerSecond: 0.1, burst: 1, perKey: true }, balancer: "ring-hash" },
      },
    }),
  );
  // The same for every call: requests that differ in a header share no answer.
  const hooked = planted.at("a hook's header");
  mesh.hook({
    beforeCall: (call) => {
      call.setHeader("x-hooked", hooked);
    },
  });
  await everyCall(mesh, planted, secretFault.headers["x-api-key"]);
  planted.value("dry run", mesh.dryRun("orders", { retry: false }));
  await overheard.end();

  // Nothing would be found where nothing is said.
  const said = [
    "events",
    "diagnostics channels",
    "event log",
    "access log",
    "metrics page",
    "metrics",
    "prom-client",
    "dumps",
  ];
  expect([...planted.sources]).toEqual(expect.arrayContaining([...said, "spans", "errors", "explanations"]));
  const told = ["retried", "hedged", "coalesced", "cached", "fell_back", "shed"].map((one) => `call.${one}`);
  const types = planted.from("event types").split("\n");
  expect([...new Set(types)]).toEqual(expect.arrayContaining([...told, "fault.injected"]));
  expect(planted.from("spans")).toContain("/garbled");
  expect(planted.leaks).toEqual([]);
});

/** Calls by every door, to every end. */
async function everyCall(mesh: Mesh, planted: Planted, faulty: string): Promise<void> {
  const query = (): string => `token=${planted.at("a query")}&q=${planted.at("another query")}`;
  const url = (service: string, path: string): string => `http://${service}${path}?${query()}`;
  const errors = async (call: Promise<unknown>): Promise<void> => {
    await call.catch((error: unknown) => {
      planted.value("errors", error);
    });
  };
  const fetched = (at: string, init: FetchInit): Promise<void> =>
    errors(mesh.fetch(at, init).then((response) => response.text()));
  const orders = mesh.service("orders");
  for (let n = 0; n < 20; n++) await fetched("http://orders/well", secretInit(planted, "GET"));
  const paths = [
    "/hang",
    "/reset",
    "/flaky",
    "/broken",
    "/cut",
    "/garbled",
    "/elsewhere",
    "/here",
    "/invalid",
  ];
  for (const path of paths) {
    for (const method of ["GET", "POST"]) await fetched(url("orders", path), secretInit(planted, method));
    const { headers } = secretInit(planted, "GET");
    const explain = (explanation: unknown): void => {
      planted.value("explanations", explanation);
    };
    await errors(
      orders.GET(path, {
        headers,
        params: { query: { token: planted.at("a typed query") } },
        explain,
      }),
    );
    await errors(
      orders.GET(
        path,
        wrong({ throwOnError: true, params: { query: { token: planted.at("a typed query") } } }),
      ),
    );
  }
  await Promise.all(
    [1, 2].map(() => fetched("http://shared/kept?token=1", { headers: { "x-api-key": "1" } })),
  );
  await fetched("http://shared/kept?token=1", { headers: { "x-api-key": "1" } });
  await fetched(url("shared", "/broken"), secretInit(planted, "GET"));
  await fetched(url("faulty", "/x"), { headers: { "x-api-key": faulty } });
  const limited = planted.at("the key of a rate limit");
  for (let n = 0; n < 2; n++)
    await fetched("http://limited/x", {
      ...secretInit(planted, "GET"),
      mesh: { rateLimitKey: limited },
    });
  await fetched(url("dead", "/x"), secretInit(planted, "POST"));
  await fetched(url("nobody", "/x"), secretInit(planted, "GET"));
  await errors(unwrap(orders.GET("/broken", { params: { query: { token: planted.at("a typed query") } } })));
  await errors(mesh.fetch(url("orders", "/garbled")).then((response) => response.json()));
  for (const path of ["/reset", "/hang", "/elsewhere"]) {
    const { headers } = secretInit(planted, "GET");
    await errors(
      undici(url("orders", path), { dispatcher: mesh.dispatcher, headers }).then(({ body }) => body.text()),
    );
  }
  // A user in the URL is refused, a signal's reason is the caller's own.
  await fetched(`http://user:${planted.at("a URL's password")}@orders/x?${query()}`, {});
  await fetched(url("orders", "/hang"), { ...secretInit(planted, "GET"), signal: AbortSignal.timeout(30) });
  await fetched(url("orders", "/x"), { headers: { "x-api-key": `${planted.at("a bad header")}\r\nx: y` } });
  await errors(
    orders.GET("/x", { headers: { authorization: `Bearer ${planted.at("a bad typed header")}\n` } }),
  );
  await errors(
    orders.POST("/x", {
      body: { [Symbol.iterator]: 1, key: 1n, password: planted.at("a body that is no JSON") },
    }),
  );
  await errors(
    orders.GET("/x/{id}", {
      params: { path: { id: `..` }, query: { t: planted.at("a query beside a bad path") } },
    }),
  );
  await fetched(`http://orders/x?${query()}`, {
    mesh: { endpoint: `user:${planted.at("an endpoint")}@nowhere` },
  });
}
