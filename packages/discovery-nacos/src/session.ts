import type { Clock } from "@proxyless/core";
import { isRecord, isToken, SourceError, statusError } from "@proxyless/core/discovery";
import type { RegistryHttp, RegistryResponse } from "@proxyless/core/discovery";

import { isMissingApi } from "./api-choice.ts";
import type { Connection } from "./connection.ts";

interface Token {
  readonly text: string;
  readonly renewAt: number;
  readonly endAt: number;
}

const loginPaths = { v3: "/v3/auth/user/login", v1: "/v1/auth/users/login" } as const;
const usualTtlSeconds = 18_000;
/** The share of a token's life after which a new one is fetched. */
const renewShare = 0.9;
const retryMs = 5000;

/** Holds an access token: logs in when one is needed, again before it ends, and when the server refuses it. */
export class Session {
  readonly #connection: Connection;
  readonly #http: RegistryHttp;
  #token: Token | undefined;
  #login: Promise<Token> | undefined;

  constructor(connection: Connection, http: RegistryHttp) {
    this.#connection = connection;
    this.#http = http;
  }

  /** The token to send; `undefined` where nobody logs in. Rejects with a `SourceError`, `auth` when Nacos refuses. */
  async token(clock: Clock, signal: AbortSignal): Promise<string | undefined> {
    if (this.#connection.credentials === undefined) return undefined;
    const held = this.#token;
    if (held !== undefined && clock.now() < held.renewAt) return held.text;
    try {
      return (await this.#share(clock, signal)).text;
    } catch (error) {
      if (signal.aborted || held === undefined || clock.now() >= held.endAt) throw error;
      // It is still good for a while: another login is tried later.
      this.#token = { ...held, renewAt: clock.now() + retryMs };
      return held.text;
    }
  }

  /** The server refused `token`. @returns whether it is worth to ask with another one */
  refused(token: string | undefined): boolean {
    if (token === undefined) return false;
    if (this.#token?.text === token) this.#token = undefined;
    return true;
  }

  /** One login for all who wait; whoever waits for one that its beginner gave up begins another. */
  async #share(clock: Clock, signal: AbortSignal): Promise<Token> {
    for (;;) {
      const shared = this.#login;
      if (shared === undefined) break;
      try {
        // eslint-disable-next-line no-await-in-loop -- one login after the other
        return await shared;
      } catch (error) {
        if (error instanceof SourceError || signal.aborted) throw error;
      }
    }
    const login = this.#begin(clock, signal).finally(() => {
      this.#login = undefined;
    });
    this.#login = login;
    return login;
  }

  async #begin(clock: Clock, signal: AbortSignal): Promise<Token> {
    const { api } = this.#connection;
    const began = clock.now();
    let response = await this.#post(loginPaths[api === "v1" ? "v1" : "v3"], clock, signal);
    if (api === "auto" && isMissingApi(response)) response = await this.#post(loginPaths.v1, clock, signal);
    if (response.status !== 200) throw statusError("the login: Nacos", response, clock.wallNow());
    const { text, ttlSeconds } = readLogin(response.body);
    const lifeMs = ttlSeconds * 1000;
    this.#token = { text, renewAt: began + lifeMs * renewShare, endAt: began + lifeMs };
    return this.#token;
  }

  #post(path: string, clock: Clock, signal: AbortSignal): Promise<RegistryResponse> {
    const { credentials, requestTimeoutMs } = this.#connection;
    return this.#http.send(
      {
        method: "POST",
        path,
        headers: { "content-type": "application/x-www-form-urlencoded" },
        body: new URLSearchParams({ ...credentials }).toString(),
        deadlineMs: requestTimeoutMs,
        lane: "watch",
        secret: credentials?.password,
      },
      clock,
      signal,
    );
  }
}

function readLogin(body: string): { readonly text: string; readonly ttlSeconds: number } {
  let json: unknown;
  try {
    json = JSON.parse(body);
  } catch {
    json = undefined;
  }
  // Some versions wrap it as they do all else.
  const fields = isRecord(json) && isRecord(json["data"]) ? json["data"] : json;
  const text = isRecord(fields) ? fields["accessToken"] : undefined;
  if (typeof text !== "string" || !isToken(text)) {
    throw new SourceError("auth", "the login: Nacos's answer has no accessToken");
  }
  const ttl = isRecord(fields) ? Number(fields["tokenTtl"]) : Number.NaN;
  return { text, ttlSeconds: Number.isFinite(ttl) && ttl > 0 ? ttl : usualTtlSeconds };
}
