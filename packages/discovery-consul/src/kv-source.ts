import { configError } from "@proxyless/core";
import type { DiscoverySource } from "@proxyless/core";
import { isRecord, knownKeys, record, text, wholeNumber } from "@proxyless/core/discovery";

import { connectionKeys } from "./connection.ts";
import { kvCodecs } from "./kv-codecs.ts";
import type { ConsulKvCodec, ConsulKvCodecName } from "./kv-codecs.ts";
import { KvQuestion } from "./kv-question.ts";
import { inPlaces, placesOf } from "./places.ts";
import { modeOf, readKeys, resolveWatch, watchKeys } from "./watch-options.ts";
import type { ConsulMode, ConsulWatchOptions } from "./watch-options.ts";
import { WatchSlots } from "./watch-slots.ts";
import { watchSource } from "./watch-source.ts";

/** How to read services out of Consul's key-value store. */
export interface ConsulKvOptions extends ConsulWatchOptions {
  /**
   * Where a service's endpoints are, with `{service}` for its name: `upstreams/{service}/` reads the keys below it,
   * `services/{service}` that key and those below it.
   */
  readonly prefix: string;
  /** What is written there: `json`, `apisix`, or a codec of your own. Default: `json`. */
  readonly codec?: ConsulKvCodecName | ConsulKvCodec;
  /** The written weight that counts as 1, 1 to 65,535. Default: 1. */
  readonly weightBase?: number;
  /** Default: `stale`. */
  readonly mode?: Exclude<ConsulMode, "cached">;
}

const keys = [...connectionKeys, ...readKeys, ...watchKeys, "prefix", "codec", "weightBase", "mode"];

/**
 * Finds services in trees of Consul's key-value store: one long poll per service (and datacenter). Keys have no health:
 * what is written is taken for healthy, and what is deleted is gone.
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG` for an option out of its range
 */
export function consulKv(options: ConsulKvOptions): DiscoverySource {
  knownKeys("", record("options", options), keys);
  const prefix = prefixOf(options.prefix);
  const codec = codecOf(options.codec);
  const weightBase = wholeNumber("weightBase", options.weightBase, 1, 1, 65_535);
  const mode = modeOf(options.mode, ["stale", "default", "consistent"]);
  const settings = { ...resolveWatch(options, mode), codec, weightBase };
  const slots = new WatchSlots(settings.maxConcurrentWatches);
  return inPlaces("consul-kv", placesOf(settings.datacenters, []), ({ datacenter }) =>
    watchSource({
      ...settings,
      name: "consul-kv",
      settings,
      slots,
      scope: [datacenter, prefix, codec.name, weightBase],
      question: (service) => new KvQuestion(prefix.replaceAll("{service}", service), datacenter, settings),
    }),
  );
}

function prefixOf(value: unknown): string {
  const prefix = text("prefix", value).replace(/^\/+/, "");
  if (!prefix.includes("{service}")) throw configError("prefix", "a path with {service} in it", value);
  return prefix;
}

function codecOf(value: unknown): ConsulKvCodec {
  if (value === undefined || value === "json") return kvCodecs.json;
  if (value === "apisix") return kvCodecs.apisix;
  if (!isCodec(value)) throw configError("codec", "json, apisix or an object with name and decode", value);
  return value;
}

function isCodec(value: unknown): value is ConsulKvCodec {
  return isRecord(value) && typeof value["name"] === "string" && typeof value["decode"] === "function";
}
