import { createServer } from "node:http";
import type { Server, ServerResponse } from "node:http";

import { until } from "../../../scripts/servers/index.ts";
import { listening } from "../../telemetry/support/listening.ts";

/** An HTTP server that holds every request until it is told to answer. */
export class HeldService implements AsyncDisposable {
  readonly #server: Server;
  readonly #held: ServerResponse[] = [];
  #arrived = 0;
  port = 0;

  private constructor() {
    this.#server = createServer((_, response) => {
      this.#arrived++;
      // The time of a test is its own.
      response.sendDate = false;
      this.#held.push(response);
    });
  }

  static async start(): Promise<HeldService> {
    const service = new HeldService();
    service.port = await listening(service.#server, "0.0.0.0");
    return service;
  }

  /** Resolves when so many requests have come since it was started. */
  async arrived(count: number): Promise<void> {
    await until(`${count} requests have come`, 20_000, async () =>
      this.#arrived >= count ? true : undefined,
    );
  }

  /** Answers the oldest request. */
  answer(status = 200, headers: Readonly<Record<string, string>> = {}): void {
    this.#held.shift()?.writeHead(status, headers).end("{}");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => {
      this.#server.close(resolve);
    });
  }
}
