import { once } from "node:events";
import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** One request as the fake saw it. */
export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly token: string | undefined;
  readonly body: string;
}

/** Answers one request in its own way; `false` lets the fake answer as usual. */
export type Script = (request: SeenRequest, response: ServerResponse) => boolean | void;

/**
 * An agent's health endpoint with blocking queries, and a way to misbehave: `script` sees every request first, and
 * `once` the next one only.
 */
export class FakeConsul {
  readonly #server: Server;
  readonly #waiting = new Set<() => void>();
  readonly #once: Script[] = [];
  readonly seen: SeenRequest[] = [];
  readonly services: Map<string, readonly object[]>;
  script: Script | undefined;
  index = 10;
  headers: Record<string, string> = { "x-consul-knownleader": "true", "x-consul-lastcontact": "0" };

  private constructor(server: Server, services: Map<string, readonly object[]>) {
    this.#server = server;
    this.services = services;
    server.on("request", (request, response) => {
      void this.#serve(request, response);
    });
  }

  static async start(port = 0, services = new Map<string, readonly object[]>()): Promise<FakeConsul> {
    const server = createServer();
    const fake = new FakeConsul(server, services);
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
    return fake;
  }

  get port(): number {
    const address = this.#server.address();
    if (!isAddress(address)) throw new Error("the fake listens nowhere");
    return address.port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** How many long polls wait now. */
  get waiting(): number {
    return this.#waiting.size;
  }

  once(script: Script): void {
    this.#once.push(script);
  }

  /** Changes a service and wakes everyone who waits, as an index that moved does. */
  put(service: string, entries: readonly object[]): void {
    this.services.set(service, entries);
    this.touch();
  }

  /** Moves the index without changing anything. */
  touch(index = this.index + 1): void {
    this.index = index;
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", "http://fake");
    const token = request.headers["x-consul-token"];
    let body = "";
    for await (const chunk of request) body += String(chunk);
    const seen: SeenRequest = {
      method: request.method ?? "",
      path: url.pathname,
      query: url.searchParams,
      token: typeof token === "string" ? token : undefined,
      body,
    };
    this.seen.push(seen);
    const script = this.#once.shift() ?? this.script;
    if (script !== undefined && script(seen, response) !== false) return;
    const name = /^\/v1\/health\/service\/(.+)$/.exec(url.pathname)?.[1];
    if (name === undefined) {
      response.writeHead(401).end("ACL support disabled");
      return;
    }
    const asked = url.searchParams.get("index");
    if (asked !== null && BigInt(asked) >= BigInt(this.index)) {
      await new Promise<void>((resolve) => {
        this.#waiting.add(resolve);
        response.on("close", () => {
          this.#waiting.delete(resolve);
          resolve();
        });
      });
    }
    this.answer(response, JSON.stringify(this.services.get(decodeURIComponent(name)) ?? []));
  }

  /** A 200 with the usual headers. */
  answer(response: ServerResponse, body: string, headers: Record<string, string> = {}): void {
    response.writeHead(200, { "x-consul-index": String(this.index), ...this.headers, ...headers });
    response.end(body);
  }
}

/** A health entry as an agent writes it. */
export function entry(id: string, more: { service?: object; node?: object; checks?: object[] } = {}): object {
  return {
    Node: { Node: "n1", Address: "10.0.0.1", Datacenter: "dc1", Meta: {}, ...more.node },
    Service: {
      ID: id,
      Service: "web",
      Tags: [],
      Address: "10.0.0.2",
      Port: 8080,
      Meta: {},
      Weights: { Passing: 1, Warning: 1 },
      ...more.service,
    },
    Checks: more.checks ?? [{ CheckID: "serfHealth", Status: "passing" }],
  };
}

function isAddress(value: AddressInfo | string | null): value is AddressInfo {
  return typeof value === "object" && value !== null;
}
