import { randomUUID } from "node:crypto";
import type { IncomingMessage } from "node:http";

import { Refusal } from "./refusal.ts";

/** Who may ask: one user, and the tokens that were given out. */
export class Accounts {
  readonly #user: string | undefined;
  readonly #ttlSeconds: number;
  readonly #now: () => number;
  readonly #tokens = new Map<string, number>();
  logins = 0;

  /** @param user `user:password`; anyone may ask without one */
  constructor(user: string | undefined, ttlSeconds: number, now: () => number) {
    this.#user = user;
    this.#ttlSeconds = ttlSeconds;
    this.#now = now;
  }

  login(parameters: URLSearchParams): object {
    const given = `${parameters.get("username")}:${parameters.get("password")}`;
    if (this.#user !== undefined && given !== this.#user) throw new Refusal(403, "unknown user!", 10_001);
    this.logins++;
    const accessToken = `token.${randomUUID()}`;
    this.#tokens.set(accessToken, this.#now() + this.#ttlSeconds * 1000);
    return {
      accessToken,
      tokenTtl: this.#ttlSeconds,
      globalAdmin: false,
      username: parameters.get("username"),
    };
  }

  /** Tokens come in a header or as a parameter; older clients send user and password each time. */
  check(request: IncomingMessage, parameters: URLSearchParams): void {
    if (this.#user === undefined) return;
    const bearer = /^Bearer (\S+)$/.exec(request.headers.authorization ?? "")?.[1];
    const token = bearer ?? parameters.get("accessToken");
    if (token === null) {
      if (`${parameters.get("username")}:${parameters.get("password")}` === this.#user) return;
      throw new Refusal(403, "user not found!", 10_001);
    }
    const end = this.#tokens.get(token);
    if (end === undefined) throw new Refusal(403, "token invalid!", 10_001);
    if (end <= this.#now()) throw new Refusal(403, "token expired!", 10_001);
  }

  /** Makes every token that was given out worthless. */
  expireAll(): void {
    this.#tokens.clear();
  }
}
