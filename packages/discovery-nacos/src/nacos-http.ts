import type { Clock } from "@proxyless/core";
import { RegistryHttp, SourceError, statusError } from "@proxyless/core/discovery";
import type { RegistryRequest, RegistryResponse } from "@proxyless/core/discovery";

import { ApiChoice, codeOf, isMissingApi } from "./api-choice.ts";
import type { SpokenApi } from "./api-choice.ts";
import type { Connection } from "./connection.ts";
import { Session } from "./session.ts";

/** One request in the words of one API. */
export interface NacosRequest {
  readonly method: RegistryRequest["method"];
  /** After the path of the address: `/v3/client/ns/instance`. */
  readonly path: string;
  /** Sent in the query, or as a form with POST. */
  readonly parameters: Readonly<Record<string, string>>;
}

/** An answer, and the API that it was given in. */
export interface NacosAnswer {
  readonly api: SpokenApi;
  readonly response: RegistryResponse;
}

const watchConnections = 8;

/** The way to Nacos's HTTP API: a registry's, in the API that exists there, with the access token on every request. */
export class NacosHttp extends RegistryHttp {
  readonly #connection: Connection;
  readonly #session: Session;
  readonly #choice: ApiChoice;

  constructor(connection: Connection, maxBodyBytes: number) {
    const { urls, tls, api } = connection;
    super({ urls, tls, watchConnections, maxBodyBytes });
    this.#connection = connection;
    this.#session = new Session(connection, this);
    this.#choice = new ApiChoice(api);
  }

  /**
   * Asks in the newer API, or in the older one where that is all there is. Rejects with a `SourceError` when no whole
   * answer came, or with the signal's reason. Any status is an answer.
   */
  async ask(
    question: (api: SpokenApi) => NacosRequest,
    lane: RegistryRequest["lane"],
    clock: Clock,
    signal: AbortSignal,
  ): Promise<NacosAnswer> {
    const api = this.#choice.current(clock.now());
    const response = await this.#sendSigned(question(api), lane, clock, signal);
    const other = isMissingApi(response) ? this.#choice.other(api) : undefined;
    if (other === undefined) {
      if (!isMissingApi(response)) this.#choice.found(api, clock.now(), false);
      return { api, response };
    }
    const second = await this.#sendSigned(question(other), lane, clock, signal);
    if (isMissingApi(second)) return { api, response };
    this.#choice.found(other, clock.now(), api === "v3");
    return { api: other, response: second };
  }

  /** A token that the server refuses is replaced once. */
  async #sendSigned(
    request: NacosRequest,
    lane: RegistryRequest["lane"],
    clock: Clock,
    signal: AbortSignal,
  ): Promise<RegistryResponse> {
    for (let attempt = 1; ; attempt++) {
      // eslint-disable-next-line no-await-in-loop -- the second attempt is for a new token
      const token = await this.#session.token(clock, signal);
      // eslint-disable-next-line no-await-in-loop -- as above
      const response = await this.#once(request, lane, token, clock, signal);
      const isRefused = response.status === 401 || response.status === 403;
      if (!isRefused || attempt > 1 || !this.#session.refused(token)) return response;
    }
  }

  #once(
    { method, path, parameters }: NacosRequest,
    lane: RegistryRequest["lane"],
    token: string | undefined,
    clock: Clock,
    signal: AbortSignal,
  ): Promise<RegistryResponse> {
    const encoded = new URLSearchParams(parameters).toString();
    const isForm = method === "POST";
    return this.send(
      {
        method,
        path: isForm ? path : `${path}?${encoded}`,
        ...(isForm ? { body: encoded } : {}),
        deadlineMs: this.#connection.requestTimeoutMs,
        lane,
        secret: token,
        headers: {
          ...(isForm ? { "content-type": "application/x-www-form-urlencoded" } : {}),
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        },
      },
      clock,
      signal,
    );
  }
}

/** Reads an answer that is no success: its status, or the `code` within a 200. */
export function nacosError(what: string, response: RegistryResponse, wallNow: number): SourceError {
  if (response.status !== 200) return statusError(`${what}: Nacos`, response, wallNow);
  const said = response.body.replaceAll(/\s+/g, " ").trim().slice(0, 200);
  const kind = classOfCode(codeOf(response.body));
  return new SourceError(kind, `${what}: Nacos answered "${said}"`, { status: response.status });
}

/** Nacos's `ErrorCode`: 10001 access denied, 30000 server error; 1xxxx and 2xxxx are about the request. */
function classOfCode(code: number | undefined): SourceError["class"] {
  if (code === undefined) return "data";
  if (code === 10_001) return "auth";
  return code >= 10_000 && code < 30_000 ? "config" : "transient";
}
