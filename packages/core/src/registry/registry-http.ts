import { Agent as HttpAgent } from "node:http";
import type { IncomingHttpHeaders } from "node:http";
import { Agent as HttpsAgent } from "node:https";

import type { Clock } from "../clock.ts";
import { RegistryExchange } from "./registry-exchange.ts";
import { tlsConnectOptions } from "./registry-tls.ts";
import type { RegistryTls } from "./registry-tls.ts";
import type { RegistryUrls } from "./registry-urls.ts";
import { toSourceError } from "./source-error.ts";
import type { SourceError } from "./source-error.ts";

/** One request to a registry. */
export interface RegistryRequest {
  readonly method: "GET" | "PUT" | "POST" | "DELETE";
  /** Path and query, after the path of the address. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** JSON, unless `headers` say otherwise. */
  readonly body?: string;
  /** How long the whole answer may take, in milliseconds; of a stream, how long its head may take. */
  readonly deadlineMs: number;
  /** `watch`: the answer may take its time; own connections that never keep the process alive. `quick`: all else. */
  readonly lane: "watch" | "quick";
  /** Never quoted from a refusal: a proxy that echoes the request must not put it into an error. */
  readonly secret?: string | undefined;
}

/** A whole answer. */
export interface RegistryResponse {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Put together the first time it is asked for. */
  readonly body: string;
  /** The body as it came: a long one is best read from these, by `parsePieces`. */
  readonly pieces: readonly string[];
}

/** How a stream is read. */
export interface StreamReader {
  /** The answer's head came with a success; what follows are lines. */
  opened?(headers: IncomingHttpHeaders): void;
  /** One line without its end, never empty. What it throws ends the stream with that. */
  line(text: string): void;
  /** Silence for so long ends the stream with a `transient` error, in milliseconds. */
  readonly silenceMs: number;
}

/** How a list is read. */
export interface ListReader {
  /**
   * One element of the array as it was written, in UTF-8; nobody has parsed it. Copy what is to be kept: the bytes around it
   * stay in memory with it. What it throws ends the request with that.
   */
  element(json: Buffer): void;
  /** An object that probably comes next, as it was written in an earlier answer: most of a list is as it was. */
  readonly expected?: Buffer | undefined;
  /** What was `expected` has come instead of an `element`; finding that out takes a comparison of bytes and no reading. */
  repeated?(): void;
}

/** What a client of a registry is made of. */
export interface RegistryHttpOptions {
  readonly urls: RegistryUrls;
  readonly tls?: RegistryTls | undefined;
  /** Connections for the `watch` lane. */
  readonly watchConnections: number;
  /** A longer answer, or a longer line of a stream, is a `data` error; counted as it is once it is unpacked. */
  readonly maxBodyBytes: number;
}

const quickConnections = 32;

/**
 * The way to a registry's HTTP API. It stands on `node:http` rather than on an HTTP library: a long poll wants a plain
 * keep-alive connection, a deadline of ours and no other timer, and libraries bring read timeouts shorter than a poll.
 * Answers are asked for uncompressed; those that are compressed on the way (gzip, deflate, br) are unpacked.
 */
export class RegistryHttp {
  readonly #urls: RegistryUrls;
  readonly #maxBodyBytes: number;
  readonly #agents: Record<RegistryRequest["lane"], HttpAgent | HttpsAgent>;
  #position = 0;
  #failuresInARow = 0;

  constructor({ urls, tls, watchConnections, maxBodyBytes }: RegistryHttpOptions) {
    this.#urls = urls;
    this.#maxBodyBytes = maxBodyBytes;
    const isSecure = urls[0].protocol === "https:";
    const make = (maxSockets: number): HttpAgent =>
      isSecure
        ? new HttpsAgent({ ...tlsConnectOptions(tls), keepAlive: true, maxSockets })
        : new HttpAgent({ keepAlive: true, maxSockets });
    this.#agents = { watch: make(watchConnections), quick: make(quickConnections) };
  }

  /** How many addresses there are to try. */
  get addresses(): number {
    return this.#urls.length;
  }

  /** The address that is asked now. */
  get base(): URL {
    return this.#urls[this.#position % this.#urls.length] ?? this.#urls[0];
  }

  /** `failed` gave trouble: the next address is asked from now on, unless someone moved on already. */
  moveOn(failed: URL): void {
    if (this.base === failed) this.#position++;
  }

  /** The current address answered as it should. */
  good(): void {
    this.#failuresInARow = 0;
  }

  /**
   * `failed` gave trouble. Where another address might do better, the next one is asked from now on, and kept until it
   * fails.
   * @returns `"now"` until every address had its chance since the last {@link good}; what `watchLoop` wants to know
   */
  trouble(error: SourceError, failed: URL): "now" | "wait" {
    this.#failuresInARow++;
    if (!error.isServerTrouble || this.addresses === 1) return "wait";
    this.moveOn(failed);
    return this.#failuresInARow % this.addresses === 0 ? "wait" : "now";
  }

  /** Does `work` with the current address, and with the next ones when it fails, until every address had its chance. */
  async anywhere<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    for (;;) {
      const { base } = this;
      try {
        // eslint-disable-next-line no-await-in-loop -- one address after the other
        const done = await work();
        this.good();
        return done;
      } catch (error) {
        if (signal.aborted || this.trouble(toSourceError(error), base) === "wait") throw error;
      }
    }
  }

  /**
   * Sends a request to the current address. Rejects with a {@link SourceError} when no whole answer came, or with
   * the signal's reason once an aborted request has let go of its socket. Any status is an answer.
   */
  send(request: RegistryRequest, clock: Clock, signal: AbortSignal): Promise<RegistryResponse> {
    return this.#run(request, clock, signal);
  }

  /**
   * Sends a request whose answer is a stream of lines, and resolves when it has ended: with the answer when its status
   * was no success (its body is then read as usual), else with an empty body. Rejects like {@link send}, also with what
   * `reader.line` threw.
   */
  stream(
    request: RegistryRequest,
    reader: StreamReader,
    clock: Clock,
    signal: AbortSignal,
  ): Promise<RegistryResponse> {
    return this.#run(request, clock, signal, reader);
  }

  /**
   * Sends a request whose answer is a JSON array, and hands its elements over as they come, so that no turn of the event loop
   * is long, however long the list. Resolves when all were handed over, with an empty body; or with the answer when its
   * status was no success (its body is then read as usual). Rejects like {@link send}, also with what `reader.element` threw,
   * and with a `data` error for what is no array: elements may have been handed over before that is known.
   */
  list(
    request: RegistryRequest,
    reader: ListReader,
    clock: Clock,
    signal: AbortSignal,
  ): Promise<RegistryResponse> {
    return this.#run(request, clock, signal, reader);
  }

  /** Closes every connection. */
  close(): void {
    this.#agents.watch.destroy();
    this.#agents.quick.destroy();
  }

  async #run(
    request: RegistryRequest,
    clock: Clock,
    signal: AbortSignal,
    reader?: StreamReader | ListReader,
  ): Promise<RegistryResponse> {
    for (let attempt = 1; ; attempt++) {
      const exchange = new RegistryExchange(request, this.base, this.#maxBodyBytes, reader);
      try {
        // eslint-disable-next-line no-await-in-loop -- one attempt after the other
        return await exchange.run(this.#agents[request.lane], clock, signal);
      } catch (error) {
        // The server closed an idle connection just as it was used again: nothing was processed.
        if (!exchange.wasStaleConnection || attempt === 3) throw error;
      }
    }
  }
}
