import { configError } from "@proxyless/core";
import type { Clock, Random } from "@proxyless/core";
import { isRecord, knownKeys, record } from "@proxyless/core/discovery";

import type { Acl } from "./client/protocol.ts";
import type { ClientSettings } from "./client/zookeeper-client.ts";
import type { ZookeeperCodec } from "./codecs/codec.ts";
import { codecs } from "./codecs/codecs.ts";
import { checkTemplate, connectionKeys, resolveConnection } from "./connection.ts";
import type { ZookeeperConnectionOptions } from "./connection.ts";
import { resolveCodec } from "./options.ts";

/** An access rule: what somebody may do with a node. */
export interface ZookeeperAcl {
  /** `world` (id `anyone`), `auth` (id empty: whoever creates it), `digest`, `ip`, `x509`. */
  readonly scheme: string;
  readonly id: string;
  /** A sum of 1 read, 2 write, 4 create, 8 delete, 16 administer. */
  readonly permissions: number;
}

/** Where and how to register. */
export interface ZookeeperRegistrarOptions extends ZookeeperConnectionOptions {
  /** How the node is written: one of `codecs` but `dubbo`, or one of your own that can write. Default: `codecs.springCloud`. */
  readonly codec?: ZookeeperCodec;
  /** Where a service's nodes are, with `{service}` for its name. Default: the codec's (`/services/{service}`). */
  readonly path?: string;
  /**
   * Who may do what with the nodes that are made. `open`: everybody everything. `creator`: whoever has the same `auth`
   * everything, everybody else may read. Default: `open`, as the other frameworks do.
   */
  readonly acl?: "open" | "creator" | readonly ZookeeperAcl[];
  /** Time, for tests. Default: the system's. */
  readonly clock?: Clock;
  /** Chance, for tests. Default: the system's. */
  readonly random?: Random;
}

const keys = [...connectionKeys, "codec", "path", "acl", "clock", "random"];

const unreadable =
  "one whose instances somebody reads, as dubboInterface (Dubbo's consumers) or springCloud: of an application they use only " +
  "instances that tell their interfaces by Dubbo's own RPC";

type WritingCodec = ZookeeperCodec & Required<Pick<ZookeeperCodec, "encode">>;

/** The same, checked and complete. */
export interface RegistrarSettings {
  readonly client: ClientSettings;
  readonly codec: WritingCodec;
  readonly path: string;
  readonly acl: readonly Acl[];
}

/** Checks the options of a registrar; throws `ERR_PROXYLESS_CONFIG`. */
export function resolveRegistrar(options: ZookeeperRegistrarOptions): RegistrarSettings {
  knownKeys("", record("options", options), keys);
  const codec = resolveCodec(options.codec ?? codecs.springCloud);
  if (codec === codecs.dubbo) throw configError("codec", unreadable, codec.name);
  if (!canWrite(codec)) throw configError("codec", "one that can write (encode)", codec.name);
  const connection = resolveConnection(options);
  return {
    // Watches that shoot once: one node is read, and every ZooKeeper knows them.
    client: { ...connection, allowReadOnly: false, watches: "one-shot" },
    codec,
    path: checkTemplate("path", options.path ?? codec.path),
    acl: aclOf(options.acl, connection.digest !== undefined),
  };
}

function canWrite(codec: ZookeeperCodec): codec is WritingCodec {
  return typeof codec.encode === "function";
}

const open: readonly Acl[] = [{ permissions: 31, scheme: "world", id: "anyone" }];
const creator: readonly Acl[] = [
  { permissions: 31, scheme: "auth", id: "" },
  { permissions: 1, scheme: "world", id: "anyone" },
];

function aclOf(value: unknown, hasAuth: boolean): readonly Acl[] {
  if (value === undefined || value === "open") return open;
  if (value === "creator") {
    if (!hasAuth) throw configError("acl", "open when auth is not given", value);
    return creator;
  }
  const expected = "open, creator, or a non-empty array of { scheme, id, permissions }";
  if (!Array.isArray(value) || value.length === 0) throw configError("acl", expected, value);
  return value.map((entry: unknown, i) => {
    if (!isRecord(entry)) throw configError(`acl[${i}]`, "{ scheme, id, permissions }", entry);
    knownKeys(`acl[${i}]`, entry, ["scheme", "id", "permissions"]);
    const { scheme, id, permissions } = entry;
    if (typeof scheme !== "string" || scheme === "")
      throw configError(`acl[${i}].scheme`, "a scheme", scheme);
    if (typeof id !== "string") throw configError(`acl[${i}].id`, "a string", typeof id);
    const isSum = typeof permissions === "number" && Number.isInteger(permissions) && permissions > 0;
    if (!isSum || permissions > 31) {
      throw configError(`acl[${i}].permissions`, "a whole number from 1 to 31", permissions);
    }
    return { scheme, id, permissions };
  });
}
