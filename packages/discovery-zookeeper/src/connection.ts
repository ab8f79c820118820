import { configError } from "@proxyless/core";
import { oneOf, optionalText, resolveTls, text, wholeNumber } from "@proxyless/core/discovery";
import type { RegistryTls } from "@proxyless/core/discovery";

import { checkPath, readConnectString } from "./client/addresses.ts";
import type { ClientSettings } from "./client/zookeeper-client.ts";

/** What reading and registering have in common: which ensemble, as whom, and how patiently. */
export interface ZookeeperConnectionOptions {
  /**
   * The servers of the ensemble: `"zk1:2181,zk2:2181"`, or an array of `host:port`. The port is 2181 where none is given; a
   * path at the end (`zk1:2181,zk2:2181/apps`) is a chroot.
   */
  readonly servers: string | readonly string[];
  /** The path that all others are below. Default: the one at the end of `servers`, or none. */
  readonly chroot?: string;
  /** Speak TLS; `{}` trusts the system's authorities. Default: plain TCP. */
  readonly tls?: RegistryTls;
  /** Who this client is, for nodes with access rules of the digest scheme. Default: nobody in particular. */
  readonly auth?: { readonly user: string; readonly password: string };
  /**
   * How long ZooKeeper keeps the session of a client that says nothing, in milliseconds, 1,000 to 600,000; the server may
   * agree to another. Silence is noticed after two thirds of it. Default: 15,000.
   */
  readonly sessionTimeoutMs?: number;
  /** How long one answer may take, in milliseconds, 100 to 600,000. Default: 10,000. */
  readonly requestTimeoutMs?: number;
  /** The longest answer that is read, in bytes, 1,024 to 1 GiB. Default: 32 MiB. */
  readonly maxAnswerBytes?: number;
}

/** The option names of {@link ZookeeperConnectionOptions}. */
export const connectionKeys = [
  "servers",
  "chroot",
  "tls",
  "auth",
  "sessionTimeoutMs",
  "requestTimeoutMs",
  "maxAnswerBytes",
] as const;

/** Checks connection options; throws `ERR_PROXYLESS_CONFIG`. */
export function resolveConnection(
  options: ZookeeperConnectionOptions,
): Omit<ClientSettings, "allowReadOnly" | "watches"> {
  const { servers, chroot } = readConnectString(options.servers);
  const given = optionalText("chroot", options.chroot);
  if (given !== undefined && chroot !== "") {
    throw configError("chroot", "absent when servers ends in a path", given);
  }
  return {
    servers,
    chroot: given === undefined || given === "/" ? chroot : checkPath("chroot", given),
    tls: resolveTls(options.tls),
    digest: digestOf(options.auth),
    sessionTimeoutMs: wholeNumber("sessionTimeoutMs", options.sessionTimeoutMs, 15_000, 1000, 600_000),
    requestTimeoutMs: wholeNumber("requestTimeoutMs", options.requestTimeoutMs, 10_000, 100, 600_000),
    maxFrameBytes: wholeNumber("maxAnswerBytes", options.maxAnswerBytes, 32 * 1024 * 1024, 1024, 1024 ** 3),
  };
}

function digestOf(value: ZookeeperConnectionOptions["auth"]): string | undefined {
  if (value === undefined) return undefined;
  const expected = "{ user, password }, both non-empty, the user without a colon";
  const isRecord = typeof value === "object" && value !== null;
  // What was given is a secret, so that no error shows it.
  if (!isRecord || typeof value.user !== "string" || typeof value.password !== "string") {
    throw configError("auth", expected, "something else");
  }
  const { user, password, ...others } = value;
  if (user === "" || password === "" || user.includes(":") || Object.keys(others).length > 0) {
    throw configError("auth", expected, "something else");
  }
  return `${user}:${password}`;
}

/** The watches that a source asks for. */
export function watchesOf(value: unknown): ClientSettings["watches"] {
  return oneOf("watches", value, ["auto", "persistent", "one-shot"], "auto");
}

/** A path with `{service}` in it. @throws ProxylessError `ERR_PROXYLESS_CONFIG` */
export function checkTemplate(field: string, value: unknown): string {
  const template = text(field, value);
  if (!template.includes("{service}")) {
    throw configError(field, 'a path with {service} in it ("/services/{service}")', template);
  }
  checkPath(field, template.replaceAll("{service}", "service"));
  return template;
}
