import type { Clock } from "@proxyless/core";
import { inTurns, RegistryHttp, SourceError } from "@proxyless/core/discovery";
import type { RegistryResponse } from "@proxyless/core/discovery";

import { parseJson, readRangeText, readWatchLine, recordOf } from "./answers.ts";
import type { RangeAnswer, WatchMessage } from "./answers.ts";
import { AuthToken } from "./auth-token.ts";
import type { Connection } from "./connection.ts";
import { EtcdError, refusalOf } from "./etcd-error.ts";

/** Time and end of a request. */
export interface Asking {
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** A span of keys: one key, or all from `key` up to `end`, which is not among them. */
export interface KeySpan {
  readonly key: string;
  readonly end?: string;
}

/** What to follow. */
export interface WatchRequest {
  /** Shown in errors. */
  readonly what: string;
  readonly span: KeySpan;
  /** The first change to tell; from now on when absent. */
  readonly from?: bigint;
}

/** Longer than the ten minutes, and a tenth of chance, after which etcd says that nothing changed. */
const silenceMs = 900_000;

/** All keys that begin with `prefix`. */
export function under(prefix: string): KeySpan {
  const end = Buffer.from(prefix, "utf8");
  const last = end.length - 1;
  // UTF-8 has no byte 0xff, so there is always a next one.
  end[last] = (end[last] ?? 0) + 1;
  return { key: base64(prefix), end: end.toString("base64") };
}

/** Bytes as the gateway wants them. */
export function base64(content: string | Uint8Array): string {
  return Buffer.from(content).toString("base64");
}

/** The way to etcd's JSON gateway: every request with the user's token, which is fetched again when etcd forgot it. */
export class EtcdGateway {
  readonly #http: RegistryHttp;
  readonly #auth: AuthToken | undefined;
  readonly #timeoutMs: number;

  constructor({ urls, tls, credentials, requestTimeoutMs }: Connection, maxBodyBytes: number) {
    // A watch takes a connection of its own for as long as it lasts.
    this.#http = new RegistryHttp({ urls, tls, watchConnections: Infinity, maxBodyBytes });
    this.#timeoutMs = requestTimeoutMs;
    if (credentials !== undefined) {
      this.#auth = new AuthToken(this.#http, credentials, requestTimeoutMs);
    }
  }

  /** How many addresses there are to try. */
  get addresses(): number {
    return this.#http.addresses;
  }

  /** The address that is asked now. */
  get base(): URL {
    return this.#http.base;
  }

  /** `failed` gave trouble: the next address is asked from now on, unless someone moved on already. */
  moveOn(failed: URL): void {
    this.#http.moveOn(failed);
  }

  /** Posts to the current address; gives the answer's fields, or throws a {@link SourceError}. */
  async call(path: string, body: object, what: string, asking: Asking): Promise<Fields> {
    const { body: text } = await this.#post(path, body, what, asking);
    return recordOf(parseJson(text, what), what);
  }

  /** Posts to the current address; gives the answer as it is written. */
  #post(path: string, body: object, what: string, { clock, signal }: Asking): Promise<RegistryResponse> {
    return this.#asUser({ clock, signal }, async (token) => {
      const request = { ...this.#request(path, body, token), lane: "quick" } as const;
      const response = await this.#http.send(request, clock, signal).catch((error: unknown) => {
        if (error instanceof SourceError) this.#auth?.unanswered(token);
        throw error;
      });
      if (response.status !== 200) throw refusalOf(what, response, clock.wallNow());
      return response;
    });
  }

  /** Lists a span; `serializable` lets the member answer from what it knows, without asking the others. */
  async range(span: KeySpan, what: string, serializable: boolean, asking: Asking): Promise<RangeAnswer> {
    const body = { key: span.key, range_end: span.end, serializable };
    const { pieces } = await this.#post("/v3/kv/range", body, what, asking);
    return inTurns(readRangeText(pieces, what), asking);
  }

  /**
   * Follows a span until it ends, which it only does with trouble or the signal. A member without a leader refuses, or
   * ends it: it would be silent otherwise.
   */
  async watch(
    { what, span, from }: WatchRequest,
    heard: (message: WatchMessage) => void,
    { clock, signal }: Asking,
  ): Promise<never> {
    const create = {
      key: span.key,
      range_end: span.end,
      start_revision: from?.toString(),
      progress_notify: true,
    };
    return this.#asUser({ clock, signal }, async (token) => {
      const request = this.#request("/v3/watch", { create_request: create }, token);
      const headers = { ...request.headers, "grpc-metadata-hasleader": "true" };
      const reader = {
        silenceMs,
        line: (text: string): void => {
          heard(readWatchLine(text, what));
        },
      };
      const streaming = { ...request, headers, lane: "watch" } as const;
      const response = await this.#http.stream(streaming, reader, clock, signal);
      if (response.status !== 200) throw refusalOf(what, response, clock.wallNow());
      throw new SourceError("transient", `${what}: etcd ended the watch`);
    });
  }

  /** Closes every connection. */
  close(): void {
    this.#auth?.close();
    this.#http.close();
  }

  #request(path: string, body: object, token: string | undefined): Omit<QuickRequest, "lane"> {
    const headers = token === undefined ? {} : { authorization: token };
    const base = { method: "POST", path, body: JSON.stringify(body), deadlineMs: this.#timeoutMs } as const;
    return { ...base, headers, secret: token };
  }

  /** Members keep tokens in memory, for some minutes: a refused one is fetched again, once. */
  async #asUser<T>({ clock, signal }: Asking, work: (token: string | undefined) => Promise<T>): Promise<T> {
    const auth = this.#auth;
    if (auth === undefined) return work(undefined);
    const token = await auth.current(clock, signal);
    try {
      return await work(token);
    } catch (error) {
      // Who was told that there is no access control, and is refused, has missed that it was turned on.
      const isLate = token === undefined && error instanceof EtcdError && error.class === "auth";
      if (!isLate && !(error instanceof EtcdError && error.isTokenTrouble)) throw error;
      auth.refused(token);
      return work(await auth.current(clock, signal));
    }
  }
}

type Fields = Readonly<Record<string, unknown>>;
type QuickRequest = Parameters<RegistryHttp["send"]>[0];
