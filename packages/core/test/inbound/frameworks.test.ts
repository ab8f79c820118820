import { once } from "node:events";
import { request } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

import { describe, expect, it } from "vitest";

import { currentContext } from "../../src/context/call-context.ts";
import { createInbound } from "../../src/inbound/index.ts";
import type {
  FastifyLike,
  FastifyReplyLike,
  FastifyRequestLike,
  HonoContextLike,
  Inbound,
} from "../../src/inbound/index.ts";
import { startServer } from "../support/http.ts";

/** What each framework makes of a request: the part of it that middleware touches, in the order in which it does so. */
type Serve = (
  inbound: Inbound,
  handler: (body: string) => Promise<string>,
) => (incoming: IncomingMessage, response: ServerResponse) => void;

async function readBody(incoming: IncomingMessage): Promise<string> {
  let body = "";
  for await (const chunk of incoming) body += String(chunk);
  return body;
}

const express: Serve = (inbound, handler) => (incoming, response) => {
  inbound.express(incoming, response, () => {
    readBody(incoming)
      .then(handler)
      .then((text) => (response.headersSent ? response : response.end(text)))
      .catch(() => response.destroy());
  });
};

type Hook = Parameters<FastifyLike["addHook"]>[1];

/** Runs the hooks as Fastify does, and like it reads the body in events of the connection, outside of any context. */
const fastify: Serve = (inbound, handler) => {
  const hooks = new Map<string, Hook>();
  let registered = false;
  const app: FastifyLike = { addHook: (name, hook) => hooks.set(name, hook) };
  inbound.fastify(app, {}, () => {
    registered = true;
  });
  if (!registered) throw new Error("the plugin never said that it was done");
  return (incoming, response) => {
    let hijacked = false;
    const read = readBody(incoming);
    const wanted: FastifyRequestLike = { raw: incoming };
    const reply: FastifyReplyLike = {
      raw: response,
      hijack: () => {
        hijacked = true;
      },
    };
    hooks.get("onRequest")?.(wanted, reply, () => {
      incoming.once("end", () => {
        hooks.get("preValidation")?.(wanted, reply, () => {
          read
            .then(handler)
            .then((text) => (hijacked ? response : response.end(text)))
            .catch(() => response.destroy());
        });
      });
    });
  };
};

function honoContext(incoming: IncomingMessage, env: unknown, signal?: AbortSignal): HonoContextLike {
  const header = (name: string): string | undefined => {
    const value = incoming.headers[name];
    return typeof value === "string" ? value : undefined;
  };
  return { env, req: { method: incoming.method ?? "", raw: { signal }, header } };
}

/** @param withNode whether Hono runs on its adapter for Node, or on something that has nothing but a `Request` */
const hono =
  (withNode: boolean): Serve =>
  (inbound, handler) =>
  async (incoming, response) => {
    const gone = new AbortController();
    response.once("close", () => {
      gone.abort();
    });
    const context = honoContext(incoming, withNode ? { incoming, outgoing: response } : {}, gone.signal);
    let text = "";
    const answer = await inbound.hono(context, async () => {
      text = await handler(await readBody(incoming));
    });
    response.statusCode = answer?.status ?? 200;
    response.end(answer === undefined ? text : await answer.text());
  };

const frameworks: readonly (readonly [string, Serve])[] = [
  ["Express", express],
  ["Fastify", fastify],
  ["Hono on Node", hono(true)],
  ["Hono elsewhere", hono(false)],
];

interface Reply {
  readonly status: number | undefined;
  readonly body: string;
}

async function post(port: number, headers: Record<string, string>): Promise<Reply> {
  const sent = request({ port, host: "127.0.0.1", method: "POST", headers });
  sent.end("tea");
  const [response]: IncomingMessage[] = await once(sent, "response");
  return { status: response!.statusCode, body: await readBody(response!) };
}

describe.each(frameworks)("behind %s", (_, serve) => {
  it("a handler runs in the context of its request, also after reading the body", async () => {
    const inbound = createInbound({ mode: "enforce" });
    const handler = async (body: string): Promise<string> => {
      await sleep(1);
      const context = currentContext();
      return `${body} ${context?.attempt} ${context?.deadline !== undefined} ${context?.signal?.aborted}`;
    };
    await using server = await startServer(serve(inbound, handler));
    const reply = await post(server.port, { "grpc-timeout": "9S", "x-envoy-attempt-count": "2" });
    expect(reply).toEqual({ status: 200, body: "tea 2 true false" });
    await server.close();
    expect(inbound.stats()).toMatchObject({ requests: 1, cancelled: 0, inFlight: 0 });
  });

  it("a request that came too late is answered 504 without the handler", async () => {
    const inbound = createInbound({ mode: "enforce" });
    let ran = 0;
    await using server = await startServer(serve(inbound, async () => String(++ran)));
    expect(await post(server.port, { "grpc-timeout": "9n" })).toEqual({
      status: 504,
      body: "the deadline of this request is over\n",
    });
    expect(ran).toBe(0);
  });

  it("the handler's signal aborts at the deadline, and 504 goes out after respondMs, once", async () => {
    const inbound = createInbound({ mode: "enforce", respondMs: 1 });
    const { promise: finished, resolve } = Promise.withResolvers<boolean | undefined>();
    const handler = async (): Promise<string> => {
      await sleep(60);
      resolve(currentContext()?.signal?.aborted);
      return "late";
    };
    await using server = await startServer(serve(inbound, handler));
    expect((await post(server.port, { "x-envoy-expected-rq-timeout-ms": "10" })).status).toBe(504);
    expect(await finished).toBe(true);
    expect(inbound.stats().cut).toBe(1);
  });

  it("the handler's signal aborts when the caller goes away", async () => {
    const inbound = createInbound();
    const { promise: arrived, resolve } = Promise.withResolvers<AbortSignal[]>();
    await using server = await startServer(
      serve(inbound, async () => {
        const signal = currentContext()?.signal;
        resolve(signal === undefined ? [] : [signal]);
        await new Promise((done) => {
          signal?.addEventListener("abort", done);
        });
        return "";
      }),
    );
    const caller = request({ port: server.port, host: "127.0.0.1", method: "POST" });
    caller.on("error", () => {});
    caller.end("tea");
    const [signal] = await arrived;
    const aborted = once(signal!, "abort");
    caller.destroy();
    await aborted;
    expect(signal?.reason).toMatchObject({
      name: "AbortError",
      message: "the caller of this POST went away",
    });
    expect(inbound.stats().cancelled).toBe(1);
  });
});

describe("the plugin for Fastify", () => {
  it("holds for the routes of the application, not for its own alone", () => {
    const { fastify: plugin } = createInbound();
    expect(Object.getOwnPropertySymbols(plugin)).toContain(Symbol.for("skip-override"));
  });
});
