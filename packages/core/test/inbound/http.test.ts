import { once } from "node:events";
import { Agent, createServer, request } from "node:http";
import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { connect as connectHttp2, createServer as createHttp2Server } from "node:http2";
import { connect } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { setImmediate as nextTurn, setTimeout as sleep } from "node:timers/promises";

import { describe, expect, it } from "vitest";

import { currentContext } from "../../src/context/call-context.ts";
import type { CallContext } from "../../src/context/call-context.ts";
import { createInbound } from "../../src/inbound/index.ts";
import type { InboundEvent } from "../../src/inbound/index.ts";
import { startServer } from "../support/http.ts";

interface Reply {
  readonly status: number | undefined;
  readonly body: string;
}

async function get(port: number, headers: Record<string, string> = {}, agent?: Agent): Promise<Reply> {
  const sent = request({ port, host: "127.0.0.1", headers, ...(agent === undefined ? {} : { agent }) });
  sent.end();
  const [response]: IncomingMessage[] = await once(sent, "response");
  let body = "";
  for await (const chunk of response!) body += String(chunk);
  return { status: response!.statusCode, body };
}

/** A listener that takes its time; an error in it ends the exchange, so that the test sees it. */
function slowly(
  work: (incoming: IncomingMessage, response: ServerResponse) => Promise<void>,
): RequestListener {
  return (incoming, response) => {
    work(incoming, response).catch((error: unknown) => {
      response.destroy(error instanceof Error ? error : undefined);
    });
  };
}

/** A promise, and what settles it. */
function signpost<T>(): { readonly reached: Promise<T>; readonly reach: (value: T) => void } {
  const { promise, resolve } = Promise.withResolvers<T>();
  return { reached: promise, reach: resolve };
}

function aborted(context: CallContext | undefined): Promise<unknown> {
  return new Promise((resolve) => {
    context?.signal?.addEventListener("abort", () => {
      resolve(context.signal?.reason);
    });
  });
}

describe("a handler behind inbound.http", () => {
  it("runs in the context of its request", async () => {
    const inbound = createInbound({ mode: "enforce" });
    const seen: (CallContext | undefined)[] = [];
    const before = performance.now();
    await using server = await startServer(
      inbound.http(
        slowly(async (incoming, response) => {
          for await (const _ of incoming);
          seen.push(currentContext());
          response.end();
        }),
      ),
    );
    await get(server.port, {
      "grpc-timeout": "20S",
      "x-envoy-expected-rq-timeout-ms": "10000",
      "x-envoy-attempt-count": "2",
      "x-proxyless-criticality": "sheddable",
    });
    const after = performance.now();
    await get(server.port);
    expect(seen[0]).toMatchObject({ attempt: 2, criticality: "sheddable", chainStop: true });
    expect(seen[0]?.deadline).toBeGreaterThan(before + 10_000);
    expect(seen[0]?.deadline).toBeLessThan(after + 10_000);
    expect(seen[1]).toMatchObject({ deadline: undefined, attempt: undefined, chainStop: false });
    expect(currentContext()).toBeUndefined();
  });

  it("owes nothing to the context that the server was started in", async () => {
    const inbound = createInbound({ mode: "enforce" });
    const outer = createInbound({ mode: "enforce" });
    const found = signpost<CallContext | undefined>();
    const started = signpost<number>();
    // A server that is started by the first request of another one.
    await using first = await startServer(
      outer.http((_, response) => {
        const inner = createServer(
          inbound.http((_request, innerResponse) => {
            found.reach(currentContext());
            innerResponse.end();
            inner.close();
          }),
        );
        inner.listen(0, "127.0.0.1", () => {
          // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a listening TCP server has an AddressInfo
          started.reach((inner.address() as AddressInfo).port);
          response.end();
        });
      }),
    );
    await get(first.port, { "grpc-timeout": "50m", "x-envoy-attempt-count": "4" });
    await get(await started.reached, { connection: "close" });
    expect(await found.reached).toMatchObject({ deadline: undefined, attempt: undefined });
  });

  it("does not run for a request that came too late, which is answered 504", async () => {
    const events: InboundEvent[] = [];
    const inbound = createInbound({
      mode: "enforce",
      minDeadlineMs: 5,
      onEvent: (event) => events.push(event),
    });
    await using server = await startServer(
      inbound.http(() => {
        throw new Error("it must not run");
      }),
    );
    const reply = await get(server.port, { "grpc-timeout": "4m" });
    expect(reply).toEqual({ status: 504, body: "the deadline of this request is over\n" });
    expect(events).toEqual([
      { type: "inbound.deadline", action: "refused", method: "GET", givenMs: 4, byMs: 1 },
    ]);
    expect(inbound.stats()).toMatchObject({ requests: 1, refused: 1, inFlight: 0 });
  });

  it("runs for too many late ones, without a deadline, since then it is the times that are wrong", async () => {
    const inbound = createInbound({ mode: "enforce" });
    const deadlines: unknown[] = [];
    await using server = await startServer(
      inbound.http((_, response) => {
        deadlines.push(currentContext()?.deadline);
        response.end();
      }),
    );
    const statuses: (number | undefined)[] = [];
    for (let i = 0; i < 30; i++) statuses.push((await get(server.port, { "grpc-timeout": "1n" })).status);
    // Ten, and a fifth of the thirty, as they come.
    expect(statuses.filter((status) => status === 504)).toHaveLength(16);
    expect(inbound.stats()).toMatchObject({ refused: 16, spared: 14 });
    expect(new Set(deadlines)).toEqual(new Set([undefined]));
  });

  it("hears of its deadline through the signal, and decides the answer", async () => {
    const events: InboundEvent[] = [];
    const inbound = createInbound({ mode: "enforce", onEvent: (event) => events.push(event) });
    await using server = await startServer(
      inbound.http(
        slowly(async (_, response) => {
          const reason = await aborted(currentContext());
          response.statusCode = 503;
          response.end(reason instanceof Error ? reason.message : "");
        }),
      ),
    );
    const reply = await get(server.port, { "grpc-timeout": "20m" });
    expect(reply).toEqual({ status: 503, body: "the deadline of this GET is over: it came with 20 ms" });
    await vanished(() => inbound.stats().inFlight);
    expect(events).toMatchObject([{ type: "inbound.deadline", action: "cut", givenMs: 20 }]);
    expect(inbound.stats()).toMatchObject({ cut: 1, cancelled: 0 });
  });

  it("is answered for, respondMs after the deadline", async () => {
    const inbound = createInbound({ mode: "enforce", respondMs: 1 });
    const held: ServerResponse[] = [];
    await using server = await startServer(inbound.http((_, response) => held.push(response)));
    expect((await get(server.port, { "grpc-timeout": "10m" })).status).toBe(504);
    expect(held[0]?.writableEnded).toBe(true);
  });

  it("keeps streaming where its answer had begun by the deadline", async () => {
    const inbound = createInbound({ mode: "enforce", respondMs: 0 });
    const state: (boolean | undefined)[] = [];
    await using server = await startServer(
      inbound.http(
        slowly(async (_, response) => {
          response.write("a");
          await sleep(40);
          state.push(currentContext()?.signal?.aborted);
          response.end("b");
        }),
      ),
    );
    expect(await get(server.port, { "grpc-timeout": "10m" })).toEqual({ status: 200, body: "ab" });
    expect(state).toEqual([false]);
    expect(inbound.stats().cut).toBe(0);
  });

  it("notices nothing while deadlines are only measured", async () => {
    const events: InboundEvent[] = [];
    const inbound = createInbound({ onEvent: (event) => events.push(event) });
    const seen: unknown[] = [];
    await using server = await startServer(
      inbound.http(
        slowly(async (_, response) => {
          await sleep(30);
          seen.push(currentContext()?.deadline, currentContext()?.signal?.aborted);
          response.end("done");
        }),
      ),
    );
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    expect((await get(server.port, { "grpc-timeout": "10m" }, agent)).body).toBe("done");
    expect((await get(server.port, { "grpc-timeout": "10u" }, agent)).body).toBe("done");
    expect((await get(server.port, { "grpc-timeout": "90S" }, agent)).body).toBe("done");
    expect((await get(server.port, { "grpc-timeout": "soon" }, agent)).body).toBe("done");
    agent.destroy();
    expect(seen).toEqual(Array.from({ length: 4 }, () => [undefined, false]).flat());
    expect(events).toMatchObject([
      { type: "inbound.deadline", action: "would_cut", givenMs: 10 },
      { type: "inbound.deadline", action: "would_refuse", givenMs: 0.01, byMs: 0.99 },
      { type: "inbound.capped", givenMs: 90_000, maxDeadlineMs: 60_000 },
      { type: "inbound.header", header: "grpc-timeout", problem: "malformed" },
    ]);
    const stats = inbound.stats();
    expect(stats).toMatchObject({ withDeadline: 3, wouldCut: 1, wouldRefuse: 1, capped: 1, malformed: 1 });
    expect(stats.maxLateMs).toBeGreaterThan(0);
    expect(stats).toMatchObject({ refused: 0, cut: 0, lateMs: stats.maxLateMs });
  });

  it("hears no deadline while that is off, and all else", async () => {
    const inbound = createInbound({ mode: "off" });
    const seen: (CallContext | undefined)[] = [];
    await using server = await startServer(
      inbound.http((_, response) => {
        seen.push(currentContext());
        response.end();
      }),
    );
    await get(server.port, { "grpc-timeout": "1n", "x-envoy-attempt-count": "2" });
    expect(seen).toMatchObject([{ deadline: undefined, attempt: 2 }]);
    expect(inbound.stats().withDeadline).toBe(0);
  });

  it("is not disturbed by a listener of events that throws", async () => {
    const thrown: unknown[] = [];
    const keep = process.listeners("uncaughtException");
    process.removeAllListeners("uncaughtException");
    process.once("uncaughtException", (error) => thrown.push(error));
    const inbound = createInbound({
      onEvent: () => {
        throw new Error("mine");
      },
    });
    await using server = await startServer(inbound.http((_, response) => response.end("ok")));
    const reply = await get(server.port, { "grpc-timeout": "soon" });
    for (const listener of keep) process.on("uncaughtException", listener);
    expect(reply.body).toBe("ok");
    expect(thrown).toMatchObject([{ message: "mine" }]);
  });
});

describe("a caller that goes away", () => {
  it("aborts the signal in the very tick in which its connection closes", async () => {
    const events: InboundEvent[] = [];
    const inbound = createInbound({ onEvent: (event) => events.push(event) });
    const order: string[] = [];
    const arrived = signpost<CallContext | undefined>();
    await using server = await startServer(
      inbound.http((incoming) => {
        const context = currentContext();
        // Registered after the response's own: runs right behind them, before any other tick.
        incoming.socket.once("close", () => {
          order.push(`close, aborted: ${context?.signal?.aborted}`);
        });
        context?.signal?.addEventListener("abort", () => order.push("abort"));
        arrived.reach(context);
      }),
    );
    const caller = connect(server.port, "127.0.0.1");
    caller.write("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    const gone = aborted(await arrived.reached);
    caller.destroy();
    expect(await gone).toMatchObject({ name: "AbortError", message: "the caller of this GET went away" });
    await nextTurn();
    expect(order).toEqual(["abort", "close, aborted: true"]);
    expect(inbound.stats()).toMatchObject({ cancelled: 1, inFlight: 0 });
    expect(events).toMatchObject([{ type: "inbound.cancelled", method: "GET" }]);
  });

  it("aborts in the middle of a body that is streamed to it", async () => {
    const inbound = createInbound();
    const arrived = signpost<CallContext | undefined>();
    await using server = await startServer(
      inbound.http((_, response) => {
        response.write("first");
        arrived.reach(currentContext());
      }),
    );
    const caller = connect(server.port, "127.0.0.1");
    caller.write("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    await once(caller, "data");
    const gone = aborted(await arrived.reached);
    caller.destroy();
    expect(await gone).toMatchObject({ name: "AbortError" });
  });

  it("aborts every request that it had pipelined", async () => {
    const inbound = createInbound();
    const waiting: Promise<unknown>[] = [];
    const third = signpost<undefined>();
    await using server = await startServer(
      inbound.http(() => {
        waiting.push(aborted(currentContext()));
        if (waiting.length === 3) third.reach(undefined);
      }),
    );
    const caller = connect(server.port, "127.0.0.1");
    caller.write("GET / HTTP/1.1\r\nhost: a\r\n\r\n".repeat(3));
    await third.reached;
    caller.destroy();
    expect(await Promise.all(waiting)).toMatchObject(
      Array.from({ length: 3 }, () => ({ name: "AbortError" })),
    );
    expect(inbound.stats()).toMatchObject({ cancelled: 3, inFlight: 0 });
  });

  it("aborts the one stream of HTTP/2 that it resets, and no other", async () => {
    const inbound = createInbound();
    const contexts = new Map<string, CallContext | undefined>();
    const both = signpost<undefined>();
    const server = createHttp2Server(
      inbound.http((incoming) => {
        contexts.set(incoming.url, currentContext());
        if (contexts.size === 2) both.reach(undefined);
      }),
    );
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a listening TCP server has an AddressInfo
    const client = connectHttp2(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    const streams = ["/a", "/b"].map((path) => client.request({ ":path": path }));
    for (const stream of streams) stream.on("error", () => {});
    await both.reached;
    const gone = aborted(contexts.get("/a"));
    streams[0]?.close(8);
    expect(await gone).toMatchObject({ name: "AbortError" });
    expect(contexts.get("/b")?.signal?.aborted).toBe(false);
    client.destroy();
    server.close();
    await once(server, "close");
  });

  it("is found out at once where it had left before its turn came", async () => {
    const inbound = createInbound();
    const late = signpost<boolean | undefined>();
    const listener: RequestListener = inbound.http(() => {
      late.reach(currentContext()?.signal?.aborted);
    });
    await using server = await startServer((incoming, response) => {
      response.once("close", () => {
        setImmediate(listener, incoming, response);
      });
      incoming.socket.destroy();
    });
    await expect(get(server.port)).rejects.toThrow("socket hang up");
    expect(await late.reached).toBe(true);
    expect(inbound.stats()).toMatchObject({ cancelled: 1, inFlight: 0 });
  });
});

describe("a connection that is kept alive", () => {
  it("carries 10,000 requests without an abort, a listener or a timer more at the end", async () => {
    const inbound = createInbound({ mode: "enforce" });
    const sockets = new Set<Socket>();
    const counts = new Set<string>();
    let abortedOnes = 0;
    const onAbort = (): void => {
      abortedOnes++;
    };
    await using server = await startServer(
      inbound.http((incoming, response) => {
        const { socket } = incoming;
        sockets.add(socket);
        const names = [...socket.eventNames(), "close", "end", "error", "finish"];
        counts.add(
          names
            .map((name) => `${String(name)} ${socket.listenerCount(name)}`)
            .toSorted()
            .join(),
        );
        currentContext()?.signal?.addEventListener("abort", onAbort);
        response.end("ok");
      }),
    );
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;
    const headers = { "grpc-timeout": "30S" };
    await get(server.port, headers, agent);
    const before = timers();
    for (let i = 1; i < 10_000; i++) await get(server.port, headers, agent);
    expect(timers()).toBeLessThanOrEqual(before);
    await vanished(() => inbound.stats().inFlight);
    expect(sockets.size).toBe(1);
    expect(counts.size).toBe(1);
    agent.destroy();
    await server.close();
    expect(abortedOnes).toBe(0);
    expect(inbound.stats()).toMatchObject({ requests: 10_000, cancelled: 0, cut: 0 });
  }, 60_000);

  it("carries thousands of pipelined requests with one listener of ours", async () => {
    const inbound = createInbound();
    let most = 0;
    let open = 0;
    await using server = await startServer(
      inbound.http((incoming, response) => {
        open++;
        most = Math.max(most, incoming.socket.listenerCount("close"));
        setImmediate(() => {
          response.end("ok");
        });
      }),
    );
    const caller = connect(server.port, "127.0.0.1");
    caller.write("GET / HTTP/1.1\r\nhost: a\r\n\r\n".repeat(2_000));
    let answers = "";
    for await (const chunk of caller) {
      answers += String(chunk);
      if (answers.split("HTTP/1.1 200").length > 2_000) break;
    }
    await vanished(() => inbound.stats().inFlight);
    expect(open).toBe(2_000);
    expect(most).toBeLessThan(10);
    expect(inbound.stats().cancelled).toBe(0);
  });
});

/** Waits, a turn at a time, until a count is 0. */
async function vanished(count: () => number): Promise<void> {
  while (count() > 0) await nextTurn();
}
