import { once } from "node:events";
import { createServer } from "node:http";
import type { Server } from "node:http";
import { setTimeout as wait } from "node:timers/promises";

/** How an instance answers; may be changed at any time. */
export interface Behaviour {
  status: number;
  delayMs: number;
}

/** One instance of a service, whose behaviour tests decide. */
export class Backend implements AsyncDisposable {
  readonly behaviour: Behaviour;
  readonly address: string;
  readonly #server: Server;

  private constructor(server: Server, behaviour: Behaviour, port: number) {
    this.#server = server;
    this.behaviour = behaviour;
    this.address = `127.0.0.1:${port}`;
  }

  /** Resolves with the next request. */
  async asked(): Promise<void> {
    await once(this.#server, "request");
  }

  /** @param host where it listens: `0.0.0.0` for all of the machine's addresses */
  static async start(behaviour: Partial<Behaviour> = {}, host = "127.0.0.1"): Promise<Backend> {
    const shown = { status: 200, delayMs: 0, ...behaviour };
    const server = createServer((_request, response) => {
      void wait(shown.delayMs).then(() =>
        response.writeHead(shown.status, { "content-type": "application/json" }).end("{}"),
      );
    });
    server.listen(0, host);
    await once(server, "listening");
    return new Backend(server, shown, portOf(server));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }
}

/** The port that a server listens on. */
export function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the server does not listen");
  return address.port;
}
