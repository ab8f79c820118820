import { once } from "node:events";
import type { Socket } from "node:net";
import { setImmediate } from "node:timers/promises";

import { Client, connectivityState, status } from "@grpc/grpc-js";
import type { ClientDuplexStream } from "@grpc/grpc-js";
import type { Clock, TimerHandle } from "@proxyless/core";
import type { SourceError } from "@proxyless/core/discovery";

import type { XdsServer } from "./bootstrap.ts";
import { channelCredentials } from "./channel-credentials.ts";
import type { Codec } from "./codec.ts";
import { metadataTexts } from "./node-identity.ts";
import type { Settings } from "./options.ts";
import { QuietCredentials } from "./quiet-credentials.ts";
import { streamError } from "./stream-error.ts";

/** How a variant of the protocol is spoken. */
export interface AdsMethod<Request, Response> {
  readonly path: string;
  readonly request: Codec<Request>;
  readonly response: Codec<Response>;
}

/** What a stream tells. */
export interface AdsStreamEvents<Response> {
  /** There is a connection, and the requests are on it. */
  readonly up: () => void;
  /** @returns whether it is done with; else nothing more comes until {@link AdsStream.resume} */
  readonly response: (response: Response) => boolean;
  /** It is over; called once, unless it was closed from this side. */
  readonly end: (error: SourceError) => void;
}

/** What a stream needs to know of the source. */
export type StreamSettings = Pick<
  Settings,
  "bootstrap" | "certificates" | "connectTimeoutMs" | "keepaliveMs" | "keepaliveTimeoutMs" | "maxMessageBytes"
>;

/** One stream on one connection of its own to one server. A stream that is over is over: the next one is another object. */
export class AdsStream<Request, Response> {
  readonly #server: XdsServer;
  readonly #settings: StreamSettings;
  readonly #clock: Clock;
  readonly #events: AdsStreamEvents<Response>;
  readonly #sockets = new Set<Socket>();
  #client: Client | undefined;
  #call: ClientDuplexStream<Request, Response> | undefined;
  #connecting: TimerHandle | undefined;
  #isUp = false;
  #isOver = false;

  constructor(server: XdsServer, settings: StreamSettings, clock: Clock, events: AdsStreamEvents<Response>) {
    this.#server = server;
    this.#settings = settings;
    this.#clock = clock;
    this.#events = events;
  }

  /** Connects and opens the stream; rejects with a {@link SourceError} where there is nothing to connect with. */
  async open(method: AdsMethod<Request, Response>, requests: () => readonly Request[]): Promise<void> {
    const client = await this.#connect();
    // What the client makes at first is as much as one turn of the event loop may take.
    await setImmediate();
    if (client === undefined || this.#isOver) return;
    const call = client.makeBidiStreamRequest<Request, Response>(
      method.path,
      (message) => method.request.encode(message),
      (bytes) => method.response.decode(bytes),
      // A stream has no end of its own, whatever the defaults of a channel are.
      { deadline: Infinity },
    );
    this.#call = call;
    call.on("data", (response: Response) => {
      if (this.#isOver) return;
      this.#up();
      // What comes meanwhile waits where it cannot grow: sixteen answers, and then on the way.
      if (!this.#events.response(response)) call.pause();
    });
    call.on("error", () => {
      // The status says what there is to say.
    });
    call.on("status", ({ code, details }: { readonly code: number; readonly details: string }) => {
      this.#over(streamError(this.#server.uri, code, details, metadataTexts(this.#settings.bootstrap.node)));
    });
    this.#connecting = this.#clock.setTimer(
      () => {
        const waited = `no connection within ${this.#settings.connectTimeoutMs} ms`;
        this.#over(streamError(this.#server.uri, status.UNAVAILABLE, waited, []));
      },
      this.#settings.connectTimeoutMs,
      undefined,
      true,
    );
    for (const request of requests()) call.write(request);
    this.#awaitConnection(client);
  }

  /** Whether there is a connection, only; resolves when that is known. */
  async probe(): Promise<boolean> {
    const client = await this.#connect().catch(() => undefined);
    if (client === undefined) return false;
    return new Promise((resolve) => {
      const channel = client.getChannel();
      const timer = this.#clock.setTimer(resolve, this.#settings.connectTimeoutMs, false, true);
      const look = (): void => {
        const state = channel.getConnectivityState(true);
        if (state === connectivityState.IDLE || state === connectivityState.CONNECTING) {
          channel.watchConnectivityState(state, Infinity, look);
          return;
        }
        this.#clock.clearTimer(timer);
        resolve(state === connectivityState.READY);
      };
      look();
    });
  }

  send(request: Request): void {
    if (!this.#isOver) this.#call?.write(request);
  }

  /** The last answer is done with. */
  resume(): void {
    if (!this.#isOver) this.#call?.resume();
  }

  /** Ends the stream and its connection; resolves when its sockets are closed. */
  async close(): Promise<void> {
    this.#isOver = true;
    this.#clearTimer();
    this.#call?.cancel();
    this.#client?.close();
    const open = [...this.#sockets].filter((socket) => !socket.closed);
    await Promise.all(
      open.map(async (socket) => {
        const closed = once(socket, "close");
        socket.destroy();
        await closed;
      }),
    );
  }

  async #connect(): Promise<Client | undefined> {
    const { certificates, keepaliveMs, keepaliveTimeoutMs, maxMessageBytes } = this.#settings;
    const inner = await channelCredentials(this.#server, certificates);
    await setImmediate();
    if (this.#isOver) return undefined;
    const credentials = new QuietCredentials(inner, (socket) => {
      if (this.#isOver) socket.destroy();
      else this.#sockets.add(socket);
    });
    this.#client = new Client(this.#server.target, credentials, {
      "grpc.keepalive_time_ms": keepaliveMs,
      "grpc.keepalive_timeout_ms": keepaliveTimeoutMs,
      "grpc.max_receive_message_length": maxMessageBytes,
      "grpc.service_config_disable_resolution": 1,
      "grpc.enable_retries": 0,
      // A connection of its own, so that it can be closed.
      "grpc.use_local_subchannel_pool": 1,
      "grpc.enable_channelz": 0,
    });
    return this.#client;
  }

  #awaitConnection(client: Client): void {
    const channel = client.getChannel();
    const look = (): void => {
      if (this.#isOver || this.#isUp) return;
      const state = channel.getConnectivityState(true);
      if (state === connectivityState.READY) this.#up();
      else channel.watchConnectivityState(state, Infinity, look);
    };
    look();
  }

  #up(): void {
    if (this.#isUp) return;
    this.#isUp = true;
    this.#clearTimer();
    this.#events.up();
  }

  #over(error: SourceError): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#clearTimer();
    this.#events.end(error);
  }

  #clearTimer(): void {
    if (this.#connecting !== undefined) this.#clock.clearTimer(this.#connecting);
    this.#connecting = undefined;
  }
}
