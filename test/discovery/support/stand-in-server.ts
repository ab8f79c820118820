import { once } from "node:events";
import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";

/** Answers one request in its own way; `false` lets the server answer as usual. */
type Script = (request: IncomingMessage, response: ServerResponse) => boolean | void;

/**
 * A registry of one process over HTTP, in the place of one that needs more. It remembers what was wrong with a request in
 * {@link complaints}; it can be killed, frozen and brought back on the same port.
 */
export abstract class StandInServer {
  readonly #sockets = new Set<Socket>();
  readonly #frozen: (() => void)[] = [];
  readonly #scripts: Script[] = [];
  #server: Server | undefined;
  #isPaused = false;
  #port = 0;
  /** Sees every request first. */
  script: Script | undefined;
  /** Requests that were not as the protocol wants them. */
  readonly complaints: string[] = [];
  /** Every request, as {@link describe} writes it. */
  readonly seen: string[] = [];

  /** Where it listens, for whoever asks it. */
  abstract get url(): string;

  /** Answers a request as the protocol wants. */
  protected abstract serve(request: IncomingMessage, response: ServerResponse, body: string): void;

  /** Knows nothing any more. */
  protected abstract forget(): void;

  /** How a request is remembered. */
  protected describe({ method, url }: IncomingMessage): string {
    return `${method} ${url}`;
  }

  get port(): number {
    return this.#port;
  }

  /** The next request is answered so. */
  once(script: Script): void {
    this.#scripts.push(script);
  }

  /** Ends it as a crash would; what it knows is kept, as by the others of its cluster. */
  async kill(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.#server = undefined;
    for (const socket of this.#sockets) socket.resetAndDestroy();
    server.close();
    await once(server, "close");
  }

  /** Brings it back on the same port. */
  async restart(): Promise<void> {
    const server = createServer((request, response) => void this.#receive(request, response));
    server.on("connection", (socket) => {
      this.#sockets.add(socket);
      socket.on("error", () => undefined);
      socket.on("close", () => this.#sockets.delete(socket));
    });
    server.listen(this.#port, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    if (typeof address === "object" && address !== null) this.#port = address.port;
    this.#server = server;
  }

  async restartEmpty(): Promise<void> {
    await this.kill();
    this.forget();
    await this.restart();
  }

  /** Answers nothing from now on. */
  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    for (const go of this.#frozen.splice(0)) go();
  }

  /** Ends it. Rejects when a request was not as the protocol wants it. */
  async stop(): Promise<void> {
    this.resume();
    await this.kill();
    const complaints = this.complaints.splice(0);
    if (complaints.length > 0) throw new Error(complaints.join("\n"));
  }

  async #receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = "";
    try {
      for await (const chunk of request) body += String(chunk);
    } catch {
      // Whoever asked hung up.
      return;
    }
    this.seen.push(this.describe(request));
    if (this.#isPaused) await new Promise<void>((resolve) => this.#frozen.push(resolve));
    const script = this.#scripts.shift() ?? this.script;
    if (script === undefined || script(request, response) === false) this.serve(request, response, body);
  }
}
