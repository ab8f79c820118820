import { request as httpRequest } from "node:http";
import type { Agent as HttpAgent, ClientRequest, IncomingMessage, RequestOptions } from "node:http";
import { request as httpsRequest } from "node:https";
import type { Agent as HttpsAgent } from "node:https";

import type { Clock } from "../clock.ts";
import { Alarm } from "../discovery/alarm.ts";
import { LineSplitter } from "./line-splitter.ts";
import type { RegistryRequest, RegistryResponse, StreamReader } from "./registry-http.ts";
import { SourceError } from "./source-error.ts";

const keepAliveProbeMs = 15_000;
/** A shorter token is no secret, and would be found in ordinary words. */
const secretLength = 8;

/** What a stream does to its exchange. */
interface Stream {
  /** Something came. */
  readonly heard: () => void;
  readonly fail: (error: unknown) => void;
  /** It failed or was aborted: nothing more is to be read. */
  readonly isOver: () => boolean;
}

/** One request and its answer: owns the socket's time, the deadline and the abort listener. */
export class RegistryExchange {
  readonly #request: RegistryRequest;
  readonly #base: URL;
  readonly #maxBodyBytes: number;
  readonly #reader: StreamReader | undefined;
  #received: number | undefined;
  wasStaleConnection = false;

  constructor(request: RegistryRequest, base: URL, maxBodyBytes: number, reader: StreamReader | undefined) {
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
      let failure: unknown;
      const fail = (error: unknown): void => {
        failure ??= error;
        outgoing.destroy();
      };
      const onAbort = (): void => {
        fail(signal.reason);
      };
      const reader = this.#reader;
      let isFollowing = false;
      const patience = new Alarm(clock, () => {
        const silence = `nothing came for ${reader?.silenceMs} ms`;
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
      let answer: RegistryResponse | undefined;
      outgoing.on("response", (incoming) => {
        const { statusCode: status = 0, headers } = incoming;
        const coding = headers["content-encoding"] ?? "identity";
        // Nobody asked for it, and what it holds would be bounded by nothing.
        if (coding !== "identity") {
          fail(
            this.#error("data", `the answer is encoded as ${coding.slice(0, 32)}, which was not asked for`),
          );
          return;
        }
        if (reader !== undefined && status >= 200 && status < 300) {
          isFollowing = true;
          const heard = (): void => {
            patience.set(reader.silenceMs);
          };
          heard();
          const isOver = (): boolean => failure !== undefined;
          this.#follow(incoming, reader, { heard, fail, isOver }, () => {
            answer = { status, headers, body: "" };
          });
        } else {
          this.#read(incoming, fail, (body) => {
            answer = { status, headers, body: this.#withoutSecret(status, body) };
          });
        }
      });
      // "close" comes after every kind of end, and only then is the socket free or gone.
      outgoing.on("close", () => {
        patience.clear();
        signal.removeEventListener("abort", onAbort);
        if (failure === undefined && answer !== undefined) resolve(answer);
        else reject(failure ?? this.#brokenOff());
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
        ...(body === undefined
          ? {}
          : { "content-type": "application/json", "content-length": Buffer.byteLength(body) }),
        ...headers,
      },
    };
    return base.protocol === "https:" ? httpsRequest(options) : httpRequest(options);
  }

  #read(incoming: IncomingMessage, fail: (error: unknown) => void, done: (body: string) => void): void {
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
      done(Buffer.concat(chunks).toString("utf8"));
    });
  }

  #follow(
    incoming: IncomingMessage,
    reader: StreamReader,
    { fail, heard, isOver }: Stream,
    done: () => void,
  ): void {
    const lines = new LineSplitter(this.#maxBodyBytes);
    this.#received = 0;
    const guarded = (work: () => void): void => {
      try {
        work();
      } catch (error) {
        fail(error);
      }
    };
    guarded(() => reader.opened?.(incoming.headers));
    incoming.on("data", (chunk: Buffer) => {
      this.#received = (this.#received ?? 0) + chunk.length;
      if (isOver()) return;
      heard();
      guarded(() => {
        lines.add(chunk, (line) => {
          // The rest of a chunk is still here when a line of it ended the stream.
          if (!isOver()) reader.line(line);
        });
      });
    });
    incoming.on("error", (error) => {
      fail(this.#brokenOff(error));
    });
    incoming.on("end", done);
  }

  #withoutSecret(status: number, body: string): string {
    const { secret } = this.#request;
    const isQuoted = (status < 200 || status >= 300) && secret !== undefined && secret.length >= secretLength;
    return isQuoted ? body.replaceAll(secret, "(token)") : body;
  }

  #brokenOff(cause?: unknown): SourceError {
    const reason =
      this.#received === undefined
        ? "the connection ended before an answer came"
        : `the answer broke off after ${this.#received} bytes`;
    return this.#error("transient", reason, cause);
  }

  #error(kind: SourceError["class"], reason: string, cause?: unknown): SourceError {
    const [path] = this.#request.path.split("?");
    const message = `${this.#request.method} ${path} at ${this.#base.origin}: ${reason}`;
    return new SourceError(kind, message, cause === undefined ? {} : { cause });
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
