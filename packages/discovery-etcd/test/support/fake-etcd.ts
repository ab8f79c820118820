import { once } from "node:events";
import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";

/** One request as the fake saw it. */
export interface SeenRequest {
  readonly path: string;
  readonly body: Readonly<Record<string, unknown>>;
  readonly authorization: string | undefined;
  readonly hasLeader: string | undefined;
}

/** Answers one request in its own way; `false` lets the fake answer as usual. */
export type Script = (request: SeenRequest, response: ServerResponse) => boolean | void;

interface Stored {
  readonly value: string;
  readonly revision: number;
}

/** A watch that somebody has open. */
export interface OpenWatch {
  readonly response: ServerResponse;
  readonly from: number;
}

/**
 * The part of etcd's JSON gateway that a source uses, with a way to misbehave: `script` sees every request first, and `once`
 * the next one only. What it answers has the form of a real 3.5: numbers as text, zero fields absent.
 */
export class FakeEtcd {
  readonly #server: Server;
  readonly #once: Script[] = [];
  readonly keys = new Map<string, Stored>();
  readonly seen: SeenRequest[] = [];
  readonly watches = new Set<OpenWatch>();
  script: Script | undefined;
  clusterId = "1400";
  revision = 1;

  private constructor(server: Server) {
    this.#server = server;
    server.on("request", (request, response) => {
      void this.#serve(request, response);
    });
  }

  static async start(): Promise<FakeEtcd> {
    const server = createServer();
    const fake = new FakeEtcd(server);
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return fake;
  }

  get url(): string {
    const address = this.#server.address();
    if (typeof address !== "object" || address === null) throw new Error("the fake listens nowhere");
    return `http://127.0.0.1:${address.port}`;
  }

  /** How many requests of a kind there were. */
  count(path: string): number {
    return this.seen.filter((request) => request.path === path).length;
  }

  once(script: Script): void {
    this.#once.push(script);
  }

  /** Writes a key and tells those who watch. */
  put(key: string, value: string): void {
    this.write(key, value);
    this.tell(this.event(key));
  }

  /** Writes a key and tells nobody: a change that a watch loses. */
  write(key: string, value: string): void {
    this.keys.set(key, { value, revision: ++this.revision });
  }

  /** Deletes a key and tells those who watch. */
  delete(key: string): void {
    this.keys.delete(key);
    this.revision++;
    this.tell({ type: "DELETE", kv: { key: base64(key), mod_revision: String(this.revision) } });
  }

  /** A key's last change, as a watch tells it. */
  event(key: string): object {
    return { kv: this.#kv(key) };
  }

  /** One message to everybody who watches. */
  tell(...events: readonly object[]): void {
    this.send({ result: { header: this.header(), events } });
  }

  /** One line to everybody who watches. */
  send(line: object): void {
    for (const { response } of this.watches) response.write(`${JSON.stringify(line)}\n`);
  }

  header(): object {
    return { cluster_id: this.clusterId, member_id: "7", revision: String(this.revision), raft_term: "2" };
  }

  /** Ends every watch at once, as a member that is killed does. */
  cut(): void {
    for (const { response } of this.watches) response.destroy();
  }

  /** Ends every watch after what was written, as a member that stops does. */
  end(): void {
    for (const { response } of this.watches) response.end();
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }

  /** A range's answer for what the fake holds. */
  list(): object {
    const kvs = [...this.keys.keys()].map((key) => this.#kv(key));
    return { header: this.header(), ...(kvs.length === 0 ? {} : { kvs, count: String(kvs.length) }) };
  }

  #kv(key: string): object {
    const { value, revision } = this.keys.get(key) ?? { value: "", revision: this.revision };
    return {
      key: base64(key),
      create_revision: String(revision),
      mod_revision: String(revision),
      version: "1",
      ...(value === "" ? {} : { value: base64(value) }),
    };
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let text = "";
    for await (const chunk of request) text += String(chunk);
    const body: unknown = JSON.parse(text);
    const { authorization } = request.headers;
    const hasLeader = request.headers["grpc-metadata-hasleader"];
    const seen: SeenRequest = {
      path: request.url ?? "",
      body: isRecord(body) ? body : {},
      authorization,
      hasLeader: typeof hasLeader === "string" ? hasLeader : undefined,
    };
    this.seen.push(seen);
    const script = this.#once.shift() ?? this.script;
    if (script !== undefined && script(seen, response) !== false) return;
    if (seen.path === "/v3/watch") this.openWatch(seen, response);
    else if (seen.path === "/v3/kv/range") response.end(JSON.stringify(this.list()));
    else if (seen.path === "/v3/auth/authenticate") {
      response.end(JSON.stringify({ header: this.header(), token: `token-of-app.${this.count(seen.path)}` }));
    } else response.writeHead(404).end("404 page not found");
  }

  /** Begins a watch as usual. */
  openWatch({ body }: SeenRequest, response: ServerResponse): void {
    const create = isRecord(body["create_request"]) ? body["create_request"] : {};
    const watch = { response, from: Number(create["start_revision"]) };
    this.watches.add(watch);
    response.on("close", () => this.watches.delete(watch));
    response.write(`${JSON.stringify({ result: { header: this.header(), created: true } })}\n`);
  }
}

function base64(text: string): string {
  return Buffer.from(text, "utf8").toString("base64");
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
