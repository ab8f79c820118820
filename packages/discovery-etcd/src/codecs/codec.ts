import type { Endpoint, Health } from "@proxyless/core";

/** How an entry is to be read. */
export interface EtcdReading {
  /** The service that was asked for; a format that names the service in its values leaves out those of others. */
  readonly service: string;
  /** The weight that counts as 1; the format's own convention when absent. */
  readonly weightBase?: number | undefined;
}

/** What an instance says of itself, for a format to write. */
export interface EtcdRegistration {
  readonly service: string;
  readonly id: string;
  readonly host: string;
  readonly port: number;
  readonly scheme: "http" | "https";
  /** 1 is normal. */
  readonly weight: number;
  readonly version: string | undefined;
  readonly zone: string | undefined;
  readonly metadata: Readonly<Record<string, string>>;
  readonly health: Health;
}

/**
 * A format of entries: where a service's keys stand, how a value is read, and how one is written. Write your own as a plain
 * object; those of this package are in `codecs`.
 */
export interface EtcdCodec {
  /** Shown in errors. */
  readonly name: string;
  /** What stands before the service's name in the keys, unless the option `prefix` says otherwise. */
  readonly base: string;
  /** The service's name as it stands in a key. Default: as it is. */
  folder?(service: string): string;
  /**
   * Reads one entry below `<base><folder>/`. An empty list is an entry that says nothing of this service; `"skip"` is one
   * that makes no sense, which is counted and keeps nobody else from being used. What it throws counts as `"skip"`.
   */
  decode(key: string, value: Uint8Array, reading: EtcdReading): readonly Endpoint[] | "skip";
  /** Writes an instance; `key` is what follows `<base><folder>/`. Absent: this format is only read. */
  encode?(instance: EtcdRegistration): { readonly key: string; readonly value: string };
  /**
   * Everybody who reads this format understands its health, so that an instance which takes no calls stays listed, saying
   * so. Otherwise its entry is taken out until it is well again. Default: false.
   */
  readonly saysHealth?: boolean;
}
