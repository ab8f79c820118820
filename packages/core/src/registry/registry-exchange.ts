import { request as httpRequest } from "node:http";
import type { Agent as HttpAgent, ClientRequest, IncomingMessage, RequestOptions } from "node:http";
import { request as httpsRequest } from "node:https";
import type { Agent as HttpsAgent } from "node:https";

import type { Clock } from "../clock.ts";
import { Alarm } from "../discovery/alarm.ts";
import { AnswerBody } from "./answer-body.ts";
import type { BodyReader } from "./answer-body.ts";
import { collectedText } from "./collected-text.ts";
import { followedLines } from "./followed-lines.ts";
import { listedElements } from "./listed-elements.ts";
import type { Reading } from "./reading.ts";
import type { ListReader, RegistryRequest, RegistryResponse, StreamReader } from "./registry-http.ts";
import { SourceError } from "./source-error.ts";

const keepAliveProbeMs = 15_000;
/** A shorter token is no secret, and would be found in ordinary words. */
const secretLength = 8;

/** One request and its answer: owns the socket's time, the deadline and the abort listener. */
export class RegistryExchange {
  readonly #request: RegistryRequest;
  readonly #base: URL;
  readonly #maxBodyBytes: number;
  readonly #reader: StreamReader | ListReader | undefined;
  #body: AnswerBody | undefined;
  wasStaleConnection = false;

  /** @param reader of an answer with a success; any other is collected */
  constructor(
    request: RegistryRequest,
    base: URL,
    maxBodyBytes: number,
    reader: StreamReader | ListReader | undefined,
  ) {
    this.#request = request;
    this.#base = base;
    this.#maxBodyBytes = maxBodyBytes;
    this.#reader = reader;
  }

  run(agent: HttpAgent | HttpsAgent, clock: Clock, signal: AbortSignal): Promise<RegistryResponse> {
    signal.throwIfAborted();
    const { deadlineMs, lane } = this.#request;
    return new Promise((resolve, reject) => {
      const outgoing = this.#open(agent);
      const silenceMs =
        this.#reader !== undefined && "line" in this.#reader ? this.#reader.silenceMs : undefined;
      let failure: unknown;
      let answer: RegistryResponse | undefined;
      let isClosed = false;
      let isFollowing = false;
      const settle = (): void => {
        // What came may still be unpacked or read when the socket is free already.
        const isReading = this.#body !== undefined && answer === undefined;
        if (!isClosed || (failure === undefined && isReading)) return;
        patience.clear();
        signal.removeEventListener("abort", onAbort);
        if (failure === undefined && answer !== undefined) resolve(answer);
        else reject(failure ?? this.#brokenOff());
      };
      const fail = (error: unknown): void => {
        failure ??= error;
        this.#body?.destroy();
        outgoing.destroy();
        settle();
      };
      const onAbort = (): void => {
        fail(signal.reason);
      };
      const patience = new Alarm(clock, () => {
        const silence = `nothing came for ${silenceMs} ms`;
        fail(this.#error("transient", isFollowing ? silence : `no answer within ${deadlineMs} ms`));
      });
      patience.set(deadlineMs, lane === "watch");
      signal.addEventListener("abort", onAbort, { once: true });
      outgoing.on("socket", (socket) => {
        socket.setKeepAlive(true, keepAliveProbeMs);
        if (lane === "watch") socket.unref();
      });
      outgoing.on("error", (error) => {
        this.wasStaleConnection = failure === undefined && isStale(outgoing, error);
        fail(this.#error(errorClass(error), error.message, withoutBytes(error)));
      });
      outgoing.on("response", (incoming) => {
        const { statusCode: status = 0, headers } = incoming;
        const heard = (): void => {
          if (isFollowing && failure === undefined && silenceMs !== undefined) patience.set(silenceMs);
        };
        const isSuccess = status >= 200 && status < 300;
        isFollowing = silenceMs !== undefined && isSuccess;
        heard();
        const done = (pieces: readonly string[]): void => {
          answer = new CollectedResponse(status, headers, this.#withoutSecret(status, pieces));
          settle();
        };
        const reading = { heard, fail, isOver: () => failure !== undefined, done };
        this.#receive(incoming, isSuccess ? this.#reader : undefined, reading, clock);
      });
      // "close" comes after every kind of end, and only then is the socket free or gone.
      outgoing.on("close", () => {
        isClosed = true;
        settle();
      });
      outgoing.end(this.#request.body);
    });
  }

  #open(agent: HttpAgent | HttpsAgent): ClientRequest {
    const { method, path, body, headers } = this.#request;
    const base = this.#base;
    const options: RequestOptions = {
      agent,
      method,
      hostname: base.hostname.replaceAll(/^\[|\]$/g, ""),
      port: base.port === "" ? (base.protocol === "https:" ? 443 : 80) : base.port,
      path: base.pathname.replace(/\/+$/, "") + path,
      headers: {
        accept: "application/json",
        // On the way to a registry compression costs more time than it saves.
        "accept-encoding": "identity",
        ...(body === undefined
          ? {}
          : { "content-type": "application/json", "content-length": Buffer.byteLength(body) }),
        ...headers,
      },
    };
    return base.protocol === "https:" ? httpsRequest(options) : httpRequest(options);
  }

  #receive(
    incoming: IncomingMessage,
    by: StreamReader | ListReader | undefined,
    reading: Reading,
    clock: Clock,
  ): void {
    const body = new AnswerBody(incoming);
    this.#body = body;
    const coding = body.coding.slice(0, 32);
    if (!body.isReadable) {
      reading.fail(this.#error("data", `the answer is encoded as ${coding}, which is not understood`));
      return;
    }
    const maxBytes = this.#maxBodyBytes;
    const dataError = (reason: string): SourceError => this.#error("data", reason);
    const parts = { flow: body, maxBytes, clock, reading, dataError };
    let reader: BodyReader;
    if (by === undefined) reader = collectedText(parts);
    else if ("line" in by) {
      reader = followedLines({ incoming, reader: by, flow: body, maxLineBytes: maxBytes, clock, reading });
    } else reader = listedElements(by, parts);
    body.read(reader, ({ kind, cause }) => {
      reading.fail(
        kind === "cut"
          ? this.#brokenOff(cause)
          : this.#error("data", `the answer is said to be encoded as ${coding}, and is not`, cause),
      );
    });
  }

  #withoutSecret(status: number, pieces: readonly string[]): readonly string[] {
    const { secret } = this.#request;
    const isQuoted = (status < 200 || status >= 300) && secret !== undefined && secret.length >= secretLength;
    return isQuoted ? [pieces.join("").replaceAll(secret, "(token)")] : pieces;
  }

  #brokenOff(cause?: unknown): SourceError {
    const reason =
      this.#body === undefined
        ? "the connection ended before an answer came"
        : `the answer broke off after ${this.#body.received} bytes`;
    return this.#error("transient", reason, cause);
  }

  #error(kind: SourceError["class"], reason: string, cause?: unknown): SourceError {
    const [path] = this.#request.path.split("?");
    const message = `${this.#request.method} ${path} at ${this.#base.origin}: ${reason}`;
    return new SourceError(kind, message, cause === undefined ? {} : { cause });
  }
}

class CollectedResponse implements RegistryResponse {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  #pieces: readonly string[];

  constructor(status: number, headers: IncomingMessage["headers"], pieces: readonly string[]) {
    this.status = status;
    this.headers = headers;
    this.#pieces = pieces;
  }

  get pieces(): readonly string[] {
    return this.#pieces;
  }

  get body(): string {
    if (this.#pieces.length !== 1) this.#pieces = [this.#pieces.join("")];
    return this.#pieces[0]!;
  }
}

function isStale(outgoing: ClientRequest, error: Error): boolean {
  return outgoing.reusedSocket && "code" in error && (error.code === "ECONNRESET" || error.code === "EPIPE");
}

/** Node's parser error carries what it could not parse, and that may be anybody's secret. */
function withoutBytes(error: Error): Error {
  return "rawPacket" in error ? Object.assign(new Error(error.message), { name: error.name }) : error;
}

/** Certificates that do not fit need a human; every other failure of a connection may pass by itself. */
function errorClass(error: Error): SourceError["class"] {
  if (!("code" in error) || typeof error.code !== "string") return "transient";
  if (error.code.startsWith("HPE_")) return "data";
  return /^ERR_(TLS|SSL)_|CERT|UNABLE_TO_(GET|VERIFY)/.test(error.code) ? "auth" : "transient";
}
