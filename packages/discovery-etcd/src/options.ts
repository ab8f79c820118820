import { configError } from "@proxyless/core";
import { isRecord, knownKeys, record, text, wholeNumber } from "@proxyless/core/discovery";

import type { EtcdCodec } from "./codecs/codec.ts";
import { codecs } from "./codecs/index.ts";
import { connectionKeys, resolveConnection } from "./connection.ts";
import type { Connection, EtcdConnectionOptions } from "./connection.ts";

/** How to look services up in etcd. */
export interface EtcdOptions extends EtcdConnectionOptions {
  /** The format of the entries. Default: `codecs.auto`, which knows all of them by what is written. */
  readonly codec?: EtcdCodec;
  /**
   * What stands before the service's name in the keys (`/microservices/`); its entries are below `<prefix><service>/`.
   * Default: the codec's own, which is nothing for `codecs.auto`.
   */
  readonly prefix?: string;
  /** The registered weight that counts as 1, 1 to 65,535. Default: the format's (10 for Kitex and Hertz, 100 for Kratos, else 1). */
  readonly weightBase?: number;
  /**
   * How often the whole list is read beside the watch, in milliseconds, 1,000 to 3,600,000; each time up to a third sooner
   * or later. It finds what a watch lost, and a watch that died unnoticed. Default: 90,000.
   */
  readonly resyncMs?: number;
  /** The largest answer that is read, in bytes, 1,024 to 1 GiB. Default: 32 MiB. */
  readonly maxBodyBytes?: number;
  /** How long an empty answer is held back while endpoints are known, in milliseconds, 0 to a day. Default: 30,000. */
  readonly emptyHoldMs?: number;
}

const keys = [...connectionKeys, "codec", "prefix", "weightBase", "resyncMs", "maxBodyBytes", "emptyHoldMs"];

/** {@link EtcdOptions}, checked and complete. */
export interface Settings {
  readonly connection: Connection;
  readonly codec: EtcdCodec;
  readonly prefix: string;
  readonly weightBase: number | undefined;
  readonly resyncMs: number;
  readonly maxBodyBytes: number;
  readonly emptyHoldMs: number;
}

/** Checks the options of a source; throws `ERR_PROXYLESS_CONFIG`. */
export function resolveOptions(options: EtcdOptions): Settings {
  knownKeys("", record("options", options), keys);
  const codec = resolveCodec(options.codec, codecs.auto);
  return Object.freeze({
    connection: resolveConnection(options),
    codec,
    prefix: resolvePrefix(options.prefix, codec),
    weightBase:
      options.weightBase === undefined
        ? undefined
        : wholeNumber("weightBase", options.weightBase, 1, 1, 65_535),
    resyncMs: wholeNumber("resyncMs", options.resyncMs, 90_000, 1000, 3_600_000),
    maxBodyBytes: wholeNumber("maxBodyBytes", options.maxBodyBytes, 32 * 1024 * 1024, 1024, 1024 ** 3),
    emptyHoldMs: wholeNumber("emptyHoldMs", options.emptyHoldMs, 30_000, 0, 86_400_000),
  });
}

/** A codec, of this package or somebody's own; throws `ERR_PROXYLESS_CONFIG` when it is none. */
export function resolveCodec(value: unknown, fallback: EtcdCodec): EtcdCodec {
  if (value === undefined) return fallback;
  if (!isCodec(value)) {
    throw configError("codec", "one of codecs, or an object with name, base and decode", value);
  }
  return value;
}

/** What stands before a service's name; may be empty, when it is said to be. */
export function resolvePrefix(value: unknown, codec: EtcdCodec): string {
  if (value === undefined) return codec.base;
  return value === "" ? "" : text("prefix", value);
}

/** Below what a service's entries are. The slash at the end keeps `order` from seeing those of `order-v2`. */
export function folderOf(service: string, prefix: string, codec: EtcdCodec): string {
  return `${prefix}${codec.folder?.(service) ?? service}/`;
}

function isCodec(value: unknown): value is EtcdCodec {
  if (!isRecord(value)) return false;
  const { name, base, decode, encode, folder } = value;
  return (
    typeof name === "string" &&
    typeof base === "string" &&
    typeof decode === "function" &&
    [encode, folder].every((one) => one === undefined || typeof one === "function")
  );
}
