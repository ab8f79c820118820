import { readFile } from "node:fs/promises";

import { configError } from "../errors.ts";
import { optionalText } from "./option-checks.ts";
import { SourceError } from "./source-error.ts";

/** A secret as users give it: itself, or the file that somebody else keeps fresh. */
export interface TokenOptions {
  readonly token?: string | undefined;
  readonly tokenFile?: string | undefined;
}

/** Whether a text can be sent as a token: a header value that cannot be broken out of. */
export function isToken(value: string): boolean {
  return /^[\x21-\x7e]{1,16384}$/.test(value);
}

/**
 * Checks `token` and `tokenFile`, of which at most one may be given.
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG`; a refused token is never quoted
 */
export function resolveToken(options: TokenOptions): TokenOptions {
  const token: unknown = options.token;
  const tokenFile = optionalText("tokenFile", options.tokenFile);
  if (token !== undefined && tokenFile !== undefined) {
    throw configError("tokenFile", "absent when token is given", tokenFile);
  }
  if (token === undefined) return { tokenFile };
  if (typeof token !== "string" || !isToken(token)) {
    throw configError(
      "token",
      "printable ASCII without spaces",
      typeof token === "string" ? "something else" : token,
    );
  }
  return { token };
}

/** What a key may say of a token: the file that it is in, else whether there is one. */
export function tokenOwner({ token, tokenFile }: TokenOptions): string | boolean {
  return tokenFile ?? token !== undefined;
}

/** The token of a connection: fixed, or from a file that someone else renews. */
export class TokenHolder {
  readonly #file: string | undefined;
  #token: string | undefined;
  #isRead = false;

  constructor(options: TokenOptions) {
    this.#file = options.tokenFile;
    this.#token = options.token;
  }

  /** The token to send, `undefined` for none. Rejects with class `auth` when the file gives none. */
  async current(): Promise<string | undefined> {
    if (this.#file !== undefined && !this.#isRead) await this.#read(this.#file);
    return this.#token;
  }

  /** The registry refused the token, or it may be old: reads the file again; tells whether it holds another one now. */
  async renew(): Promise<boolean> {
    if (this.#file === undefined) return false;
    const before = this.#token;
    await this.#read(this.#file);
    return this.#token !== before;
  }

  async #read(file: string): Promise<void> {
    let content: string;
    try {
      content = (await readFile(file, "utf8")).trim();
    } catch (error) {
      throw new SourceError("auth", `cannot read the token file ${file}`, { cause: error });
    }
    if (!isToken(content)) throw new SourceError("auth", `the token file ${file} holds no token`);
    this.#token = content;
    this.#isRead = true;
  }
}
