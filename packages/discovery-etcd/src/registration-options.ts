import { configError } from "@proxyless/core";
import type { Clock, Random } from "@proxyless/core";
import { knownKeys, record, resolveInstance, wholeNumber } from "@proxyless/core/discovery";
import type { ResolvedInstance, ServiceInstance } from "@proxyless/core/discovery";

import type { EtcdCodec } from "./codecs/codec.ts";
import { codecs } from "./codecs/index.ts";
import { connectionKeys, resolveConnection } from "./connection.ts";
import type { Connection, EtcdConnectionOptions } from "./connection.ts";
import { resolveCodec, resolvePrefix } from "./options.ts";

/** Where and how to register. */
export interface EtcdRegistrarOptions extends EtcdConnectionOptions {
  /** The format that those who look for the instance read. Default: `codecs.grpcNaming`. */
  readonly codec?: EtcdCodec;
  /** What stands before the service's name in the key. Default: the codec's own. */
  readonly prefix?: string;
  /**
   * After how long without a sign of life etcd forgets the instance, in milliseconds, 2,000 to 86,400,000, in whole seconds;
   * it is kept alive every third of it. Default: 15,000.
   */
  readonly ttlMs?: number;
  /** Time, for tests. Default: the system's. */
  readonly clock?: Clock;
  /** Chance, for tests. Default: the system's. */
  readonly random?: Random;
}

/** {@link EtcdRegistrarOptions}, checked and complete. */
export interface RegistrarSettings {
  readonly connection: Connection;
  readonly codec: WritingCodec;
  readonly prefix: string;
  readonly ttlMs: number;
}

/** A codec that can write. */
type WritingCodec = EtcdCodec & Required<Pick<EtcdCodec, "encode">>;

const keys = [...connectionKeys, "codec", "prefix", "ttlMs", "clock", "random"];

/** Checks the options of a registrar; throws `ERR_PROXYLESS_CONFIG`. */
export function resolveRegistrarOptions(options: EtcdRegistrarOptions): RegistrarSettings {
  knownKeys("", record("options", options), keys);
  const codec = resolveCodec(options.codec, codecs.grpcNaming);
  if (!canWrite(codec)) {
    throw configError("codec", "one that can write (auto only reads)", codec.name);
  }
  const ttlMs = wholeNumber("ttlMs", options.ttlMs, 15_000, 2000, 86_400_000);
  if (ttlMs % 1000 !== 0) throw configError("ttlMs", "whole seconds", ttlMs);
  return Object.freeze({
    connection: resolveConnection(options),
    codec,
    prefix: resolvePrefix(options.prefix, codec),
    ttlMs,
  });
}

/** Checks an instance; throws `ERR_PROXYLESS_CONFIG`. */
export function resolveEtcdInstance(options: ServiceInstance): ResolvedInstance {
  const instance = resolveInstance(options);
  // A slash would put the entry below another service.
  if (instance.id.includes("/")) throw configError("id", "text without a slash", instance.id);
  return instance;
}

function canWrite(codec: EtcdCodec): codec is WritingCodec {
  return codec.encode !== undefined;
}
