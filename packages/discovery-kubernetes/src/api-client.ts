import { readFile } from "node:fs/promises";

import type { Clock } from "@proxyless/core";
import { RegistryHttp, TokenHolder } from "@proxyless/core/discovery";
import type {
  RegistryRequest,
  RegistryResponse,
  RegistryTls,
  SourceError,
  StreamReader,
} from "@proxyless/core/discovery";

import { filesOf, readTls } from "./cluster.ts";
import type { Settings } from "./options.ts";

/** Kubernetes renews the token of a pod long before it ends; clients look once a minute. */
const renewMs = 60_000;
const watchConnections = Infinity;

/** What the API server is asked. */
export type ApiRequest = Pick<RegistryRequest, "path" | "deadlineMs" | "lane">;

/** Connections that were made with one set of certificates. */
interface Wire {
  readonly http: RegistryHttp;
  uses: number;
  isRetired: boolean;
}

/**
 * Asks an API server with credentials that others renew: token and certificates are read again every minute, the token
 * also when it is refused. New certificates mean new connections; the old ones end with their last request.
 */
export class ApiClient {
  readonly #settings: Settings;
  readonly #token: TokenHolder;
  readonly #files: readonly string[];
  #wire: Wire;
  #contents: string | undefined;
  #renewedAt = -Infinity;
  #renewing: Promise<void> | undefined;

  constructor(settings: Settings) {
    this.#settings = settings;
    this.#token = new TokenHolder(settings.cluster.token);
    this.#files = filesOf(settings.cluster.tls);
    this.#wire = this.#connect(settings.tls);
  }

  /** The whole answer, whatever its status. */
  send(request: ApiRequest, clock: Clock, signal: AbortSignal): Promise<RegistryResponse> {
    return this.#run(clock, signal, (http, rest) => http.send({ ...request, ...rest }, clock, signal));
  }

  /** An answer that is read line by line; resolves when it has ended. */
  stream(
    request: ApiRequest,
    reader: StreamReader,
    clock: Clock,
    signal: AbortSignal,
  ): Promise<RegistryResponse> {
    return this.#run(clock, signal, (http, rest) =>
      http.stream({ ...request, ...rest }, reader, clock, signal),
    );
  }

  /** The address that is asked now. */
  get base(): URL {
    return this.#wire.http.base;
  }

  /** The current address answered as it should. */
  good(): void {
    this.#wire.http.good();
  }

  /** `failed` gave trouble. @returns what `watchLoop` wants to know */
  trouble(error: SourceError, failed: URL): "now" | "wait" {
    return this.#wire.http.trouble(error, failed);
  }

  /** Closes every connection. */
  close(): void {
    this.#wire.http.close();
  }

  async #run(
    clock: Clock,
    signal: AbortSignal,
    ask: (http: RegistryHttp, rest: Credentials) => Promise<RegistryResponse>,
  ): Promise<RegistryResponse> {
    await this.#renew(clock);
    const answer = await this.#ask(signal, ask);
    if (answer.status !== 401) return answer;
    const isNew = await this.#token.renew();
    return isNew ? this.#ask(signal, ask) : answer;
  }

  async #ask(
    signal: AbortSignal,
    ask: (http: RegistryHttp, rest: Credentials) => Promise<RegistryResponse>,
  ): Promise<RegistryResponse> {
    const secret = await this.#token.current();
    signal.throwIfAborted();
    const headers: Record<string, string> = { "user-agent": "proxyless" };
    if (secret !== undefined) headers["authorization"] = `Bearer ${secret}`;
    const wire = this.#wire;
    wire.uses++;
    try {
      return await ask(wire.http, { method: "GET", headers, secret });
    } finally {
      wire.uses--;
      if (wire.isRetired && wire.uses === 0) wire.http.close();
    }
  }

  async #renew(clock: Clock): Promise<void> {
    if (clock.now() - this.#renewedAt < renewMs) return this.#renewing;
    const isFirst = this.#renewedAt === -Infinity;
    this.#renewedAt = clock.now();
    this.#renewing = this.#read(isFirst);
    return this.#renewing;
  }

  async #read(isFirst: boolean): Promise<void> {
    try {
      if (!isFirst) await this.#token.renew();
    } catch {
      // The token that is known may still do; when it does not, the refusal says so.
    }
    const { tls } = this.#settings.cluster;
    if (tls === undefined || this.#files.length === 0) return;
    try {
      const contents = (await Promise.all(this.#files.map((file) => readFile(file, "utf8")))).join("\0");
      const before = this.#contents;
      this.#contents = contents;
      if (before === undefined || before === contents) return;
      const fresh = this.#connect(readTls(tls, "tls"));
      const old = this.#wire;
      this.#wire = fresh;
      old.isRetired = true;
      if (old.uses === 0) old.http.close();
    } catch {
      // Half-written or gone for a moment: the certificates that are known stay.
    }
  }

  #connect(tls: RegistryTls | undefined): Wire {
    const { cluster, maxBodyBytes } = this.#settings;
    const http = new RegistryHttp({ urls: cluster.urls, tls, watchConnections, maxBodyBytes });
    return { http, uses: 0, isRetired: false };
  }
}

type Credentials = Pick<RegistryRequest, "method" | "headers" | "secret">;
