import { once } from "node:events";
import { createServer } from "node:net";
import type { Server, Socket } from "node:net";

import { Extension, decodeOne } from "./msgpack.ts";

/** One record that arrived. */
export interface ForwardRecord {
  readonly tag: string;
  /** Milliseconds since the Unix epoch. */
  readonly timeMs: number;
  readonly record: Readonly<Record<string, unknown>>;
}

/** One message that arrived. */
interface Message {
  readonly chunk: string;
  readonly records: readonly ForwardRecord[];
}

/**
 * What becomes of a message: it is acknowledged, or another one is, or nothing is said, or the connection is cut before or after it
 * is kept.
 */
export type Fate = "ack" | "ack another" | "silence" | "cut" | "keep and cut";

/**
 * Fluentd's `in_forward` with `require_ack_response`, as strict as the specification of the protocol (v1) lets it be. What it does
 * not understand it remembers in `complaints`.
 */
export class ForwardServer {
  readonly records: ForwardRecord[] = [];
  readonly chunks: string[] = [];
  readonly complaints: string[] = [];
  connections = 0;
  /** Decides about each message; acknowledges by default. */
  fate: (message: number) => Fate = () => "ack";
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #messages = 0;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(): Promise<ForwardServer> {
    const server = createServer();
    const forward = new ForwardServer(server);
    server.on("connection", (socket) => {
      forward.#connected(socket);
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return forward;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  }

  stop(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #connected(socket: Socket): void {
    this.connections++;
    this.#sockets.add(socket);
    let bytes = Buffer.alloc(0);
    socket.on("error", () => undefined);
    socket.on("close", () => this.#sockets.delete(socket));
    socket.on("data", (more) => {
      bytes = Buffer.concat([bytes, more]);
      try {
        for (let read = decodeOne(bytes); read !== undefined; read = decodeOne(bytes)) {
          bytes = bytes.subarray(read.next);
          this.#receive(socket, messageOf(read.value));
        }
      } catch (error) {
        this.complaints.push(String(error));
        socket.destroy();
      }
    });
  }

  #receive(socket: Socket, { chunk, records }: Message): void {
    const fate = this.fate(this.#messages++);
    if (fate === "cut") {
      socket.destroy();
      return;
    }
    this.chunks.push(chunk);
    this.records.push(...records);
    // A map of one pair, the text "ack" and a text of up to 31 bytes.
    if (fate === "ack" || fate === "ack another") {
      const acknowledged = fate === "ack" ? chunk : Buffer.alloc(16).toString("base64");
      const head = [0x81, 0xa3, ...Buffer.from("ack"), 0xa0 | acknowledged.length];
      socket.write(Buffer.from([...head, ...Buffer.from(acknowledged)]));
    } else if (fate === "keep and cut") socket.destroy();
  }
}

/** `[tag, [[time, record], …], {chunk, size}]`. @throws Error for anything else */
function messageOf(value: unknown): Message {
  if (!Array.isArray(value) || value.length !== 3) throw new Error("a message is not [tag, entries, option]");
  const [tag, entries, option]: unknown[] = value;
  if (typeof tag !== "string" || !/^[a-z0-9_]+(\.[a-z0-9_]+)*$/.test(tag)) throw new Error("a bad tag");
  if (!Array.isArray(entries) || entries.length === 0) throw new Error("no entries");
  if (!isMap(option)) throw new Error("an option that is no map");
  const { chunk, size, ...rest } = option;
  if (Object.keys(rest).length > 0) throw new Error(`unknown options: ${Object.keys(rest).join(", ")}`);
  if (size !== entries.length) throw new Error(`size ${String(size)} of ${entries.length} entries`);
  if (typeof chunk !== "string" || Buffer.from(chunk, "base64").length !== 16 || chunk.length > 31) {
    throw new Error("a chunk that is no base64 of 128 bits");
  }
  return { chunk, records: entries.map((entry: unknown) => recordOf(tag, entry)) };
}

function recordOf(tag: string, entry: unknown): ForwardRecord {
  if (!Array.isArray(entry) || entry.length !== 2) throw new Error("an entry is not [time, record]");
  const [time, record]: unknown[] = entry;
  if (!isMap(record)) throw new Error("a record that is no map");
  if (!(time instanceof Extension) || time.type !== 0 || time.bytes.length !== 8) {
    throw new Error("a time that is no EventTime");
  }
  const nanoseconds = time.bytes.readUInt32BE(4);
  if (nanoseconds >= 1_000_000_000) throw new Error("a second has no more than 10^9 nanoseconds");
  return { tag, timeMs: time.bytes.readUInt32BE(0) * 1000 + nanoseconds / 1_000_000, record };
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return (
    typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Extension)
  );
}
