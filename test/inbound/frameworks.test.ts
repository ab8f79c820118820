import { once } from "node:events";
import { createServer, request } from "node:http";
import type { IncomingMessage, Server } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

import { serve } from "@hono/node-server";
import { currentContext } from "@proxyless/core";
import { createInbound } from "@proxyless/core/inbound";
import type { Inbound } from "@proxyless/core/inbound";
import express from "express";
import { fastify } from "fastify";
import { Hono } from "hono";
import { describe, expect, it, vi } from "vitest";

interface Running extends AsyncDisposable {
  readonly port: number;
}

type Start = (inbound: Inbound, work: (body: unknown) => Promise<string>) => Promise<Running>;

async function running(server: Server, close?: () => Promise<unknown>): Promise<Running> {
  if (!server.listening) await once(server, "listening");
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a listening TCP server has an AddressInfo
  const { port } = server.address() as AddressInfo;
  const stop = async (): Promise<void> => {
    server.closeAllConnections();
    if (close !== undefined) await close();
    else {
      server.close();
      await once(server, "close");
    }
  };
  return { port, [Symbol.asyncDispose]: stop };
}

const onExpress: Start = (inbound, work) => {
  const app = express();
  app.use(inbound.express);
  app.use(express.json());
  app.post("/", async (incoming, response) => {
    const text = await work(incoming.body);
    if (!response.headersSent) response.send(text);
  });
  return running(createServer(app).listen(0, "127.0.0.1"));
};

const onFastify: Start = async (inbound, work) => {
  const app = fastify();
  await app.register(inbound.fastify);
  app.post("/", (incoming) => work(incoming.body));
  await app.listen({ port: 0, host: "127.0.0.1" });
  return running(app.server, () => app.close());
};

const onHono: Start = (inbound, work) => {
  const app = new Hono();
  app.use(inbound.hono);
  app.post("/", async (context) => context.text(await work(await context.req.json())));
  const server = serve({ fetch: app.fetch, port: 0, hostname: "127.0.0.1", createServer });
  if (!("closeAllConnections" in server)) throw new Error("not a server of node:http");
  return running(server);
};

function post(
  port: number,
  headers: Record<string, string>,
): { readonly reply: Promise<string>; leave(): void } {
  const type = { "content-type": "application/json" };
  const sent = request({ port, host: "127.0.0.1", method: "POST", headers: { ...type, ...headers } });
  const reply = new Promise<string>((resolve) => {
    sent.on("response", (response: IncomingMessage) => {
      let body = "";
      response.on("data", (chunk) => (body += String(chunk)));
      response.on("close", () => {
        resolve(`${response.statusCode} ${body.trim()}`);
      });
    });
    sent.on("error", () => {
      resolve("gone");
    });
  });
  sent.end('{"item":"tea"}');
  return { reply, leave: () => sent.destroy() };
}

const frameworks: readonly (readonly [string, Start])[] = [
  ["Express", onExpress],
  ["Fastify", onFastify],
  ["Hono", onHono],
];

describe.each(frameworks)("inbound in %s", (_, start) => {
  it("runs the route in the context of its request, also behind the framework's own body parser", async () => {
    const inbound = createInbound({ mode: "enforce" });
    await using server = await start(inbound, async (body) => {
      await sleep(1);
      const context = currentContext();
      return JSON.stringify([body, context?.attempt, context?.deadline !== undefined]);
    });
    const headers = { "grpc-timeout": "9S", "x-envoy-attempt-count": "2" };
    expect(await post(server.port, headers).reply).toBe('200 [{"item":"tea"},2,true]');
  });

  it("answers what came too late without the route, and what becomes too late at its deadline", async () => {
    const inbound = createInbound({ mode: "enforce", respondMs: 0 });
    let ran = 0;
    await using server = await start(inbound, async () => {
      ran++;
      await sleep(60);
      return "late";
    });
    const late = "504 the deadline of this request is over";
    expect(await post(server.port, { "grpc-timeout": "9n" }).reply).toBe(late);
    expect(ran).toBe(0);
    expect(await post(server.port, { "grpc-timeout": "10m" }).reply).toBe(late);
    await sleep(80);
    expect(inbound.stats()).toMatchObject({ requests: 2, refused: 1, cut: 1, inFlight: 0 });
  });

  it("aborts the route's signal when the caller goes away", async () => {
    const inbound = createInbound();
    const { promise: arrived, resolve } = Promise.withResolvers<AbortSignal[]>();
    await using server = await start(inbound, async () => {
      const signal = currentContext()?.signal;
      resolve(signal === undefined ? [] : [signal]);
      if (signal?.aborted === false) await once(signal, "abort");
      return "";
    });
    const caller = post(server.port, {});
    const [signal] = await arrived;
    caller.leave();
    await caller.reply;
    await vi.waitFor(() => {
      expect(signal?.reason).toMatchObject({ name: "AbortError" });
    });
    expect(inbound.stats()).toMatchObject({ cancelled: 1, inFlight: 0 });
  });
});
