import { connect } from "node:net";
import type { Socket } from "node:net";

/**
 * What happens to what is sent. `pass`: nothing. `refuse`: every connection is reset. `silence`: everything stays open,
 * and every byte is held back until the fault is over. `blackhole`: everything stays open, and every byte is thrown away; a
 * connection that lost some is dead for good, as one is whose entry a NAT forgot. `garbage`: nonsense comes back.
 * `truncate`: only the answer's first bytes pass. The others are for datagrams only, and pass on connections. `lossy`: every
 * third one is thrown away. `foreign`: each answer belongs to another question. `oversized`: each answer says that it does
 * not fit.
 */
export type Fault =
  | "pass"
  | "refuse"
  | "silence"
  | "blackhole"
  | "garbage"
  | "truncate"
  | "lossy"
  | "foreign"
  | "oversized";

/** The way between a source and its registry, which can be broken as networks are. */
export interface FaultyWay {
  /** Where it is called in the place of the registry; default: 127.0.0.1. */
  readonly host?: string;
  readonly port: number;
  /** How many connections are open now, or sockets for datagrams: 0 once a source has let go of everything. */
  readonly open: number;
  /** How many of them have lost bytes for good, and do not know it. */
  readonly dead: number;
  /** How many have ever. */
  readonly lost: number;
  /** How many answers have come back as nonsense, or were broken off. */
  readonly spoiled: number;
  /** What happens from now on: to what is open too, apart from what is dead. */
  set(fault: Fault): void;
  /** Every byte takes so much longer, in milliseconds. */
  slow(delayMs: number): void;
  /** Closes what is open, as a restarted load balancer would. */
  cut(): void;
  stop(): Promise<void>;
}

const truncateAfter = 120;
const noise = Buffer.from("\u0000\u0007\ufffd not what you asked for \r\n\r\n{]".repeat(8));

/** Connections that are passed on, with a fault between their halves. */
export class FaultyLinks {
  readonly #garbage: Buffer;
  readonly #links = new Set<Link>();
  #fault: Fault = "pass";
  #delayMs = 0;
  lost = 0;
  spoiled = 0;

  /** @param garbage what makes no sense in their protocol; default: random bytes */
  constructor(garbage: Buffer = noise) {
    this.#garbage = garbage;
  }

  get open(): number {
    return [...this.#links].filter(({ client }) => !client.closed).length;
  }

  get dead(): number {
    return [...this.#links].filter(({ client, isDead }) => isDead && !client.closed).length;
  }

  set(fault: Fault): void {
    this.#fault = fault;
    for (const link of this.#links) this.#apply(link);
  }

  slow(delayMs: number): void {
    this.#delayMs = delayMs;
  }

  cut(): void {
    for (const link of this.#links) link.reset();
  }

  /**
   * Passes a connection on to where it was meant to go.
   * @param greeting what becomes of the first bytes that the client sends
   */
  accept(
    client: Socket,
    target: { readonly host: string; readonly port: number },
    greeting: (chunk: Buffer) => Buffer = (chunk) => chunk,
  ): void {
    if (this.#fault === "refuse") {
      client.resetAndDestroy();
      return;
    }
    const link = new Link(client, connect({ ...target, noDelay: true }), () => {
      if (this.#fault === "blackhole" && !link.isDead) {
        link.isDead = true;
        this.lost++;
      }
      return link.isDead;
    });
    this.#links.add(link);
    client.on("close", () => this.#links.delete(link));
    let isGreeting = true;
    client.on("data", (chunk: Buffer) => {
      const bytes = isGreeting ? greeting(chunk) : chunk;
      isGreeting = false;
      if (link.isLost()) return;
      if (this.#fault === "garbage") {
        this.spoiled++;
        client.write(this.#garbage);
      } else this.#pass(link.server, bytes);
    });
    link.server.on("data", (chunk: Buffer) => {
      if (link.isLost()) return;
      if (this.#fault === "truncate") {
        this.spoiled++;
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
