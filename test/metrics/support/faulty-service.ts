import { createServer } from "node:http";
import type { Server } from "node:http";

import { listening } from "../../telemetry/support/listening.ts";

/** An HTTP server that does what the path says, and counts what it was asked. */
export class FaultyService implements AsyncDisposable {
  readonly #server: Server;
  /** Requests so far, by path. */
  readonly asked = new Map<string, number>();
  address = "";

  private constructor() {
    this.#server = createServer((request, response) => {
      const path = request.url ?? "";
      const before = this.asked.get(path) ?? 0;
      this.asked.set(path, before + 1);
      if (path === "/reset") request.socket.destroy();
      else if (path === "/hang") return;
      else if (path === "/slow") setTimeout(() => response.end("{}"), 30).unref();
      else response.writeHead(Number(/^\/(\d{3})$/.exec(path)?.[1] ?? 200)).end("{}");
    });
  }

  /** @param host `0.0.0.0` for every address of loopback at once */
  static async start(host = "127.0.0.1"): Promise<FaultyService> {
    const service = new FaultyService();
    service.address = `127.0.0.1:${await listening(service.#server, host)}`;
    return service;
  }

  /** Requests so far, of all paths. */
  get total(): number {
    return [...this.asked.values()].reduce((sum, count) => sum + count, 0);
  }

  get port(): string {
    return this.address.split(":")[1] ?? "";
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => {
      this.#server.close(resolve);
    });
  }
}
