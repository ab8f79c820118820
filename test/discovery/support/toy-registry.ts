import { once } from "node:events";
import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";

import type { DiscoverySource, Endpoint } from "@proxyless/core";
import {
  longPollSource,
  RegistryHttp,
  resolveUrls,
  SourceError,
  statusError,
} from "@proxyless/core/discovery";

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/** A small registry over HTTP with long polls, as people write one themselves, that can be told to misbehave. */
export class ToyRegistry implements AsyncDisposable {
  readonly lists = new Map<string, readonly unknown[]>();
  /** What every request asked for. */
  readonly requests: string[] = [];
  /** Takes the place of the usual answer. */
  answer: Answer | undefined;
  index = 1;
  readonly #waiting = new Set<() => void>();
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;
  #port = 0;

  static async start(): Promise<ToyRegistry> {
    const registry = new ToyRegistry();
    await registry.listen();
    return registry;
  }

  /** Listens, on the port that it had before. */
  async listen(): Promise<void> {
    const server = createServer((request, response) => {
      this.requests.push(request.url ?? "");
      if (this.answer === undefined) this.#list(request, response);
      else this.answer(request, response);
    });
    server.on("connection", (socket) => {
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket));
    });
    server.listen(this.#port, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    this.#port = typeof address === "object" && address !== null ? address.port : 0;
    this.#server = server;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Open connections. */
  get open(): number {
    return this.#sockets.size;
  }

  put(service: string, endpoints: readonly unknown[]): void {
    this.lists.set(service, [...endpoints]);
    this.index++;
    this.touch();
  }

  /** Wakes everybody who waits. */
  touch(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const wake of waiting) wake();
  }

  /** Ends as a crash would. */
  async kill(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    this.#waiting.clear();
    for (const socket of this.#sockets) socket.resetAndDestroy();
    if (server === undefined) return;
    server.close();
    await once(server, "close");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }

  #list(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url ?? "/", this.url);
    const service = url.pathname.slice(1);
    const answer = (): void => {
      if (response.destroyed) return;
      response.setHeader("x-index", String(this.index));
      response.end(JSON.stringify(this.lists.get(service) ?? []));
    };
    if (url.searchParams.get("index") === String(this.index)) this.#waiting.add(answer);
    else answer();
  }
}

/** What a source of the toy registry says of itself. */
export interface ToyOptions {
  readonly emptyHoldMs?: number;
  readonly timeoutMs?: number;
  readonly maxBodyBytes?: number;
  readonly token?: () => string;
}

/** A source for it, as its users would write one: all of it. */
export function toySource(url: string, options: ToyOptions = {}): DiscoverySource {
  const { emptyHoldMs, maxBodyBytes = 16_000_000, timeoutMs = 60_000, token } = options;
  const http = new RegistryHttp({ urls: resolveUrls(url), watchConnections: 16, maxBodyBytes });
  return longPollSource<string>({
    name: "toy",
    timeoutMs,
    minGapMs: 5,
    debounceMs: 0,
    ...(emptyHoldMs === undefined ? {} : { emptyHoldMs }),
    poll: async (service, { clock, cursor, signal }) => {
      const path = `/${service}${cursor === undefined ? "" : `?index=${cursor}`}`;
      const secret = token?.();
      const response = await http.send(
        {
          method: "GET",
          path,
          deadlineMs: timeoutMs,
          lane: cursor === undefined ? "quick" : "watch",
          ...(secret === undefined ? {} : { secret, headers: { "x-token": secret } }),
        },
        clock,
        signal,
      );
      if (response.status !== 200) throw statusError(service, response, clock.wallNow());
      const index = response.headers["x-index"];
      return {
        cursor: typeof index === "string" ? index : undefined,
        snapshot: { kind: "bound", trust: "authoritative", endpoints: readList(response.body) },
      };
    },
    close: async () => {
      http.close();
    },
  });
}

function readList(body: string): Endpoint[] {
  try {
    const list: unknown = JSON.parse(body);
    if (Array.isArray(list)) return list;
  } catch {
    // Said below.
  }
  throw new SourceError("data", "the answer is no list");
}
