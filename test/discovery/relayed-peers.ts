import { once } from "node:events";
import { createServer } from "node:net";
import type { Server, Socket } from "node:net";

import type { PeerNetwork } from "../../scripts/servers/index.ts";
import { DatagramRelay } from "./datagram-relay.ts";
import { FaultyLinks } from "./faulty-links.ts";
import type { Fault } from "./faulty-links.ts";
import { holders, socketsConnectedTo } from "./support/system-sockets.ts";

/** A member of a cluster. */
interface Peer {
  readonly host: string;
  readonly pid: number | undefined;
}

/**
 * A network between the members of a cluster that needs no rights: each is known to the others by an address at which a
 * relay listens, and who calls there is known by the process that holds the socket. A member that is cut off hears and is
 * heard by no other, with every connection open, while its clients reach it as before.
 */
export class RelayedPeers implements PeerNetwork {
  #doors: readonly Door[] = [];
  #isolated: Peer | undefined;
  #delayMs = 0;

  async stand(
    hosts: readonly string[],
    { tcp, udp }: { readonly tcp: readonly number[]; readonly udp: readonly number[] },
  ): Promise<readonly string[]> {
    await this.stop();
    const doors = hosts.map(
      (host, i) =>
        new Door(host, `127.0.1.${i + 1}`, {
          fault: (from) => this.#between(from, host),
          isCut: () => this.#isolated !== undefined,
          delayMs: () => this.#delayMs,
          greeting: (chunk, port) => this.#translated(chunk, port),
        }),
    );
    this.#doors = doors;
    await Promise.all(doors.map((door) => door.open(tcp, udp)));
    return doors.map(({ known }) => known);
  }

  /** No word passes between this one and the others from now on. */
  cutOff(peer: Peer): void {
    this.#isolated = peer;
    for (const door of this.#doors) door.update(true);
  }

  /** Everybody hears everybody again, and what was said meanwhile. */
  heal(): void {
    this.#isolated = undefined;
    for (const door of this.#doors) door.update(false);
  }

  /** Every word between members takes so much longer, in milliseconds. */
  slow(delayMs: number): void {
    this.#delayMs = delayMs;
    for (const door of this.#doors) door.slow();
  }

  async stop(): Promise<void> {
    await Promise.all(this.#doors.map((door) => door.close()));
    this.#doors = [];
  }

  /**
   * ZooKeeper tells the others where it listens, and they call it there: past the relay, unless that is translated, as some
   * NATs do it. Both addresses have the same length.
   */
  #translated(chunk: Buffer, port: number): Buffer {
    const told = this.#doors.reduce(
      (text, { host, known }) => text.replaceAll(`${host}:${port}`, `${known}:${port}`),
      chunk.toString("latin1"),
    );
    return Buffer.from(told, "latin1");
  }

  #between(from: Partial<Peer>, to: string): Fault {
    const { host, pid } = this.#isolated ?? {};
    if (host === undefined) return "pass";
    return to === host || from.host === host || (pid !== undefined && from.pid === pid) ? "silence" : "pass";
  }
}

/** A connection that one member has made to another. */
interface Connection {
  readonly links: FaultyLinks;
  /** The port that was called. */
  readonly port: number;
  readonly callersPort: number;
  /** The process that has made it, once that was of interest. */
  pid?: number | undefined;
}

/** What a door asks the network of which it is a part. */
interface DoorRules {
  readonly fault: (from: Partial<Peer>) => Fault;
  readonly isCut: () => boolean;
  /** How long every word takes. */
  readonly delayMs: () => number;
  /** What the first bytes on a connection become. */
  readonly greeting: (chunk: Buffer, port: number) => Buffer;
}

/** The way in to one member, for the others. */
class Door {
  readonly #rules: DoorRules;
  readonly #connections = new Set<Connection>();
  readonly #servers: Server[] = [];
  readonly #relays: DatagramRelay[] = [];
  #ports: readonly number[] = [];
  /** Where the member listens. */
  readonly host: string;
  /** The address that the others know. */
  readonly known: string;

  constructor(host: string, known: string, rules: DoorRules) {
    this.host = host;
    this.known = known;
    this.#rules = rules;
  }

  /** @throws Error when a port is taken */
  async open(tcp: readonly number[], udp: readonly number[]): Promise<void> {
    this.#ports = tcp;
    for (const port of tcp) {
      const server = createServer({ noDelay: true }, (socket) => {
        this.#accept(socket, port);
      });
      server.listen(port, this.known);
      // eslint-disable-next-line no-await-in-loop -- two or three
      await once(server, "listening");
      this.#servers.push(server);
    }
    for (const port of udp) {
      const { delayMs, fault } = this.#rules;
      // eslint-disable-next-line no-await-in-loop -- as above
      this.#relays.push(
        await DatagramRelay.bind({ host: this.known, port }, { host: this.host, port }, { delayMs, fault }),
      );
    }
  }

  /**
   * @param isCut whether it matters who is who: to find out takes its time
   * @throws Error when somebody has come in by another way
   */
  update(isCut: boolean): void {
    if (isCut) {
      this.#identify([...this.#connections]);
      this.#assertNoOtherWay();
    }
    for (const { links, pid } of this.#connections) links.set(this.#rules.fault({ pid }));
    for (const relay of this.#relays) relay.release();
  }

  slow(): void {
    for (const { links } of this.#connections) links.slow(this.#rules.delayMs());
  }

  async close(): Promise<void> {
    for (const { links } of this.#connections) links.cut();
    for (const server of this.#servers) server.close();
    await Promise.all(this.#relays.map((relay) => relay.stop()));
  }

  #accept(socket: Socket, port: number): void {
    const connection: Connection = { links: new FaultyLinks(), port, callersPort: socket.remotePort ?? 0 };
    this.#connections.add(connection);
    connection.links.slow(this.#rules.delayMs());
    socket.on("close", () => this.#connections.delete(connection));
    if (this.#rules.isCut()) {
      this.#identify([connection]);
      connection.links.set(this.#rules.fault(connection));
    }
    const greeting = (chunk: Buffer): Buffer => this.#rules.greeting(chunk, port);
    connection.links.accept(socket, { host: this.host, port }, greeting);
  }

  /** What goes past a relay cannot be cut: a cluster that is cut in part may look for a leader for ever. */
  #assertNoOtherWay(): void {
    const pids = holders();
    for (const port of this.#ports) {
      for (const socket of socketsConnectedTo("tcp", this.host, port).values()) {
        const pid = pids.get(socket);
        if (pid !== undefined) throw new Error(`${pid} has called ${this.host}:${port} past its relay`);
      }
    }
  }

  #identify(connections: readonly Connection[]): void {
    const unknown = connections.filter(({ pid }) => pid === undefined);
    const pids = holders();
    for (const [port, calls] of Map.groupBy(unknown, (connection) => connection.port)) {
      const sockets = socketsConnectedTo("tcp", this.known, port);
      for (const call of calls) call.pid = pids.get(sockets.get(call.callersPort) ?? "");
    }
  }
}
