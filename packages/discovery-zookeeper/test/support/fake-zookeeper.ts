import { once } from "node:events";
import { createServer } from "node:net";
import type { Server, Socket } from "node:net";

import { FrameSplitter } from "../../src/client/frame-splitter.ts";
import { JuteReader } from "../../src/client/jute-reader.ts";
import { JuteWriter } from "../../src/client/jute-writer.ts";
import { ops, xids } from "../../src/client/protocol.ts";

/** How a client introduced itself. */
export interface Hello {
  readonly lastZxid: bigint;
  readonly timeoutMs: number;
  readonly sessionId: bigint;
  readonly password: string;
}

/** A request as it came. */
export interface FakeRequest {
  readonly xid: number;
  readonly op: number;
  /** The first text of most requests. */
  readonly path: string;
  /** Everything after the request's head. */
  readonly body: Buffer;
  readonly connection: FakeConnection;
}

export type Step = "pass" | "handled";

/** A ZooKeeper of one service's nodes that does what it is told, for what a real one cannot be made to do. */
export class FakeZookeeper {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly hellos: Hello[] = [];
  readonly requests: FakeRequest[] = [];
  /** What stands below `/services/web`; a number is an error code instead of the content. */
  readonly nodes = new Map<string, string | number>();
  /** Asked first; `handled` when it has answered. */
  script: (request: FakeRequest) => Step = () => "pass";
  /** How a hello is answered. Default: with a session of 9 s. */
  greet: (hello: Hello, connection: FakeConnection) => void = (_, connection) => {
    connection.welcome();
  };
  zxid = 1n;

  private constructor(server: Server) {
    this.#server = server;
    server.on("connection", (socket) => {
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket));
      socket.on("error", () => undefined);
      const connection = new FakeConnection(socket, this);
      const frames = new FrameSplitter(1_000_000);
      let isGreeted = false;
      socket.on("data", (chunk: Buffer) => {
        frames.add(chunk, (frame) => {
          if (isGreeted) this.#take(frame, connection);
          else {
            isGreeted = true;
            const hello = readHello(frame);
            this.hellos.push(hello);
            this.greet(hello, connection);
          }
        });
      });
    });
  }

  static async start(): Promise<FakeZookeeper> {
    const server = createServer({ noDelay: true });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return new FakeZookeeper(server);
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  }

  get connections(): number {
    return this.#sockets.size;
  }

  /** How often something was asked for. */
  count(op: number): number {
    return this.requests.filter((request) => request.op === op).length;
  }

  /** Tells every client of an event. */
  tell(type: number, path: string): void {
    for (const socket of this.#sockets) {
      const event = new JuteWriter().int(xids.event).long(-1n).int(0).int(type).int(3).text(path);
      socket.write(event.frame());
    }
  }

  /** Closes every connection. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async close(): Promise<void> {
    this.cut();
    this.#server.close();
    await once(this.#server, "close");
  }

  #take(frame: Buffer, connection: FakeConnection): void {
    const reader = new JuteReader(frame);
    const xid = reader.int();
    const op = reader.int();
    const hasPath = (
      [ops.getChildren2, ops.getData, ops.exists, ops.addWatch, ops.sync] as number[]
    ).includes(op);
    const body = frame.subarray(8);
    const request = { xid, op, path: hasPath ? reader.text() : "", body, connection };
    this.requests.push(request);
    if (this.script(request) === "handled") return;
    if (op === ops.getChildren2) {
      connection.answerNames(xid, [...this.nodes.keys()]);
    } else if (op === ops.getData) {
      const content = this.nodes.get(request.path.slice("/services/web/".length));
      if (typeof content !== "string") connection.answer(xid, content ?? -101);
      else connection.answerData(xid, content);
    } else {
      connection.answer(xid, 0);
    }
  }
}

/** A client's connection, as the fake sees it. */
export class FakeConnection {
  readonly #socket: Socket;
  readonly #server: FakeZookeeper;

  constructor(socket: Socket, server: FakeZookeeper) {
    this.#socket = socket;
    this.#server = server;
  }

  /** Gives a session; one of 0 ms is the refusal of one that expired. */
  welcome(sessionId = 0x77n, timeoutMs = 9000): void {
    const password = Buffer.alloc(16, timeoutMs === 0 ? 0 : 5);
    this.#socket.write(
      new JuteWriter().int(0).int(timeoutMs).long(sessionId).buffer(password).bool(false).frame(),
    );
  }

  answer(xid: number, error: number, body: (writer: JuteWriter) => void = () => undefined): void {
    const writer = new JuteWriter().int(xid).long(this.#server.zxid).int(error);
    if (error === 0) body(writer);
    this.#socket.write(writer.frame());
  }

  answerNames(xid: number, names: readonly string[]): void {
    this.answer(xid, 0, (writer) => {
      stat(
        writer.list(names, (into, name) => into.text(name)),
        this.#server.zxid,
      );
    });
  }

  answerData(xid: number, content: string): void {
    this.answer(xid, 0, (writer) => {
      stat(writer.buffer(Buffer.from(content)), this.#server.zxid);
    });
  }

  hangUp(): void {
    this.#socket.end();
  }
}

function readHello(frame: Buffer): Hello {
  const reader = new JuteReader(frame);
  reader.int();
  return {
    lastZxid: reader.long(),
    timeoutMs: reader.int(),
    sessionId: reader.long(),
    password: reader.buffer().toString("hex"),
  };
}

function stat(writer: JuteWriter, zxid: bigint): void {
  writer.long(zxid).long(zxid).long(0n).long(0n).int(0).int(0).int(0).long(0n).int(0).int(0).long(zxid);
}
