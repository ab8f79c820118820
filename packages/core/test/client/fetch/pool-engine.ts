import { createServer } from "node:http";
import type { IncomingMessage, RequestListener, Server } from "node:http";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";

import { Agent, Pool } from "undici";
import type { Dispatcher } from "undici";

import type { DoorContext } from "../../../src/client/door.ts";
import { systemClock } from "../../../src/clock.ts";
import type { Clock } from "../../../src/clock.ts";
import type {
  CallEngine,
  CallRequest,
  ResponseControl,
  ResponseHeaders,
  ResponseSink,
  RouteDecision,
} from "../../../src/engine/request.ts";
import { ProxylessError } from "../../../src/errors.ts";

/** The smallest engine there can be: each service is one pool, nothing is retried. */
class PoolEngine implements CallEngine {
  readonly pools = new Map<string, Pool>();
  readonly requests: CallRequest[] = [];

  send(service: string, request: CallRequest, sink: ResponseSink): void {
    this.requests.push(request);
    const pool = this.pools.get(service);
    if (pool === undefined || sink.mode !== "stream") throw new Error("not for this engine");
    const { body } = request;
    const source = typeof body === "function" ? body() : body;
    let control: Dispatcher.DispatchController | undefined;
    let done = false;
    const finish = (): boolean => {
      if (done) return false;
      done = true;
      request.signal?.removeEventListener("abort", onAbort);
      return true;
    };
    const onAbort = (): void => {
      if (!finish()) return;
      control?.abort(new Error("aborted"));
      sink.fail(request.signal?.reason);
    };
    request.signal?.addEventListener("abort", onAbort);
    const steer: ResponseControl = {
      pause: () => control?.pause(),
      resume: () => control?.resume(),
      abort: (reason) => {
        if (finish()) control?.abort(reason);
      },
    };
    pool.dispatch(
      {
        path: request.path,
        method: request.method,
        headers: ["host", service, ...request.headers],
        body:
          source === null || typeof source === "string" || source instanceof Uint8Array
            ? source
            : Readable.from(source, { objectMode: false }),
      },
      {
        onRequestStart: (controller: Dispatcher.DispatchController) => {
          control = controller;
          if (done) controller.abort(new Error("aborted"));
        },
        onResponseStart: (_: unknown, status: number, headers: ResponseHeaders, text?: string) => {
          if (status >= 200 && !done) sink.head(status, headers, text ?? "", steer);
        },
        onResponseData: (_: unknown, chunk: Buffer) => {
          if (!done) sink.data(chunk);
        },
        onResponseEnd: (_: unknown, trailers: ResponseHeaders) => {
          if (finish()) sink.end(trailers);
        },
        onResponseError: (_: unknown, cause: Error) => {
          const text = `${service}: ${cause.message}`;
          if (finish()) sink.fail(new ProxylessError("ERR_PROXYLESS_RESET", text, { service, cause }));
        },
      },
    );
  }
}

/** Real servers behind names, and a door context over them. */
export class Backends implements DoorContext, AsyncDisposable {
  readonly engine = new PoolEngine();
  readonly external = new Agent();
  readonly clock: Clock = systemClock;
  readonly #servers: Server[] = [];
  readonly #later = new Map<string, RouteDecision>();
  #externalAllowed = false;

  allowExternal(): void {
    this.#externalAllowed = true;
  }

  /** Puts the decision about a host off by a turn. */
  decideLater(host: string, decision: RouteDecision): void {
    this.#later.set(host, decision);
  }

  /** Starts a server; resolves to its `http://127.0.0.1:port`. */
  async listen(handler: RequestListener): Promise<string> {
    const server = createServer(handler);
    this.#servers.push(server);
    await new Promise<void>((resolve) => {
      server.listen(0, "127.0.0.1", resolve);
    });
    return `http://127.0.0.1:${portOf(server)}`;
  }

  /** Starts a server that takes upgrades and sends back what comes. */
  async listenUpgrade(): Promise<string> {
    const origin = await this.listen(() => undefined);
    this.#servers.at(-1)?.on("upgrade", (_, socket) => {
      socket.write("HTTP/1.1 101 Switching Protocols\r\nupgrade: echo\r\nconnection: upgrade\r\n\r\n");
      socket.pipe(socket);
    });
    return origin;
  }

  /** Starts a server and makes it the service `name`. */
  async serve(name: string, handler: RequestListener): Promise<void> {
    this.engine.pools.set(name, new Pool(await this.listen(handler), { connections: 4 }));
  }

  decide(_protocol: string, host: string): RouteDecision {
    const later = this.#later.get(host);
    if (later !== undefined) return { kind: "later", decide: () => Promise.resolve(later) };
    const service = host.replace(/:\d+$/, "");
    if (this.engine.pools.has(service)) return { kind: "service", service };
    if (this.#externalAllowed) return { kind: "external" };
    return {
      kind: "refused",
      error: new ProxylessError("ERR_PROXYLESS_UNKNOWN_SERVICE", `${host} is no known service`, {
        service: host,
        flag: "NR",
      }),
    };
  }

  totalMs(): number {
    return 30_000;
  }

  /** How many connections the services hold. */
  connected(name: string): number {
    return this.engine.pools.get(name)?.stats.connected ?? 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.engine.pools.values()].map((pool) => pool.destroy()));
    await this.external.destroy();
    for (const server of this.#servers) {
      server.closeAllConnections();
      server.close();
    }
  }
}

function portOf(server: Server): number {
  const address: AddressInfo | string | null = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}

/** The body of a request, whole. */
export async function readAll(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

/** Waits until `condition` holds; fails after two seconds. */
export async function until(condition: () => boolean): Promise<void> {
  const end = performance.now() + 2000;
  while (!condition()) {
    if (performance.now() > end) throw new Error("the condition did not come true");
    // eslint-disable-next-line no-await-in-loop -- polling
    await new Promise((resolve) => {
      setTimeout(resolve, 5);
    });
  }
}
