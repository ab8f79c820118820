import { once } from "node:events";
import { createServer } from "node:http";
import type { Server } from "node:http";
import { setTimeout as wait } from "node:timers/promises";

import type { Clock } from "@proxyless/core";

/** How an instance answers; may be changed at any time. */
export interface Behaviour {
  status: number;
  delayMs: number;
  /** How long it takes on the clock that was handed in, if any was. */
  takesMs: number;
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
  async asked(signal?: AbortSignal): Promise<void> {
    await once(this.#server, "request", { signal });
  }

  /** @param host where it listens: `0.0.0.0` for all of the machine's addresses */
  static async start(
    behaviour: Partial<Behaviour> = {},
    host = "127.0.0.1",
    clock?: Clock,
  ): Promise<Backend> {
    const shown = { status: 200, delayMs: 0, takesMs: 0, ...behaviour };
    const server = createServer((_request, response) => {
      const answer = (): void => {
        response.writeHead(shown.status, { "content-type": "application/json" }).end("{}");
      };
      if (clock !== undefined && shown.takesMs > 0) clock.setTimer(answer, shown.takesMs, undefined);
      else void wait(shown.delayMs).then(answer);
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
