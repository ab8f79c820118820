import { once } from "node:events";
import { connect, createServer } from "node:net";
import type { Server, Socket } from "node:net";

/**
 * What a fault proxy does with a connection. `pass`: nothing. `refuse`: resets every connection. `silence`: accepts and
 * keeps everything open, and holds every byte back until the fault is over. `blackhole`: accepts and keeps everything open,
 * and throws every byte away; a connection that lost some is dead for good, as one is whose entry a NAT forgot.
 * `garbage`: answers nonsense. `truncate`: passes the answer's first bytes, then closes.
 */
export type Fault = "pass" | "refuse" | "silence" | "blackhole" | "garbage" | "truncate";

const truncateAfter = 120;

/** A TCP relay on loopback between a source and its registry that can be broken in all the ways a network is. */
export class FaultProxy {
  readonly #server: Server;
  readonly #target: { readonly host: string; readonly port: number };
  readonly #garbage: Buffer;
  readonly #links = new Set<Link>();
  #fault: Fault = "pass";
  #delayMs = 0;
  accepted = 0;

  private constructor(server: Server, target: { host: string; port: number }, garbage: Buffer) {
    this.#server = server;
    this.#target = target;
    this.#garbage = garbage;
    server.on("connection", (socket) => {
      this.#accept(socket);
    });
  }

  static async start(host: string, port: number, garbage?: Buffer): Promise<FaultProxy> {
    const server = createServer({ noDelay: true });
    const noise = garbage ?? Buffer.from("\u0000\u0007\ufffd not what you asked for \r\n\r\n{]".repeat(8));
    const proxy = new FaultProxy(server, { host, port }, noise);
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return proxy;
  }

  get port(): number {
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new Error("the proxy listens nowhere");
    return address.port;
  }

  /** How many connections are open now: 0 once a source has let go of everything. */
  get open(): number {
    return [...this.#links].filter(({ client }) => !client.closed).length;
  }

  /** How many of them have lost bytes for good, and do not know it. */
  get dead(): number {
    return [...this.#links].filter(({ client, isDead }) => isDead && !client.closed).length;
  }

  /** What happens from now on: to open connections too, those apart that are dead. */
  set(fault: Fault): void {
    this.#fault = fault;
    for (const link of this.#links) this.#apply(link);
  }

  /** Every byte takes so much longer, in milliseconds. */
  slow(delayMs: number): void {
    this.#delayMs = delayMs;
  }

  /** Closes what is open, as a restarted load balancer would. */
  cut(): void {
    for (const link of this.#links) link.reset();
  }

  async stop(): Promise<void> {
    this.cut();
    this.#server.close();
    await once(this.#server, "close");
  }

  #accept(client: Socket): void {
    this.accepted++;
    if (this.#fault === "refuse") {
      client.resetAndDestroy();
      return;
    }
    const link = new Link(client, connect({ ...this.#target, noDelay: true }), () => {
      link.isDead ||= this.#fault === "blackhole";
      return link.isDead;
    });
    this.#links.add(link);
    client.on("close", () => this.#links.delete(link));
    client.on("data", (chunk: Buffer) => {
      if (link.isLost()) return;
      if (this.#fault === "garbage") client.write(this.#garbage);
      else this.#pass(link.server, chunk);
    });
    link.server.on("data", (chunk: Buffer) => {
      if (link.isLost()) return;
      if (this.#fault === "truncate") {
        client.write(chunk.subarray(0, truncateAfter), () => {
          link.reset();
        });
      } else if (this.#fault !== "garbage") {
        this.#pass(client, chunk);
      }
    });
    this.#apply(link);
  }

  #pass(to: Socket, chunk: Buffer): void {
    if (this.#delayMs === 0) to.write(chunk);
    else setTimeout(() => to.destroyed || to.write(chunk), this.#delayMs);
  }

  #apply(link: Link): void {
    if (this.#fault === "refuse") link.reset();
    else if (this.#fault === "garbage" && link.isEstablished && !link.isDead)
      link.client.write(this.#garbage);
    link.setFlowing(this.#fault !== "silence");
  }
}

/** A connection and its other half. */
class Link {
  readonly client: Socket;
  readonly server: Socket;
  /** Something is to be said on it now. @returns whether that is lost, as all is from then on */
  readonly isLost: () => boolean;
  isEstablished = false;
  isDead = false;

  constructor(client: Socket, server: Socket, isLost: () => boolean) {
    this.client = client;
    this.server = server;
    this.isLost = isLost;
    client.on("error", () => this.reset());
    server.on("error", () => {
      if (!isLost()) this.reset();
    });
    server.on("connect", () => {
      this.isEstablished = true;
    });
    client.on("close", () => server.destroy());
    // Its end is a packet like any other.
    server.on("close", () => {
      if (!isLost()) client.end();
    });
  }

  setFlowing(flows: boolean): void {
    for (const socket of [this.client, this.server]) {
      if (flows) socket.resume();
      else socket.pause();
    }
  }

  reset(): void {
    this.client.resetAndDestroy();
    this.server.destroy();
  }
}
