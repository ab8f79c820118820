import type { Endpoint } from "@proxyless/core";
import { SourceError, isRecord } from "@proxyless/core/discovery";
import type { RegistryResponse } from "@proxyless/core/discovery";

import type { Answer, Answers } from "./answers.ts";
import type { ConsulKvCodec, ConsulKvEndpoint } from "./kv-codecs.ts";
import { askingParameters, mayRead, pathOf } from "./question.ts";
import type { Asking, Question } from "./question.ts";
import { ageOf } from "./trust.ts";
import type { WatchSettings } from "./watch-options.ts";
import { WholeAnswers } from "./whole-answers.ts";

/** How keys are read. */
export interface KvReading {
  readonly codec: ConsulKvCodec;
  readonly weightBase: number;
}

/** Asks for everything below a prefix of the key-value store. */
export class KvQuestion implements Question {
  readonly subject: string;
  readonly rights = "key:read below the prefix";
  readonly is404Answer = true;
  readonly #prefix: string;
  readonly #datacenter: string | undefined;
  readonly #settings: WatchSettings & KvReading;

  /** @param prefix with a slash at its end: keys below it; without: that key, and those below it */
  constructor(prefix: string, datacenter: string | undefined, settings: WatchSettings & KvReading) {
    this.subject = `key ${prefix}`;
    this.#prefix = prefix;
    this.#datacenter = datacenter;
    this.#settings = settings;
  }

  path(asking: Asking): string {
    const { connection, waitMs } = this.#settings;
    const key = this.#prefix.split("/").map(encodeURIComponent).join("/");
    return pathOf(`/v1/kv/${key}`, [
      ["recurse", true],
      ["dc", this.#datacenter],
      ["ns", connection.namespace],
      ["partition", connection.partition],
      ...askingParameters(asking, waitMs),
    ]);
  }

  answers(): Answers {
    return new WholeAnswers((response) => this.read(response));
  }

  /** 404 says that there is no such key; one bad entry is skipped and counted, never the whole list. */
  read(response: RegistryResponse): Answer {
    const endpoints = new Map<string, Endpoint>();
    let skipped = 0;
    for (const raw of response.status === 404 ? [] : this.#list(response.body)) {
      try {
        for (const endpoint of this.#decode(raw)) {
          if (endpoints.has(endpoint.id)) skipped++;
          else endpoints.set(endpoint.id, endpoint);
        }
      } catch {
        skipped++;
      }
    }
    if (endpoints.size === 0 && skipped > 0) {
      throw new SourceError("data", `${this.subject}: none of ${skipped} entries could be read`);
    }
    const revision = response.headers["x-consul-index"];
    return {
      snapshot: {
        kind: endpoints.size === 0 ? "absent" : "bound",
        endpoints: [...endpoints.values()],
        trust: "authoritative",
        ageMs: ageOf(response.headers),
        ...(typeof revision === "string" ? { revision } : {}),
        ...(skipped === 0 ? {} : { skipped }),
      },
      nodes: [],
    };
  }

  access(): string {
    return JSON.stringify([mayRead("key", this.#prefix)]);
  }

  #list(body: string): readonly unknown[] {
    let list: unknown;
    try {
      list = JSON.parse(body);
    } catch (error) {
      throw new SourceError("data", `${this.subject}: Consul's answer is no JSON`, { cause: error });
    }
    if (!Array.isArray(list)) throw new SourceError("data", `${this.subject}: Consul's answer is no list`);
    return list;
  }

  #decode(raw: unknown): readonly Endpoint[] {
    if (!isRecord(raw) || typeof raw["Key"] !== "string") throw new TypeError("no key");
    const { Key: key, Value: value } = raw;
    // `order` is no folder of `order-v2`, and what user interfaces make to show a folder holds nothing.
    const folder = this.#prefix.endsWith("/") ? this.#prefix : `${this.#prefix}/`;
    const isOurs = key === this.#prefix || key.startsWith(folder);
    if (!isOurs || key.endsWith("/")) return [];
    const entry = {
      key: key.slice(this.#prefix.length).replace(/^\//, ""),
      value: typeof value === "string" ? Buffer.from(value, "base64").toString("utf8") : "",
    };
    const decoded = this.#settings.codec.decode(entry) ?? [];
    return decoded.map((one) => this.#complete(one, key, decoded.length === 1));
  }

  #complete(one: ConsulKvEndpoint, key: string, isAlone: boolean): Endpoint {
    const { weight = this.#settings.weightBase } = one;
    return {
      priority: 0,
      health: "healthy",
      metadata: {},
      ...one,
      weight: weight / this.#settings.weightBase,
      id: one.id ?? (isAlone ? key : `${key}#${one.host}:${one.port}`),
    };
  }
}
