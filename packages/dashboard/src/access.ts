import { createHash, createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";

import type { Clock } from "@proxyless/core";

/** How long who signed in stays so, in milliseconds. */
const sessionMs = 12 * 3_600_000;
/** Wrong tokens per minute; from then on nobody is let in until the minute is over. */
const maxWrong = 20;

/**
 * Who may look. The token comes in a header, `Bearer` or the password of `Basic`; who signs in gets a cookie in its place, which holds
 * an end and a signature and nothing else.
 */
export class Access {
  readonly #tokenHash: Buffer | undefined;
  readonly #clock: Clock;
  /** Of this process: whoever signed in does so again after a restart. */
  readonly #key = randomBytes(32);
  readonly #cookie: string;
  #wrong = 0;
  #wrongUntil = 0;

  /** @param path that the cookie is for */
  constructor(token: string | undefined, path: string, clock: Clock) {
    this.#tokenHash = token === undefined ? undefined : hash(token);
    this.#clock = clock;
    // Pages of several meshes on one host keep apart.
    this.#cookie = `proxyless${path.replaceAll(/[^A-Za-z0-9]/g, "_")}`;
  }

  /** Nobody is asked for a token. */
  get isOpen(): boolean {
    return this.#tokenHash === undefined;
  }

  /** Whether the request shows the token or a cookie of this process. */
  isKnown(request: IncomingMessage): boolean {
    return this.#hasSession(request) || this.hasToken(request);
  }

  /** Whether the request shows the token. After many wrong ones the right one is not believed either, for up to a minute. */
  hasToken({ headers }: IncomingMessage): boolean {
    const shown = tokenOf(headers.authorization);
    if (shown === undefined || this.#tokenHash === undefined) return false;
    const now = this.#clock.now();
    if (now >= this.#wrongUntil) {
      this.#wrong = 0;
      this.#wrongUntil = now + 60_000;
    }
    if (this.#wrong >= maxWrong) return false;
    const isRight = timingSafeEqual(hash(shown), this.#tokenHash);
    if (!isRight) this.#wrong++;
    return isRight;
  }

  /** A `set-cookie` for who has shown the token. @param isSecure whether the connection is encrypted */
  signIn(isSecure: boolean): string {
    const end = String(Math.round(this.#clock.wallNow()) + sessionMs);
    return `${this.#cookie}=${end}.${this.#sign(end)}; Max-Age=${sessionMs / 1000}${attributes(isSecure)}`;
  }

  /** A `set-cookie` for who leaves. */
  signOut(isSecure: boolean): string {
    return `${this.#cookie}=; Max-Age=0${attributes(isSecure)}`;
  }

  #hasSession({ headers }: IncomingMessage): boolean {
    const prefix = `${this.#cookie}=`;
    const pair = (headers.cookie ?? "").split(/; */).find((each) => each.startsWith(prefix));
    const [end = "", signature = ""] = pair?.slice(prefix.length).split(".") ?? [];
    if (!(Number(end) > this.#clock.wallNow())) return false;
    return timingSafeEqual(hash(signature), hash(this.#sign(end)));
  }

  #sign(end: string): string {
    return createHmac("sha256", this.#key).update(end).digest("base64url");
  }
}

/** The page may be reached under another path than it knows, so that the cookie is for all of the host. */
function attributes(isSecure: boolean): string {
  return `; Path=/; HttpOnly; SameSite=Strict${isSecure ? "; Secure" : ""}`;
}

function tokenOf(authorization: string | undefined): string | undefined {
  const [scheme = "", value = ""] = (authorization ?? "").split(" ");
  if (/^bearer$/i.test(scheme)) return value;
  if (!/^basic$/i.test(scheme)) return undefined;
  const pair = Buffer.from(value, "base64").toString("latin1");
  return pair.slice(pair.indexOf(":") + 1);
}

/** So that what is compared has one length. */
function hash(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
