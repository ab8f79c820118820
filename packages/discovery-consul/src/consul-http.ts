import type { Clock } from "@proxyless/core";
import { RegistryHttp, SourceError, TokenHolder, statusError } from "@proxyless/core/discovery";
import type { ListReader, RegistryRequest, RegistryResponse } from "@proxyless/core/discovery";

import type { Connection } from "./connection.ts";

/** A request, but for the token. */
export type ConsulRequest = Omit<RegistryRequest, "headers" | "secret">;

/** The way to Consul's HTTP API: a registry's, with the ACL token on every request. */
export class ConsulHttp {
  readonly #http: RegistryHttp;
  readonly token: TokenHolder;

  constructor(connection: Connection, watchConnections: number, maxBodyBytes: number) {
    const { urls, tls } = connection;
    this.#http = new RegistryHttp({ urls, tls, watchConnections, maxBodyBytes });
    this.token = new TokenHolder(connection);
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

  /** As {@link RegistryHttp.send}. */
  async send(request: ConsulRequest, clock: Clock, signal: AbortSignal): Promise<RegistryResponse> {
    return this.#http.send(await this.#secured(request), clock, signal);
  }

  /** As {@link RegistryHttp.list}. */
  async list(
    request: ConsulRequest,
    reader: ListReader,
    clock: Clock,
    signal: AbortSignal,
  ): Promise<RegistryResponse> {
    return this.#http.list(await this.#secured(request), reader, clock, signal);
  }

  /** Closes every connection. */
  close(): void {
    this.#http.close();
  }

  async #secured(request: ConsulRequest): Promise<RegistryRequest> {
    const token = await this.token.current();
    return token === undefined
      ? request
      : { ...request, headers: { "x-consul-token": token }, secret: token };
  }
}

/** Consul says these with status 500 although the request itself is what is wrong. */
const refusals =
  /no path to datacenter|failed to create boolean expression|invalid (index|wait|consistency)/i;

/** Reads an answer that is not 200. */
export function consulError(what: string, response: RegistryResponse, wallNow: number): SourceError {
  const error = statusError(`${what}: Consul`, response, wallNow);
  if (error.class !== "transient" || !refusals.test(response.body)) return error;
  return new SourceError("config", error.message, { status: error.status });
}
