import { DatagramRelay } from "./datagram-relay.ts";
import { FaultProxy } from "./fault-proxy.ts";
import type { Fault, FaultyWay } from "./faulty-links.ts";
import { socketsConnectedTo } from "./support/system-sockets.ts";

const headerLength = 12;

/** What happens to datagrams, and to how many answers it has happened that came as something else. */
interface State {
  fault: Fault;
  delayMs: number;
  spoiled: number;
}

/** A relay for what DNS speaks, datagrams and connections to one port, that can be broken in all the ways a network is. */
export class DnsProxy implements FaultyWay {
  readonly #streams: FaultProxy;
  readonly #datagrams: DatagramRelay;
  readonly #state: State;

  private constructor(streams: FaultProxy, datagrams: DatagramRelay, state: State) {
    this.#streams = streams;
    this.#datagrams = datagrams;
    this.#state = state;
  }

  static async start(host: string, port: number): Promise<DnsProxy> {
    for (;;) {
      const state: State = { fault: "pass", delayMs: 0, spoiled: 0 };
      // eslint-disable-next-line no-await-in-loop -- each attempt depends on the last one's failure
      const streams = await FaultProxy.start(host, port);
      try {
        const own = { host: "127.0.0.1", port: streams.port };
        // eslint-disable-next-line no-await-in-loop -- as above
        const datagrams = await DatagramRelay.bind(
          own,
          { host, port },
          {
            fault: () => state.fault,
            delayMs: () => state.delayMs,
            mangle: (answer, fault) => {
              const mangle = mangles[fault];
              if (mangle === undefined) return answer;
              state.spoiled++;
              return mangle(answer);
            },
          },
        );
        return new DnsProxy(streams, datagrams, state);
      } catch {
        // The port is free for connections, and taken for datagrams.
        // eslint-disable-next-line no-await-in-loop -- as above
        await streams.stop();
      }
    }
  }

  get port(): number {
    return this.#streams.port;
  }

  get open(): number {
    return this.#streams.open + this.#clients.size;
  }

  get dead(): number {
    const clients = this.#clients;
    return this.#streams.dead + this.#datagrams.dead.filter((port) => clients.has(port)).length;
  }

  get lost(): number {
    return this.#streams.lost + this.#datagrams.lost;
  }

  get spoiled(): number {
    return this.#streams.spoiled + this.#state.spoiled;
  }

  set(fault: Fault): void {
    if (this.#state.fault === "refuse") this.#datagrams.setRefusing(false);
    this.#state.fault = fault;
    this.#streams.set(fault);
    if (fault === "refuse") this.#datagrams.setRefusing(true);
    if (fault === "pass") this.#datagrams.release();
  }

  slow(delayMs: number): void {
    this.#state.delayMs = delayMs;
    this.#streams.slow(delayMs);
  }

  cut(): void {
    this.#streams.cut();
    this.#datagrams.cut();
  }

  async stop(): Promise<void> {
    await this.#streams.stop();
    await this.#datagrams.stop();
  }

  /** Sockets for datagrams that somebody holds connected to this one. */
  get #clients(): ReadonlyMap<number, string> {
    return socketsConnectedTo("udp", "127.0.0.1", this.port);
  }
}

const mangles: Readonly<Partial<Record<Fault, (answer: Buffer) => Buffer>>> = {
  // To this question, and nothing in it makes sense.
  garbage: (answer) => Buffer.from(answer).fill(0xff, endOfQuestion(answer)),
  truncate: (answer) => answer.subarray(0, answer.length / 2),
  foreign: (answer) => {
    const changed = Buffer.from(answer);
    changed.writeUInt16BE(answer.readUInt16BE(0) ^ 1, 0);
    return changed;
  },
  // The bit TC, and no record.
  oversized: (answer) => {
    const changed = Buffer.from(answer).fill(0, headerLength - 6, headerLength);
    changed.writeUInt8(answer.readUInt8(2) | 2, 2);
    return changed.subarray(0, endOfQuestion(answer));
  },
};

/** A question is a name, which ends with a byte of 0, a type and a class. */
function endOfQuestion(message: Buffer): number {
  return message.indexOf(0, headerLength) + 5;
}
