import { once } from "node:events";
import { createServer } from "node:net";
import type { Server } from "node:net";

import { FaultyLinks } from "./faulty-links.ts";
import type { Fault, FaultyWay } from "./faulty-links.ts";

/** A TCP relay on loopback between a source and its registry that can be broken in all the ways a network is. */
export class FaultProxy implements FaultyWay {
  readonly #server: Server;
  readonly #links: FaultyLinks;
  accepted = 0;

  private constructor(server: Server, target: { host: string; port: number }, garbage?: Buffer) {
    this.#server = server;
    this.#links = new FaultyLinks(garbage);
    server.on("connection", (socket) => {
      this.accepted++;
      this.#links.accept(socket, target);
    });
  }

  static async start(host: string, port: number, garbage?: Buffer): Promise<FaultProxy> {
    const server = createServer({ noDelay: true });
    const proxy = new FaultProxy(server, { host, port }, garbage);
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return proxy;
  }

  get port(): number {
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new Error("the proxy listens nowhere");
    return address.port;
  }

  get open(): number {
    return this.#links.open;
  }

  get dead(): number {
    return this.#links.dead;
  }

  get lost(): number {
    return this.#links.lost;
  }

  get spoiled(): number {
    return this.#links.spoiled;
  }

  set(fault: Fault): void {
    this.#links.set(fault);
  }

  slow(delayMs: number): void {
    this.#links.slow(delayMs);
  }

  cut(): void {
    this.#links.cut();
  }

  async stop(): Promise<void> {
    this.cut();
    this.#server.close();
    await once(this.#server, "close");
  }
}
