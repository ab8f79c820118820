import { readFile } from "node:fs/promises";

import { isToken } from "./connection.ts";
import type { Connection } from "./connection.ts";
import { ConsulError } from "./consul-error.ts";

/** The ACL token of a connection: fixed, or from a file that someone else renews. */
export class TokenHolder {
  readonly #file: string | undefined;
  #token: string | undefined;
  #isRead = false;

  constructor(connection: Connection) {
    this.#file = connection.tokenFile;
    this.#token = connection.token;
  }

  /** The token to send, `undefined` for none. Rejects with class `auth` when the file gives none. */
  async current(): Promise<string | undefined> {
    if (this.#file !== undefined && !this.#isRead) await this.#read(this.#file);
    return this.#token;
  }

  /** Consul refused the token: reads the file again; tells whether it holds another one now. */
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
      throw new ConsulError("auth", `cannot read the token file ${file}`, { cause: error });
    }
    if (!isToken(content)) throw new ConsulError("auth", `the token file ${file} holds no token`);
    this.#token = content;
    this.#isRead = true;
  }
}
