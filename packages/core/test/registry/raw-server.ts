import { once } from "node:events";
import { createServer } from "node:net";
import type { Server, Socket } from "node:net";

/** A server that writes what it is told, byte by byte if need be, and knows what it was sent. */
export class RawServer implements AsyncDisposable {
  readonly #server: Server;
  readonly sockets: Socket[] = [];
  /** The text of each request so far. */
  readonly requests: string[] = [];

  private constructor(server: Server, respond: (socket: Socket, request: string, number: number) => void) {
    this.#server = server;
    server.on("connection", (socket) => {
      this.sockets.push(socket);
      socket.on("error", () => {});
      let text = "";
      socket.on("data", (bytes: Buffer) => {
        text += bytes.toString("latin1");
        if (!text.includes("\r\n\r\n")) return;
        this.requests.push(text);
        const request = text;
        text = "";
        respond(socket, request, this.requests.length);
      });
    });
  }

  /** @param respond called for each request, with its number from 1 */
  static async start(
    respond: (socket: Socket, request: string, number: number) => void = () => {},
  ): Promise<RawServer> {
    const server = createServer();
    const made = new RawServer(server, respond);
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return made;
  }

  get url(): URL {
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new Error("the server listens nowhere");
    return new URL(`http://127.0.0.1:${address.port}`);
  }

  /** Connections that are not closed. */
  get open(): number {
    return this.sockets.filter((socket) => !socket.destroyed).length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, "close");
  }
}

/** The head of an answer whose body comes in chunks of HTTP. */
export const streamHead =
  "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n";

/** One HTTP chunk. */
export function chunk(bytes: Buffer | string): Buffer {
  const body = Buffer.from(bytes);
  return Buffer.concat([Buffer.from(`${body.length.toString(16)}\r\n`), body, Buffer.from("\r\n")]);
}

/** A whole answer. */
export function answer(body: string, status = "200 OK", headers = ""): string {
  return `HTTP/1.1 ${status}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n${headers}\r\n${body}`;
}
