import { once } from "node:events";
import { createServer } from "node:http";
import type { ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

import type { MeshFetch } from "@proxyless/core";
import { currentContext, remainingMs } from "@proxyless/core";
import { createInbound } from "@proxyless/core/inbound";
import type { Inbound } from "@proxyless/core/inbound";

/** What a hop did, when, on the one clock that all of them share: they run in one process. */
export interface Mark {
  readonly hop: string;
  readonly what: "work" | "called" | "stopped" | "answered";
  readonly at: number;
}

/** One service of a chain: works for a while in small steps, then calls the next one, and works on. */
export interface Hop extends AsyncDisposable {
  readonly address: string;
  readonly inbound: Inbound;
}

export interface HopOptions {
  readonly name: string;
  /** Steps of 5 ms before the next hop is called, and after it has answered. */
  readonly steps: number;
  /** The URL of the next hop, and what calls it; none for the last. */
  readonly next?: { readonly url: string; readonly fetch: MeshFetch };
  readonly log: Mark[];
}

/** Starts a hop on a free port. */
export async function startHop({ name, steps, next, log }: HopOptions): Promise<Hop> {
  const inbound = createInbound({ mode: "enforce" });
  const mark = (what: Mark["what"]): void => {
    log.push({ hop: name, what, at: performance.now() });
  };
  const serve = async (response: ServerResponse): Promise<void> => {
    const context = currentContext();
    const { signal } = context ?? {};
    signal?.addEventListener("abort", () => {
      mark("stopped");
    });
    const begin = (what: "work" | "called"): void => {
      signal?.throwIfAborted();
      // On a machine that stands still for a while the signal's timer is late as well.
      if (remainingMs() === 0) throw new Error("too late");
      mark(what);
    };
    const work = async (): Promise<void> => {
      for (let i = 0; i < steps; i++) {
        begin("work");
        await sleep(5);
      }
    };
    await work();
    if (next !== undefined) {
      begin("called");
      await next.fetch(next.url);
      await work();
    }
    mark("answered");
    response.end(name);
  };
  const server = createServer(
    inbound.http((_, response) => {
      serve(response).catch(() => {
        if (!response.destroyed) response.writeHead(504).end();
      });
    }),
  );
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a listening TCP server has an AddressInfo
  const { port } = server.address() as AddressInfo;
  return {
    address: `127.0.0.1:${port}`,
    inbound,
    [Symbol.asyncDispose]: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}
