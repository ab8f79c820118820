import { configError } from "@proxyless/core";
import { knownKeys, optionalText, record, wholeNumber } from "@proxyless/core/discovery";

import { isPart } from "./client/addresses.ts";
import type { ClientSettings } from "./client/zookeeper-client.ts";
import type { ZookeeperCodec } from "./codecs/codec.ts";
import { codecs } from "./codecs/codecs.ts";
import { checkTemplate, connectionKeys, resolveConnection, watchesOf } from "./connection.ts";
import type { ZookeeperConnectionOptions } from "./connection.ts";

/** How to look services up in ZooKeeper. */
export interface ZookeeperOptions extends ZookeeperConnectionOptions {
  /** How the nodes are written: one of `codecs`, or one of your own. Default: `codecs.auto`, which looks at each node. */
  readonly codec?: ZookeeperCodec;
  /** Where a service's nodes are, with `{service}` for its name. Default: the codec's (`/services/{service}`). */
  readonly path?: string;
  /** Which of an instance's named endpoints to use (a serverset's `additionalEndpoints`); its main one where it has none. */
  readonly endpointName?: string;
  /** The written weight that counts as 1, 1 to 65,535. Default: the format's usual one (Hertz 10, Dubbo and Kratos 100, others 1). */
  readonly weightBase?: number;
  /**
   * `persistent`: one watch per service that stays (ZooKeeper 3.6 and newer). `one-shot`: watches that every read sets again.
   * Default: `auto`, which finds out.
   */
  readonly watches?: "auto" | "persistent" | "one-shot";
  /**
   * Take a server that lost its quorum too, where it is allowed to answer (`readonlymode.enabled`); what it says adds and
   * updates, and removes nothing. Default: false.
   */
  readonly allowReadOnly?: boolean;
  /** How often everything is read again although nothing seems to have changed, in milliseconds, 10,000 to a day. Default: 300,000. */
  readonly resyncMs?: number;
  /** How long an empty answer is held back while endpoints are known, in milliseconds, 0 to a day. Default: 60,000. */
  readonly emptyHoldMs?: number;
}

const keys = [
  ...connectionKeys,
  "codec",
  "path",
  "endpointName",
  "weightBase",
  "watches",
  "allowReadOnly",
  "resyncMs",
  "emptyHoldMs",
];
const day = 86_400_000;

/** {@link ZookeeperOptions}, checked and complete. */
export interface Settings {
  readonly client: ClientSettings;
  readonly codec: ZookeeperCodec;
  readonly path: string;
  readonly endpointName: string | undefined;
  readonly weightBase: number | undefined;
  readonly resyncMs: number;
  readonly emptyHoldMs: number;
}

/** Checks the options of a source; throws `ERR_PROXYLESS_CONFIG`. */
export function resolveOptions(options: ZookeeperOptions): Settings {
  knownKeys("", record("options", options), keys);
  const codec = resolveCodec(options.codec);
  const { allowReadOnly, weightBase } = options;
  if (allowReadOnly !== undefined && typeof allowReadOnly !== "boolean") {
    throw configError("allowReadOnly", "true or false", allowReadOnly);
  }
  return Object.freeze({
    client: {
      ...resolveConnection(options),
      allowReadOnly: allowReadOnly ?? false,
      watches: watchesOf(options.watches),
    },
    codec,
    path: checkTemplate("path", options.path ?? codec.path),
    endpointName: optionalText("endpointName", options.endpointName),
    weightBase: weightBase === undefined ? undefined : wholeNumber("weightBase", weightBase, 1, 1, 65_535),
    resyncMs: wholeNumber("resyncMs", options.resyncMs, 300_000, 10_000, day),
    emptyHoldMs: wholeNumber("emptyHoldMs", options.emptyHoldMs, 60_000, 0, day),
  });
}

/** Checks a codec; `codecs.auto` when absent. Throws `ERR_PROXYLESS_CONFIG`. */
export function resolveCodec(value: unknown): ZookeeperCodec {
  if (value === undefined) return codecs.auto;
  if (!isCodec(value))
    throw configError("codec", "one of codecs, or an object with name, path and decode", value);
  return value;
}

function isCodec(value: unknown): value is ZookeeperCodec {
  if (typeof value !== "object" || value === null) return false;
  return (
    "name" in value &&
    typeof value.name === "string" &&
    "path" in value &&
    typeof value.path === "string" &&
    "decode" in value &&
    typeof value.decode === "function"
  );
}

/**
 * The path of a service's node; `undefined` when its name cannot be a part of one. A name with slashes in it is several
 * parts, as Finagle's are.
 */
export function pathOf(template: string, service: string): string | undefined {
  const parts = service.split("/");
  return parts.every((part) => isPart(part)) ? template.replaceAll("{service}", () => service) : undefined;
}
