import { createSocket } from "node:dgram";
import { connect, isIPv6 } from "node:net";

import type { Clock } from "@proxyless/core";
import { SourceError } from "@proxyless/core/discovery";

import { readMessage } from "./message.ts";
import type { Message, Question } from "./message.ts";
import { showServer } from "./server-address.ts";
import type { ServerAddress } from "./server-address.ts";

/** What an exchange takes its time from, and what ends it. */
export interface ExchangeContext {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
}

/** A server kept silent. */
export class NoAnswer extends SourceError {}

/** Sends a question in one packet, from a port of its own that the system picks at random, and waits for its answer. */
export function askUdp(
  question: Question,
  server: ServerAddress,
  context: ExchangeContext,
): Promise<Message> {
  return settleOnce(question, server, context, "UDP", (give, fail) => {
    let nonsense: Message | undefined;
    const socket = createSocket(isIPv6(server.host) ? "udp6" : "udp4");
    socket.on("error", fail);
    socket.on("message", (bytes) => {
      const message = readMessage(bytes, question);
      // Anybody can send to this port: the right answer may still come.
      if (message.kind === "garbled") nonsense = message;
      else if (message.kind !== "foreign") give(message);
    });
    // Connected, so that the system drops what others send and tells when nobody listens there.
    socket.connect(server.port, server.host, () => {
      socket.send(question.bytes);
    });
    socket.unref();
    return {
      end: () => {
        socket.removeAllListeners();
        socket.on("error", () => undefined);
        socket.close();
      },
      atLeast: () => nonsense,
    };
  });
}

/** Sends a question over a connection of its own. */
export function askTcp(
  question: Question,
  server: ServerAddress,
  context: ExchangeContext,
): Promise<Message> {
  return settleOnce(question, server, context, "TCP", (give, fail) => {
    let received: Buffer = Buffer.alloc(0);
    const socket = connect({ host: server.host, port: server.port, noDelay: true });
    socket.unref();
    socket.on("error", fail);
    socket.on("close", () => {
      fail(new Error("the connection was closed before the answer"));
    });
    socket.on("connect", () => {
      const length = Buffer.alloc(2);
      length.writeUInt16BE(question.bytes.length);
      socket.write(Buffer.concat([length, question.bytes]));
    });
    socket.on("data", (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      if (received.length < 2) return;
      const end = 2 + received.readUInt16BE(0);
      if (received.length < end) return;
      // Nobody else writes into this connection, so a server may fold the case.
      const message = readMessage(received.subarray(2, end), question, true);
      give(
        message.kind === "foreign" ? { kind: "garbled", problem: "it answers another question" } : message,
      );
    });
    return {
      end: () => {
        socket.removeAllListeners();
        socket.on("error", () => undefined);
        socket.destroy();
      },
      atLeast: () => undefined,
    };
  });
}

/** What an exchange leaves behind: how to end it, and what to say when nothing better came. */
interface Running {
  readonly end: () => void;
  readonly atLeast: () => Message | undefined;
}

function settleOnce(
  question: Question,
  server: ServerAddress,
  { clock, signal, timeoutMs }: ExchangeContext,
  way: "UDP" | "TCP",
  start: (give: (message: Message) => void, fail: (error: Error) => void) => Running,
): Promise<Message> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(signal.reason);
      return;
    }
    let isOver = false;
    const finish = (settle: () => void): void => {
      if (isOver) return;
      isOver = true;
      clock.clearTimer(timer);
      signal.removeEventListener("abort", onAbort);
      running.end();
      settle();
    };
    const what = `${question.type} of ${question.name} from ${showServer(server)} over ${way}`;
    const onAbort = (): void => {
      finish(() => {
        reject(signal.reason);
      });
    };
    const running = start(
      (message) => {
        finish(() => {
          resolve(message);
        });
      },
      (error) => {
        finish(() => {
          reject(new SourceError("transient", `${what}: ${error.message}`, { cause: error }));
        });
      },
    );
    const timer = clock.setTimer(
      () => {
        finish(() => {
          const last = running.atLeast();
          if (last !== undefined) resolve(last);
          else reject(new NoAnswer("transient", `${what}: no answer within ${timeoutMs} ms`));
        });
      },
      timeoutMs,
      undefined,
      true,
    );
    signal.addEventListener("abort", onAbort, { once: true });
  });
}
