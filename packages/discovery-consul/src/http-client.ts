import { Agent as HttpAgent, request as httpRequest } from "node:http";
import type { ClientRequest, IncomingHttpHeaders, IncomingMessage, RequestOptions } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";

import type { Clock } from "@proxyless/core";

import type { Connection } from "./connection.ts";
import { ConsulError } from "./consul-error.ts";
import { TokenHolder } from "./token.ts";

/** One request to an agent. */
export interface ConsulRequest {
  readonly method: "GET" | "PUT" | "POST";
  /** Path and query. */
  readonly path: string;
  /** JSON. */
  readonly body?: string;
  readonly deadlineMs: number;
  /** `watch`: Consul may take its time; own connections that never keep the process alive. `quick`: all else. */
  readonly lane: "watch" | "quick";
}

/** A whole answer. */
export interface ConsulResponse {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** With the most watches there may be, it stays below the 200 connections that an agent allows a client. */
const quickConnections = 32;
const keepAliveProbeMs = 15_000;
/** A shorter token is no secret, and would be found in ordinary words. */
const secretLength = 8;

/**
 * The way to Consul's HTTP API. It stands on `node:http` rather than on an HTTP library: a long poll wants a plain
 * keep-alive connection, a deadline of ours and no other timer, and libraries bring read timeouts shorter than a poll.
 */
export class ConsulHttp {
  readonly #connection: Connection;
  readonly #maxBodyBytes: number;
  readonly #agents: Record<ConsulRequest["lane"], HttpAgent | HttpsAgent>;
  readonly token: TokenHolder;
  #position = 0;

  constructor(connection: Connection, watchConnections: number, maxBodyBytes: number) {
    this.#connection = connection;
    this.#maxBodyBytes = maxBodyBytes;
    this.token = new TokenHolder(connection);
    const isSecure = connection.urls[0].protocol === "https:";
    const make = (maxSockets: number): HttpAgent =>
      isSecure
        ? new HttpsAgent({ ...tlsOptions(connection), keepAlive: true, maxSockets })
        : new HttpAgent({ keepAlive: true, maxSockets });
    this.#agents = { watch: make(watchConnections), quick: make(quickConnections) };
  }

  /** How many addresses there are to try. */
  get addresses(): number {
    return this.#connection.urls.length;
  }

  /** The address that is asked now. */
  get base(): URL {
    const { urls } = this.#connection;
    return urls[this.#position % urls.length] ?? urls[0];
  }

  /** `failed` gave trouble: the next address is asked from now on, unless someone moved on already. */
  moveOn(failed: URL): void {
    if (this.base === failed) this.#position++;
  }

  /**
   * Sends a request to the current address. Rejects with a {@link ConsulError} when no whole answer came, or with
   * the signal's reason once an aborted request has let go of its socket. Any status is an answer.
   */
  async send(request: ConsulRequest, clock: Clock, signal: AbortSignal): Promise<ConsulResponse> {
    const token = await this.token.current();
    for (let attempt = 1; ; attempt++) {
      const exchange = new Exchange(request, this.base, this.#maxBodyBytes);
      try {
        // eslint-disable-next-line no-await-in-loop -- one attempt after the other
        return await exchange.run(this.#agents[request.lane], token, clock, signal);
      } catch (error) {
        // The agent closed an idle connection just as it was used again: nothing was processed.
        if (!exchange.wasStaleConnection || attempt === 3) throw error;
      }
    }
  }

  /** Closes every connection. */
  close(): void {
    this.#agents.watch.destroy();
    this.#agents.quick.destroy();
  }
}

function tlsOptions({ tls }: Connection): object {
  return {
    ...(tls?.ca === undefined ? {} : { ca: tls.ca }),
    ...(tls?.cert === undefined ? {} : { cert: tls.cert, key: tls.key }),
    ...(tls?.serverName === undefined ? {} : { servername: tls.serverName }),
    // Said aloud, so that no environment variable can turn verification off behind the user's back.
    rejectUnauthorized: tls?.rejectUnauthorized ?? true,
  };
}

/** One request and its answer: owns the socket's time, the deadline and the abort listener. */
class Exchange {
  readonly #request: ConsulRequest;
  readonly #base: URL;
  readonly #maxBodyBytes: number;
  #received: number | undefined;
  wasStaleConnection = false;

  constructor(request: ConsulRequest, base: URL, maxBodyBytes: number) {
    this.#request = request;
    this.#base = base;
    this.#maxBodyBytes = maxBodyBytes;
  }

  run(
    agent: HttpAgent | HttpsAgent,
    token: string | undefined,
    clock: Clock,
    signal: AbortSignal,
  ): Promise<ConsulResponse> {
    signal.throwIfAborted();
    const { deadlineMs, lane } = this.#request;
    return new Promise((resolve, reject) => {
      const outgoing = this.#open(agent, token);
      let failure: unknown;
      const fail = (error: unknown): void => {
        failure ??= error;
        outgoing.destroy();
      };
      const onAbort = (): void => {
        fail(signal.reason);
      };
      const timer = clock.setTimer(
        () => {
          fail(this.#error("transient", `no answer within ${deadlineMs} ms`));
        },
        deadlineMs,
        undefined,
        lane === "watch",
      );
      signal.addEventListener("abort", onAbort, { once: true });
      outgoing.on("socket", (socket) => {
        socket.setKeepAlive(true, keepAliveProbeMs);
        if (lane === "watch") socket.unref();
      });
      outgoing.on("error", (error) => {
        this.wasStaleConnection = failure === undefined && isStale(outgoing, error);
        fail(this.#error(errorClass(error), error.message, error));
      });
      let answer: ConsulResponse | undefined;
      outgoing.on("response", (incoming) => {
        this.#read(incoming, fail, (response) => {
          // Refusals are quoted in errors; a proxy that echoes the request must not put the secret there.
          const isQuoted = response.status !== 200 && token !== undefined && token.length >= secretLength;
          answer = isQuoted ? { ...response, body: response.body.replaceAll(token, "(token)") } : response;
        });
      });
      // "close" comes after every kind of end, and only then is the socket free or gone.
      outgoing.on("close", () => {
        clock.clearTimer(timer);
        signal.removeEventListener("abort", onAbort);
        if (failure === undefined && answer !== undefined) resolve(answer);
        else reject(failure ?? this.#brokenOff());
      });
      outgoing.end(this.#request.body);
    });
  }

  #open(agent: HttpAgent | HttpsAgent, token: string | undefined): ClientRequest {
    const { method, path, body } = this.#request;
    const base = this.#base;
    const options: RequestOptions = {
      agent,
      method,
      hostname: base.hostname.replaceAll(/^\[|\]$/g, ""),
      port: base.port === "" ? (base.protocol === "https:" ? 443 : 80) : base.port,
      path: base.pathname.replace(/\/+$/, "") + path,
      headers: {
        accept: "application/json",
        ...(body === undefined
          ? {}
          : { "content-type": "application/json", "content-length": Buffer.byteLength(body) }),
        ...(token === undefined ? {} : { "x-consul-token": token }),
      },
    };
    return base.protocol === "https:" ? httpsRequest(options) : httpRequest(options);
  }

  #read(
    incoming: IncomingMessage,
    fail: (error: unknown) => void,
    done: (response: ConsulResponse) => void,
  ): void {
    const chunks: Buffer[] = [];
    let size = 0;
    this.#received = 0;
    incoming.on("data", (chunk: Buffer) => {
      size += chunk.length;
      this.#received = size;
      if (size > this.#maxBodyBytes) {
        fail(this.#error("data", `the answer is longer than ${this.#maxBodyBytes} bytes`));
      } else {
        chunks.push(chunk);
      }
    });
    incoming.on("error", (error) => {
      fail(this.#brokenOff(error));
    });
    incoming.on("end", () => {
      const body = Buffer.concat(chunks).toString("utf8");
      done({ status: incoming.statusCode ?? 0, headers: incoming.headers, body });
    });
  }

  #brokenOff(cause?: unknown): ConsulError {
    const reason =
      this.#received === undefined
        ? "the connection ended before an answer came"
        : `the answer broke off after ${this.#received} bytes`;
    return this.#error("transient", reason, cause);
  }

  #error(kind: ConsulError["class"], reason: string, cause?: unknown): ConsulError {
    const [path] = this.#request.path.split("?");
    const message = `${this.#request.method} ${path} at ${this.#base.origin}: ${reason}`;
    return new ConsulError(kind, message, cause === undefined ? {} : { cause });
  }
}

function isStale(outgoing: ClientRequest, error: Error): boolean {
  return outgoing.reusedSocket && "code" in error && (error.code === "ECONNRESET" || error.code === "EPIPE");
}

/** Certificates that do not fit need a human; every other failure of a connection may pass by itself. */
function errorClass(error: Error): ConsulError["class"] {
  if (!("code" in error) || typeof error.code !== "string") return "transient";
  if (error.code.startsWith("HPE_")) return "data";
  return /^ERR_(TLS|SSL)_|CERT|UNABLE_TO_(GET|VERIFY)/.test(error.code) ? "auth" : "transient";
}
