import { readFile } from "node:fs/promises";

import type { Clock } from "@proxyless/core";
import { SourceError, isToken, unlessAborted } from "@proxyless/core/discovery";
import type { RegistryHttp } from "@proxyless/core/discovery";

import { parseJson, recordOf } from "./answers.ts";
import type { Credentials } from "./connection.ts";
import { EtcdError, grpcCode, refusalOf } from "./etcd-error.ts";

/**
 * The token of a user, fetched when it is first needed and again when etcd refused it. Everybody who waits for one waits
 * for the same request, because each costs the server a password hash.
 */
export class AuthToken {
  readonly #http: RegistryHttp;
  readonly #credentials: Credentials;
  readonly #deadlineMs: number;
  #token: string | undefined;
  /** It may be one that etcd will never answer. */
  #isDoubtful = false;
  /** etcd said that nobody needs a token. */
  #isOff = false;
  #fetching: Promise<string | undefined> | undefined;
  #stop = new AbortController();

  constructor(http: RegistryHttp, credentials: Credentials, deadlineMs: number) {
    this.#http = http;
    this.#credentials = credentials;
    this.#deadlineMs = deadlineMs;
  }

  /** The token to send; `undefined` where etcd has no access control. Rejects with a {@link SourceError}. */
  async current(clock: Clock, signal: AbortSignal): Promise<string | undefined> {
    if (!this.#isDoubtful && (this.#token !== undefined || this.#isOff)) return this.#token;
    this.#isDoubtful = false;
    this.#fetching ??= this.#fetch(clock).finally(() => {
      this.#fetching = undefined;
    });
    return unlessAborted(this.#fetching, signal);
  }

  /**
   * Nobody answered a request with `token`. It may be the token: etcd lets whoever has one of a later revision than its own wait
   * for that, and a server that has lost its data may never come so far. So the next caller fetches another, once; a cluster
   * without a quorum gives none, and is read with the old one.
   */
  unanswered(token: string | undefined): void {
    if (token !== undefined && this.#token === token) this.#isDoubtful = true;
  }

  /** etcd refused `token`: the next caller fetches another, unless somebody has already. */
  refused(token: string | undefined): void {
    if (this.#token !== token) return;
    this.#token = undefined;
    this.#isDoubtful = false;
    this.#isOff = false;
  }

  /** Ends a request that is under way. */
  close(): void {
    this.#stop.abort();
    this.#stop = new AbortController();
  }

  async #fetch(clock: Clock): Promise<string | undefined> {
    const { username } = this.#credentials;
    const what = `user ${username}`;
    const password = await this.#password();
    const request = {
      method: "POST",
      path: "/v3/auth/authenticate",
      body: JSON.stringify({ name: username, password }),
      deadlineMs: this.#deadlineMs,
      lane: "quick",
      secret: password,
    } as const;
    const response = await this.#http.send(request, clock, this.#stop.signal);
    if (response.status !== 200) {
      const refusal = refusalOf(what, response, clock.wallNow());
      const isOff =
        refusal instanceof EtcdError &&
        refusal.code === grpcCode.failedPrecondition &&
        /not enabled/i.test(refusal.message);
      if (!isOff) throw refusal;
      this.#token = undefined;
      this.#isOff = true;
      return undefined;
    }
    const { token } = recordOf(parseJson(response.body, what), what);
    if (typeof token !== "string" || !isToken(token)) {
      throw new SourceError("data", `${what}: etcd's answer holds no token`);
    }
    this.#token = token;
    return token;
  }

  async #password(): Promise<string> {
    const { password, passwordFile } = this.#credentials;
    if (password !== undefined) return password;
    let content: string;
    try {
      content = (await readFile(passwordFile ?? "", "utf8")).trim();
    } catch (error) {
      throw new SourceError("auth", `cannot read the password file ${passwordFile}`, { cause: error });
    }
    if (content === "") throw new SourceError("auth", `the password file ${passwordFile} is empty`);
    return content;
  }
}
