import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { connect } from "node:net";
import type { Socket } from "node:net";

import { sleep, systemClock, systemRandom } from "@proxyless/core";
import { Backoff } from "@proxyless/core/discovery";
import type { FieldsFirstLogger, Level, LogFields } from "@proxyless/logs";

import { encodeForward, readAcks } from "./forward-codec.ts";
import type { ForwardEntry } from "./forward-codec.ts";

/** Where Fluentd, or Fluent Bit, listens with `in_forward`, and how much is kept for it. */
export interface ForwardOptions {
  readonly host: string;
  readonly port: number;
  /** How long a chunk may stay without its acknowledgement before it is sent again. */
  readonly ackMs?: number;
  /** Records that wait; more are dropped. */
  readonly maxRecords?: number;
}

/** Entries of one tag on their way. They keep their id, by which a server knows a chunk that comes twice. */
interface Chunk {
  readonly id: string;
  readonly entries: readonly ForwardEntry[];
}

interface Waiter {
  readonly id: string;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

const MAX_CHUNK = 500;

/** Sends records by Fluentd's forward protocol, at least once: what is not acknowledged is sent again, on a new connection. */
export class ForwardClient {
  readonly #options: Required<ForwardOptions>;
  readonly #backoff = new Backoff(50, 5000);
  readonly #ended = new AbortController();
  readonly #waiting: ForwardEntry[] = [];
  #socket: Socket | undefined;
  /** What waits for an acknowledgement. */
  #awaited: Waiter | undefined;
  #work: Promise<void> | undefined;
  acknowledged = 0;
  dropped = 0;

  constructor(options: ForwardOptions) {
    this.#options = { ackMs: 5000, maxRecords: 10_000, ...options };
  }

  post(tag: string, record: ForwardEntry["record"], timeMs: number = Date.now()): void {
    if (this.#ended.signal.aborted || this.#waiting.length >= this.#options.maxRecords) this.dropped++;
    else {
      this.#waiting.push({ tag, record, timeMs });
      this.#work ??= this.#deliver();
    }
  }

  /** Waits until all is acknowledged, for `ms` milliseconds at most; what is left then is dropped. */
  async close(ms = 5000): Promise<void> {
    const late = AbortSignal.timeout(ms);
    await Promise.race([this.#work, late.aborted ? undefined : once(late, "abort")]);
    this.#ended.abort(new Error("closed"));
    this.#socket?.destroy();
    await this.#work;
  }

  async #deliver(): Promise<void> {
    // The records of one turn of the event loop travel together.
    await new Promise(setImmediate);
    while (this.#waiting.length > 0) {
      const chunk = this.#takeChunk();
      const isDone = await this.#send(chunk);
      if (isDone) this.acknowledged += chunk.entries.length;
      else this.dropped += chunk.entries.length;
    }
    this.#work = undefined;
  }

  #takeChunk(): Chunk {
    const [first] = this.#waiting;
    const end = this.#waiting.findIndex(({ tag }, i) => tag !== first?.tag || i === MAX_CHUNK);
    const entries = this.#waiting.splice(0, end === -1 ? this.#waiting.length : end);
    return { id: randomBytes(16).toString("base64"), entries };
  }

  /** @returns whether it was acknowledged; otherwise the client was closed meanwhile */
  async #send(chunk: Chunk): Promise<boolean> {
    while (!this.#ended.signal.aborted) {
      try {
        await this.#trySend(chunk);
        this.#backoff.succeeded(systemClock.now());
        return true;
      } catch {
        const waitMs = this.#backoff.failed(systemClock.now(), systemRandom);
        await sleep(systemClock, waitMs, this.#ended.signal).catch(() => undefined);
      }
    }
    return false;
  }

  async #trySend({ entries, id }: Chunk): Promise<void> {
    const socket = (this.#socket ??= this.#connect());
    const late = setTimeout(() => socket.destroy(), this.#options.ackMs);
    try {
      await new Promise<void>((resolve, reject) => {
        this.#awaited = { id, resolve, reject };
        socket.write(encodeForward(entries[0]?.tag ?? "", entries, id));
      });
    } finally {
      this.#awaited = undefined;
      clearTimeout(late);
    }
  }

  #connect(): Socket {
    const { host, port } = this.#options;
    const socket = connect({ host, port });
    // Whoever waits hears of the end by "close", which comes after every error.
    socket.on("error", () => undefined);
    socket.on("close", () => {
      this.#socket = undefined;
      this.#awaited?.reject(new Error("the connection broke"));
    });
    void this.#readAcks(socket);
    return socket;
  }

  async #readAcks(socket: Socket): Promise<void> {
    try {
      for await (const id of readAcks(socket)) {
        if (id === this.#awaited?.id) this.#awaited.resolve();
      }
    } catch {
      // The connection broke, or what comes is no MessagePack and from no Fluentd.
    }
    socket.destroy();
  }
}

/** A logger whose lines are records of one tag. */
export function forwardLogger(client: ForwardClient, tag: string): FieldsFirstLogger {
  const say = (level: Level) => (fields: LogFields, message: string) => {
    client.post(tag, { level, message, ...fields });
  };
  return {
    trace: say("trace"),
    debug: say("debug"),
    info: say("info"),
    warn: say("warn"),
    error: say("error"),
  };
}
