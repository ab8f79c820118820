import { createSocket } from "node:dgram";
import type { Socket } from "node:dgram";
import { once } from "node:events";
import { createServer } from "node:net";
import type { Server } from "node:net";

import { AUTHORITATIVE_ANSWER, decode, encode, TRUNCATED_RESPONSE } from "dns-packet";
import type { Answer } from "dns-packet";

/** A question as the server got it. */
export interface Asked {
  /** In lower case. */
  readonly name: string;
  readonly type: string;
  readonly over: "udp" | "tcp";
  readonly hasEdns: boolean;
  readonly bytes: Buffer;
}

/** What a scripted server answers. */
export interface Scripted {
  readonly answers?: readonly Answer[];
  readonly additionals?: readonly Answer[];
  /** 0 NOERROR, 1 FORMERR, 2 SERVFAIL, 3 NXDOMAIN, 5 REFUSED. */
  readonly code?: number;
  readonly truncated?: boolean;
  /** Whether it is the zone's own server; true by default. */
  readonly isAuthoritative?: boolean;
  readonly delayMs?: number;
  /** Changes what goes over the wire. */
  readonly mangle?: (bytes: Buffer) => Buffer | readonly Buffer[];
  /** Of the SOA record that comes with an answer without records. */
  readonly negativeTtl?: number;
}

/** Says nothing at all. */
export const silence = "silence";
export type Script = (asked: Asked) => Scripted | typeof silence;

/** A DNS server on one loopback port that says what a test wants, also what no real one would. */
export class FakeDns {
  readonly #udp: Socket;
  readonly #tcp: Server;
  readonly port: number;
  readonly asked: Asked[] = [];
  script: Script;

  private constructor(udp: Socket, tcp: Server, port: number, script: Script) {
    this.#udp = udp;
    this.#tcp = tcp;
    this.port = port;
    this.script = script;
    udp.on("message", (bytes, from) => {
      this.#answer(bytes, "udp", (reply) => {
        udp.send(reply, from.port, from.address, () => undefined);
      });
    });
    tcp.on("connection", (socket) => {
      let received: Buffer = Buffer.alloc(0);
      socket.on("error", () => undefined);
      socket.on("data", (chunk: Buffer) => {
        received = Buffer.concat([received, chunk]);
        if (received.length < 2 || received.length < 2 + received.readUInt16BE(0)) return;
        this.#answer(received.subarray(2), "tcp", (reply) => {
          const length = Buffer.alloc(2);
          length.writeUInt16BE(reply.length);
          // In two pieces, as a network may deliver it.
          socket.write(length);
          socket.end(reply);
        });
      });
    });
  }

  static async start(script: Script): Promise<FakeDns> {
    for (;;) {
      const tcp = createServer().listen(0, "127.0.0.1");
      await once(tcp, "listening");
      const address = tcp.address();
      const port = typeof address === "object" && address !== null ? address.port : 0;
      const udp = createSocket("udp4");
      try {
        udp.bind(port, "127.0.0.1");
        await once(udp, "listening");
        return new FakeDns(udp, tcp, port, script);
      } catch {
        udp.close();
        tcp.close();
      }
    }
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** `TYPE name` of every question so far. */
  get questions(): string[] {
    return this.asked.map(({ name, type }) => `${type} ${name}`);
  }

  close(): void {
    this.#udp.close();
    this.#tcp.close();
  }

  #answer(bytes: Buffer, over: "udp" | "tcp", send: (reply: Buffer) => void): void {
    const query = decode(bytes);
    const question = query.questions?.[0];
    if (question === undefined) return;
    const asked: Asked = {
      name: question.name.toLowerCase(),
      type: question.type,
      over,
      hasEdns: (query.additionals ?? []).some(({ type }) => type === "OPT"),
      bytes,
    };
    this.asked.push(asked);
    const scripted = this.script(asked);
    if (scripted === silence) return;
    const { answers = [], additionals = [], code = 0, delayMs = 0 } = scripted;
    const hasNone = answers.length === 0 && (code === 0 || code === 3) && scripted.negativeTtl !== undefined;
    const ttl = scripted.negativeTtl;
    const soa = { mname: "ns.test", rname: "admin.test", minimum: ttl };
    const flags =
      code |
      (scripted.truncated === true ? TRUNCATED_RESPONSE : 0) |
      (scripted.isAuthoritative === false ? 0 : AUTHORITATIVE_ANSWER);
    const reply = encode({
      type: "response",
      id: query.id,
      flags,
      questions: [question],
      answers: [...answers],
      additionals: [...additionals],
      authorities: hasNone ? [{ type: "SOA", name: "test", ttl, data: soa }] : [],
    });
    const mangled = scripted.mangle?.(reply) ?? reply;
    const replies = Buffer.isBuffer(mangled) ? [mangled] : mangled;
    const sendAll = (): void => {
      for (const each of replies) send(each);
    };
    if (delayMs === 0) sendAll();
    else setTimeout(sendAll, delayMs);
  }
}

/** Address records of a name. */
export function addresses(name: string, hosts: readonly string[], ttl = 1): Answer[] {
  return hosts.map((data) => ({ type: data.includes(":") ? "AAAA" : "A", name, ttl, data }));
}

/** SRV records of a name. */
export function srv(
  name: string,
  targets: readonly { target: string; port: number; priority?: number; weight?: number }[],
  ttl = 1,
): Answer[] {
  return targets.map((data) => ({ type: "SRV", name, ttl, data }));
}
