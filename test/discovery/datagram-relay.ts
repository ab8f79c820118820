import { createSocket } from "node:dgram";
import type { Socket } from "node:dgram";
import { once } from "node:events";

import { seededRandom } from "@proxyless/core/testing";

import type { Fault } from "./faulty-links.ts";

/** Where datagrams come from or go to. */
export interface Place {
  readonly host: string;
  readonly port: number;
}

/** What a relay does with the datagrams of one client. */
export interface DatagramRules {
  /** Asked for each of them; a connection's faults apart from `refuse`. */
  readonly fault: (client: Place) => Fault;
  readonly delayMs?: () => number;
  /** An answer as it arrives where the fault concerns what is in it. */
  readonly mangle?: (answer: Buffer, fault: Fault) => Buffer;
}

/** After so long, in milliseconds, nobody waits for an answer any more. */
const idleMs = 10_000;

/** One client, and the socket by which the target sees it. */
class Flow {
  readonly client: Place;
  readonly upstream: Socket = createSocket("udp4");
  /** What is held back until somebody lets it go. */
  readonly held: (() => void)[] = [];
  usedAt = 0;
  isDead = false;

  constructor(client: Place) {
    this.client = client;
    this.upstream.on("error", () => undefined);
  }
}

/** Passes datagrams on, and their answers back. */
export class DatagramRelay {
  readonly #socket: Socket;
  readonly #target: Place;
  readonly #rules: DatagramRules;
  readonly #flows = new Map<string, Flow>();
  /** Not each fifth in turn: that could be the same question each time. */
  readonly #chance = seededRandom(3);
  lost = 0;

  private constructor(socket: Socket, target: Place, rules: DatagramRules) {
    this.#socket = socket;
    this.#target = target;
    this.#rules = rules;
    socket.on("error", () => undefined);
    socket.on("message", (bytes, { address, port }) => {
      this.#receive(bytes, { host: address, port });
    });
  }

  /** @throws Error when the port is taken */
  static async bind(own: Place, target: Place, rules: DatagramRules): Promise<DatagramRelay> {
    const socket = createSocket("udp4");
    socket.bind(own.port, own.host);
    await once(socket, "listening");
    return new DatagramRelay(socket, target, rules);
  }

  /** The ports of clients that have lost something. */
  get dead(): readonly number[] {
    return [...this.#flows.values()].filter(({ isDead }) => isDead).map(({ client }) => client.port);
  }

  /** Whether clients are told that nobody is here: a socket that is connected to somebody else has no other clients. */
  setRefusing(refuses: boolean): void {
    if (refuses) this.#socket.connect(this.#target.port, this.#target.host);
    else this.#socket.disconnect();
  }

  /** Sends what was held back from those that are not silenced any more. */
  release(): void {
    for (const { client, held } of this.#flows.values()) {
      if (this.#rules.fault(client) !== "silence") for (const send of held.splice(0)) send();
    }
  }

  /** Forgets its clients, whose answers have nowhere to go any more. */
  cut(): void {
    for (const { upstream } of this.#flows.values()) upstream.close();
    this.#flows.clear();
  }

  async stop(): Promise<void> {
    this.cut();
    this.#socket.close();
    await once(this.#socket, "close");
  }

  #receive(bytes: Buffer, client: Place): void {
    const key = `${client.host}:${client.port}`;
    const flow = this.#flows.get(key) ?? this.#open(client);
    this.#flows.set(key, flow);
    this.#pass(flow, bytes, (passed) => {
      flow.upstream.send(passed, this.#target.port, this.#target.host);
    });
  }

  #open(client: Place): Flow {
    this.#closeIdle();
    const flow = new Flow(client);
    flow.upstream.on("message", (bytes) => {
      const fault = this.#rules.fault(client);
      this.#pass(flow, this.#rules.mangle?.(bytes, fault) ?? bytes, (passed) => {
        this.#socket.send(passed, client.port, client.host);
      });
    });
    return flow;
  }

  /** Clients that take a socket for each question do not come back with it. */
  #closeIdle(): void {
    const since = performance.now() - idleMs;
    for (const [key, { held, isDead, upstream, usedAt }] of this.#flows) {
      if (isDead || held.length > 0 || usedAt > since) continue;
      upstream.close();
      this.#flows.delete(key);
    }
  }

  #pass(flow: Flow, bytes: Buffer, send: (bytes: Buffer) => void): void {
    flow.usedAt = performance.now();
    const fault = this.#rules.fault(flow.client);
    const isLost = fault === "lossy" && this.#chance() < 1 / 5;
    if (fault === "blackhole" && !flow.isDead) {
      flow.isDead = true;
      this.lost++;
    }
    if (isLost || flow.isDead) return;
    const go = (): void => {
      // Nobody is left to hear it.
      if (this.#flows.get(`${flow.client.host}:${flow.client.port}`) === flow) send(bytes);
    };
    const delayMs = this.#rules.delayMs?.() ?? 0;
    if (fault === "silence") flow.held.push(go);
    else if (delayMs === 0) go();
    else setTimeout(go, delayMs);
  }
}
