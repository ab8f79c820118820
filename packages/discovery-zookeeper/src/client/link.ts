import type { Socket } from "node:net";

import { hostPort, SourceError, toSourceError } from "@proxyless/core/discovery";

import { FrameSplitter } from "./frame-splitter.ts";
import { JuteReader } from "./jute-reader.ts";
import { JuteWriter } from "./jute-writer.ts";
import type { LinkOptions } from "./link-options.ts";
import { openSocket, socketError } from "./link-socket.ts";
import { LinkTimers } from "./link-timers.ts";
import type { Answer } from "./pending-requests.ts";
import { connectFrame, ops, readConnectResponse, readReplyHeader, readWatchEvent, xids } from "./protocol.ts";
import type { ConnectResponse, LinkRequest } from "./protocol.ts";
import { Pulse } from "./pulse.ts";
import { RequestBook } from "./request-book.ts";
import type { Asked } from "./request-book.ts";
import { ZookeeperError } from "./zookeeper-error.ts";

const replyHeaderBytes = 16;
/** How long the farewell may take, in milliseconds. */
const farewellMs = 1000;

/** One connection to one server: says hello, sends requests, and gives itself up when nothing comes back. */
export class Link {
  readonly #options: LinkOptions;
  readonly #where: string;
  readonly #socket: Socket;
  readonly #frames: FrameSplitter;
  readonly #requests = new RequestBook();
  readonly #timers: LinkTimers;
  readonly #pulse: Pulse;
  readonly #opening = Promise.withResolvers<ConnectResponse>();
  readonly #ended = Promise.withResolvers<SourceError>();
  #session: ConnectResponse | undefined;
  #failure: SourceError | undefined;
  #lastZxid = 0n;
  #wasGreeted = false;

  constructor(options: LinkOptions) {
    const { server, clock } = options;
    this.#options = options;
    this.#where = hostPort(server.host, server.port);
    this.#frames = new FrameSplitter(options.maxFrameBytes);
    this.#timers = new LinkTimers(clock);
    this.#pulse = new Pulse({
      clock,
      timers: this.#timers,
      ping: () => {
        this.#socket.write(new JuteWriter(8).int(xids.ping).int(ops.ping).frame());
      },
      onSilence: (silentMs) => {
        this.#fail(this.#error("transient", `nothing came for ${Math.round(silentMs)} ms`));
      },
    });
    this.#opening.promise.catch(() => undefined);
    this.#timers.start("connect", options.connectTimeoutMs, options.isForeground, () => {
      this.#fail(this.#error("transient", `no session within ${options.connectTimeoutMs} ms`));
    });
    this.#socket = openSocket(server, options.tls, () => {
      this.#wasGreeted = true;
      this.#socket.write(connectFrame(options.hello));
    });
    this.#socket.on("data", (chunk: Buffer) => {
      this.#take(chunk);
    });
    this.#socket.on("error", (error) => {
      this.#fail(socketError(this.#where, error));
    });
    this.#socket.on("end", () => {
      this.#fail(this.#error("transient", "the server closed the connection"));
    });
    this.#socket.on("close", () => {
      this.#fail(this.#error("transient", "the connection is closed"));
      this.#timers.stopAll();
      this.#ended.resolve(this.#failure ?? this.#error("transient", "the connection is closed"));
    });
  }

  /** Resolves with the session that the server gave, or refused: its timeout is 0 then. Rejects when there is no answer. */
  get opened(): Promise<ConnectResponse> {
    return this.#opening.promise;
  }

  /** Resolves with the reason when the socket is gone. */
  get ended(): Promise<SourceError> {
    return this.#ended.promise;
  }

  get isOpen(): boolean {
    return this.#session !== undefined && this.#failure === undefined;
  }

  /** Why it is over; `undefined` while it is not. */
  get failure(): SourceError | undefined {
    return this.#failure;
  }

  /** The server took the connection and hung up on the hello: it cannot serve, or has seen less than this client. */
  get wasRefused(): boolean {
    return this.#wasGreeted && this.#session === undefined;
  }

  /** Whether the server gave or renewed a session on it. */
  get hadSession(): boolean {
    return this.#session !== undefined && this.#session.timeoutMs > 0;
  }

  /** Whether its server has no quorum, and may be behind without knowing it. */
  get isReadOnly(): boolean {
    return this.#session?.isReadOnly === true;
  }

  /** When the last byte came. */
  get heardAt(): number {
    return this.#pulse.heardAt;
  }

  /** The newest transaction that this connection has seen. */
  get lastZxid(): bigint {
    return this.#lastZxid;
  }

  /** Sends a request; resolves with what comes after the answer's head. Rejects with a {@link SourceError}. */
  request(op: number, what: string, body: (writer: JuteWriter) => void): Promise<JuteReader> {
    return this.requestAs(this.#requests.nextXid(), op, what, body);
  }

  /** Sends a request that has a number of its own (`xids`). */
  async requestAs(
    xid: number,
    op: number,
    what: string,
    body: (writer: JuteWriter) => void,
  ): Promise<JuteReader> {
    const [answer] = await this.#send([{ xid, op, what, write: body }]);
    if (answer instanceof ZookeeperError) throw answer;
    return answer!;
  }

  /**
   * Sends requests in one go. Resolves when all of them are answered, with the answers in their order, of which any may be a
   * refusal. Rejects with a {@link SourceError} when the connection is lost.
   */
  requestAll(requests: readonly LinkRequest[]): Promise<readonly Answer[]> {
    return this.#send(requests.map((request) => ({ ...request, xid: this.#requests.nextXid() })));
  }

  async #send(requests: readonly (LinkRequest & Asked)[]): Promise<readonly Answer[]> {
    if (!this.isOpen) throw this.#failure ?? this.#error("transient", "there is no session yet");
    const frames = requests.map(({ op, write, xid }) => {
      const writer = new JuteWriter().int(xid).int(op);
      write(writer);
      return writer.frame();
    });
    const answers = this.#requests.add(requests, this.#options.clock.now());
    this.#socket.write(Buffer.concat(frames));
    this.#watchPatience();
    return answers;
  }

  /** Gives the connection up at once; the session lives on. */
  destroy(reason: SourceError): void {
    this.#fail(reason);
  }

  /** Ends the session, so that its ephemeral nodes go now, and the connection with it. Resolves when the socket is gone. */
  async close(): Promise<void> {
    const done = this.#error("transient", "closed");
    if (this.isOpen) {
      this.#timers.start("farewell", farewellMs, this.#options.isForeground, () => {
        this.#fail(done);
      });
      await this.request(ops.closeSession, "close", () => undefined).catch(() => undefined);
    }
    this.#fail(done);
    await this.#ended.promise;
  }

  #take(chunk: Buffer): void {
    this.#pulse.heard();
    try {
      this.#frames.add(chunk, (frame) => {
        if (this.#failure !== undefined) return;
        if (this.#session === undefined) this.#greet(frame);
        else this.#answer(new JuteReader(frame));
      });
    } catch (error) {
      const { class: kind, message } = toSourceError(error);
      this.#fail(this.#error(kind, message, error));
    }
  }

  #greet(frame: Buffer): void {
    // A server without a quorum, which gives no sessions, answers with nothing but a refusal.
    if (frame.length === replyHeaderBytes) {
      throw new ZookeeperError(readReplyHeader(new JuteReader(frame)).error, "session");
    }
    const session = readConnectResponse(new JuteReader(frame));
    this.#session = session;
    this.#timers.stop("connect");
    if (session.timeoutMs > 0) this.#pulse.begin(session.timeoutMs);
    this.#opening.resolve(session);
  }

  #answer(reader: JuteReader): void {
    const { xid, zxid, error } = readReplyHeader(reader);
    if (xid === xids.event) {
      this.#options.onEvent(readWatchEvent(reader));
      return;
    }
    if (xid === xids.ping) {
      this.#options.onPong();
      return;
    }
    if (zxid > this.#lastZxid) this.#lastZxid = zxid;
    this.#requests.answer(xid, error, reader);
    if (this.#requests.oldestSentAt === Infinity) this.#timers.stop("request");
  }

  #watchPatience(): void {
    if (this.#timers.has("request")) return;
    const { clock, requestTimeoutMs, isForeground } = this.#options;
    const leftMs = this.#requests.oldestSentAt + requestTimeoutMs - clock.now();
    this.#timers.start("request", leftMs, isForeground, () => {
      const oldest = this.#requests.oldestSentAt;
      if (oldest === Infinity) return;
      if (clock.now() - oldest < requestTimeoutMs) this.#watchPatience();
      else this.#fail(this.#error("transient", `no answer within ${requestTimeoutMs} ms`));
    });
  }

  #fail(error: SourceError): void {
    if (this.#failure !== undefined) return;
    this.#failure = error;
    this.#socket.destroy();
    this.#opening.reject(error);
    this.#requests.fail(error);
  }

  #error(kind: SourceError["class"], reason: string, cause?: unknown): SourceError {
    return new SourceError(
      kind,
      `ZooKeeper at ${this.#where}: ${reason}`,
      cause === undefined ? {} : { cause },
    );
  }
}
