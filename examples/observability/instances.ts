import { once } from "node:events";
import { createServer } from "node:http";
import type { Server } from "node:http";

/** Instances of one service: HTTP servers on free ports. The first of them can be told to answer worse. */
export class Instances implements AsyncDisposable {
  readonly #servers: Server[] = [];
  readonly addresses: string[] = [];
  /** What every instance answers. */
  status = 200;
  /** What the first one answers, where that is something else. */
  firstStatus: number | undefined;
  /** How long an answer takes, in milliseconds. */
  delayMs = 2;
  /** How long the first one takes now and then, in milliseconds. */
  hiccupMs = 0;

  static async start(count: number): Promise<Instances> {
    const instances = new Instances();
    await Promise.all(Array.from({ length: count }, (_, number) => instances.#start(number)));
    return instances;
  }

  async #start(number: number): Promise<void> {
    let answered = 0;
    const server = createServer((_, response) => {
      const isHiccup = number === 0 && ++answered % 10 === 0;
      const status = (number === 0 ? this.firstStatus : undefined) ?? this.status;
      const headers = { "content-type": "application/json", "cache-control": "max-age=1" };
      const timer = setTimeout(
        () => response.writeHead(status, headers).end('{"id":"42"}'),
        isHiccup ? this.hiccupMs : this.delayMs,
      );
      response.on("close", () => clearTimeout(timer));
    });
    this.#servers.push(server);
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    if (typeof address === "object" && address !== null) this.addresses.push(`127.0.0.1:${address.port}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(
      this.#servers.map(async (server) => {
        const closed = once(server, "close");
        server.close();
        server.closeAllConnections();
        await closed;
      }),
    );
  }
}
