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
export class EurekaHttp extends RegistryHttp {
  readonly #connection: Connection;

  constructor(connection: Connection, maxBodyBytes: number) {
    const { urls, tls } = connection;
    super({ urls, tls, watchConnections, maxBodyBytes });
    this.#connection = connection;
  }

  override send(request: EurekaRequest, clock: Clock, signal: AbortSignal): Promise<RegistryResponse> {
    const { authorization, headers, requestTimeoutMs } = this.#connection;
    return super.send(
      {
        ...request,
        deadlineMs: requestTimeoutMs,
        secret: authorization?.slice("Basic ".length),
        headers: { ...headers, ...(authorization === undefined ? {} : { authorization }) },
      },
      clock,
      signal,
    );
  }
}

/** Reads an answer to a lookup that is no success. Without a right Eureka says 401; 403 means that it is not ready. */
export function lookupError(what: string, response: RegistryResponse, wallNow: number): SourceError {
  const error = statusError(`${what}: Eureka`, response, wallNow);
  if (response.status !== 403) return error;
  const { status, retryAfterMs } = error;
  return new SourceError("transient", `${error.message} (it does while it starts)`, { status, retryAfterMs });
}
