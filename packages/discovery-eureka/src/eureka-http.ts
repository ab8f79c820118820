import type { Clock } from "@proxyless/core";
import { RegistryHttp, SourceError, statusError } from "@proxyless/core/discovery";
import type { RegistryRequest, RegistryResponse } from "@proxyless/core/discovery";

import type { Connection } from "./connection.ts";

/** One request to Eureka. */
export interface EurekaRequest {
  readonly method: RegistryRequest["method"];
  /** After the path of the address: `/apps/ORDERS`. */
  readonly path: string;
  readonly body?: string;
  readonly lane: RegistryRequest["lane"];
}

const watchConnections = 8;

/** The way to Eureka's HTTP API: a registry's, as JSON, with the user and the headers of the connection. */
export class EurekaHttp {
  readonly #connection: Connection;
  readonly #http: RegistryHttp;
  #failuresInARow = 0;

  constructor(connection: Connection, maxBodyBytes: number) {
    const { urls, tls } = connection;
    this.#connection = connection;
    this.#http = new RegistryHttp({ urls, tls, watchConnections, maxBodyBytes });
  }

  /** The address that is asked now. */
  get base(): URL {
    return this.#http.base;
  }

  /** As {@link RegistryHttp.send}. A compressed answer, which nobody asked for, is a `data` error. */
  async send(request: EurekaRequest, clock: Clock, signal: AbortSignal): Promise<RegistryResponse> {
    const { authorization, headers, requestTimeoutMs } = this.#connection;
    const response = await this.#http.send(
      {
        ...request,
        deadlineMs: requestTimeoutMs,
        secret: authorization?.slice("Basic ".length),
        headers: {
          ...headers,
          // Uncompressed, so that the bound on an answer is a bound on what it is in memory.
          "accept-encoding": "identity",
          ...(authorization === undefined ? {} : { authorization }),
        },
      },
      clock,
      signal,
    );
    const encoding = response.headers["content-encoding"] ?? "identity";
    if (encoding !== "identity") {
      throw new SourceError("data", `${request.path}: Eureka's answer is compressed (${encoding}), unasked`);
    }
    return response;
  }

  /** `base` answered as it should. */
  good(): void {
    this.#failuresInARow = 0;
  }

  /**
   * `base` gave trouble: the next address is asked from now on, and kept until it fails.
   * @returns `"now"` until every address had its chance
   */
  trouble(error: SourceError, base: URL): "now" | "wait" {
    this.#failuresInARow++;
    const { addresses } = this.#http;
    if (!error.isServerTrouble || addresses === 1) return "wait";
    this.#http.moveOn(base);
    return this.#failuresInARow % addresses === 0 ? "wait" : "now";
  }

  /** Closes every connection. */
  close(): void {
    this.#http.close();
  }
}

/** Reads an answer to a lookup that is no success. Without a right Eureka says 401; 403 means that it is not ready. */
export function lookupError(what: string, response: RegistryResponse, wallNow: number): SourceError {
  const error = statusError(`${what}: Eureka`, response, wallNow);
  if (response.status !== 403) return error;
  const { status, retryAfterMs } = error;
  return new SourceError("transient", `${error.message} (it does while it starts)`, { status, retryAfterMs });
}
