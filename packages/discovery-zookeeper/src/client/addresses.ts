import { configError } from "@proxyless/core";
import type { Random } from "@proxyless/core";
import { readHost } from "@proxyless/core/discovery";

/** Where a server listens. */
export interface ServerAddress {
  readonly host: string;
  readonly port: number;
}

/** Where the servers of an ensemble are, and which part of their tree is ours. */
export interface ConnectString {
  readonly servers: readonly [ServerAddress, ...ServerAddress[]];
  /** Empty, or a path that every other path is below. */
  readonly chroot: string;
}

const usualPort = 2181;

/**
 * Reads the addresses of an ensemble: a list of `host:port`, or one text with commas between them, which may end in a
 * chroot (`zk1:2181,zk2:2181/apps`). The port is 2181 where none is given.
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG`
 */
export function readConnectString(given: unknown, field = "servers"): ConnectString {
  const expected = 'addresses like "zk1:2181,zk2:2181/chroot" or ["zk1:2181", "zk2:2181"]';
  const isList = Array.isArray(given);
  if (!isList && typeof given !== "string") throw configError(field, expected, given);
  const texts: unknown[] = isList ? [...given] : given.split(",");
  const last = texts.at(-1);
  let chroot = "";
  if (typeof last === "string" && last.includes("/")) {
    const slash = last.indexOf("/");
    chroot = last.slice(slash) === "/" ? "" : checkPath(field, last.slice(slash));
    texts[texts.length - 1] = last.slice(0, slash);
  }
  const [first, ...rest] = texts.map((text, i) => readAddress(isList ? `${field}[${i}]` : field, text));
  if (first === undefined) throw configError(field, expected, given);
  return { servers: [first, ...rest], chroot };
}

function readAddress(field: string, value: unknown): ServerAddress {
  const expected = "a host and a port (host:2181, [::1]:2181)";
  if (typeof value !== "string") throw configError(field, expected, value);
  const [, bracketed, plain, digits] =
    /^\s*(?:\[([^\]]+)\]|([^\s:@/]+))(?::(\d{1,5}))?\s*$/.exec(value) ?? [];
  const host = readHost(bracketed ?? plain);
  const port = digits === undefined ? usualPort : Number(digits);
  if (host === undefined || port < 1 || port > 65_535) throw configError(field, expected, value);
  return { host, port };
}

/**
 * Checks an absolute path of a node: no empty part, no `.` or `..`, no control characters, no slash at its end.
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG`
 */
export function checkPath(field: string, path: unknown): string {
  const isPath =
    typeof path === "string" &&
    path.length <= 4096 &&
    path.startsWith("/") &&
    path
      .slice(1)
      .split("/")
      .every((part) => isPart(part));
  if (!isPath) throw configError(field, "an absolute path of a node without a slash at its end", path);
  return path;
}

/** Whether a text can be one part of a path. */
export function isPart(part: string): boolean {
  if (part === "" || part === "." || part === "..") return false;
  for (let i = 0; i < part.length; i++) {
    if (isRefused(part.charCodeAt(i))) return false;
  }
  return true;
}

/** What ZooKeeper refuses in paths besides the slash: control characters, surrogates and private use, specials. */
function isRefused(code: number): boolean {
  if (code === 0x2f || code < 0x20) return true;
  return (code >= 0x7f && code <= 0x9f) || (code >= 0xd800 && code <= 0xf8ff) || code >= 0xfff0;
}

/** Goes round the servers of an ensemble in an order of chance, so that clients spread over them. */
export class ServerRing {
  readonly #servers: ServerAddress[];
  #next = 0;

  constructor(servers: readonly ServerAddress[], random: Random) {
    this.#servers = [...servers];
    // Fisher and Yates's shuffle.
    for (let i = this.#servers.length - 1; i > 0; i--) {
      const j = Math.floor(random() * (i + 1));
      const [a, b] = [this.#servers[i], this.#servers[j]];
      if (a === undefined || b === undefined) continue;
      this.#servers[i] = b;
      this.#servers[j] = a;
    }
  }

  get size(): number {
    return this.#servers.length;
  }

  /** The server to try now; each call moves on to the next. */
  next(): ServerAddress {
    const server = this.#servers[this.#next % this.#servers.length];
    this.#next++;
    if (server === undefined) throw new TypeError("an ensemble has at least one server");
    return server;
  }
}
