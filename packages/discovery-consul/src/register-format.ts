import { configError } from "@proxyless/core";
import { hostPort } from "@proxyless/core/discovery";
import type { ResolvedInstance } from "@proxyless/core/discovery";

import { writeGoMicroTags } from "./go-micro-tags.ts";

/**
 * For whom an instance is written. `plain`: version, zone and `secure=true` are metadata. `spring`: the same, and
 * `secure` always. `kratos`: a tag `version=…` and a tagged address that is a URL. `kitex` (and Hertz): tags `key:value`,
 * and a weight of 10 as normal. `go-micro`: tags with packed JSON.
 */
export type ConsulFormat = "plain" | "spring" | "kratos" | "kitex" | "go-micro";

/** Every {@link ConsulFormat}. */
export const formats = ["plain", "spring", "kratos", "kitex", "go-micro"] as const;

/** The fields of a registration that depend on its format. */
export interface FormattedFields {
  readonly Tags: readonly string[];
  readonly Meta: Readonly<Record<string, string>>;
  readonly Weights: { readonly Passing: number; readonly Warning: number };
  readonly TaggedAddresses?: Readonly<Record<string, { readonly Address: string; readonly Port: number }>>;
}

/** What is written, before tags are added that the user gave. */
type Written = Pick<FormattedFields, "Tags" | "Meta" | "TaggedAddresses">;

/** Consul's own limits. */
const maxWeight = 65_535;
const maxMeta = 64;
/** What Kitex and Hertz register when nothing is said. */
const kitexWeight = 10;

/**
 * Writes an instance in a format.
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG` for what Consul or the format cannot hold
 */
export function formatted(
  instance: ResolvedInstance,
  host: string,
  format: ConsulFormat,
  tags: readonly string[],
): FormattedFields {
  const unit = format === "kitex" ? kitexWeight : 1;
  // Consul knows no weight of 0; maintenance says that.
  const most = Math.floor(maxWeight / unit);
  if (instance.weight < 1 || instance.weight > most) {
    throw configError("weight", `a whole number from 1 to ${most}`, instance.weight);
  }
  const written = write[format](instance, host);
  const names = Object.keys(written.Meta);
  const bad = names.find((key) => !/^[A-Za-z0-9_-]+$/.test(key));
  if (bad !== undefined) throw configError("metadata", "keys of letters, digits, - and _", bad);
  if (names.length > maxMeta) {
    throw configError("metadata", `at most ${maxMeta} keys, version, zone and scheme included`, names.length);
  }
  const weight = instance.weight * unit;
  return {
    ...written,
    Tags: [...written.Tags, ...tags],
    // Both alike: a weight is capacity; that an instance is degraded is said by its health.
    Weights: { Passing: weight, Warning: weight },
  };
}

const write: Readonly<Record<ConsulFormat, (instance: ResolvedInstance, host: string) => Written>> = {
  plain: (instance) => ({ Tags: [], Meta: facts(instance) }),
  spring: (instance) => ({
    Tags: [],
    Meta: { ...facts(instance), secure: String(instance.scheme === "https") },
  }),
  kratos: ({ metadata, zone, version, scheme, port }, host) => {
    const url = `${scheme}://${hostPort(host, port)}?isSecure=${scheme === "https"}`;
    return {
      Tags: [`version=${version ?? ""}`],
      Meta: { ...metadata, ...(zone === undefined ? {} : { zone }) },
      TaggedAddresses: { [scheme]: { Address: url, Port: port } },
    };
  },
  kitex: (instance) => ({
    Tags: Object.entries(facts(instance)).map(([key, value]) => `${key}:${value}`),
    Meta: {},
  }),
  "go-micro": ({ version, ...instance }) => ({
    Tags: writeGoMicroTags(facts({ ...instance, version: undefined }), version),
    Meta: {},
  }),
};

/** Metadata with what else is known of an instance. */
function facts({ metadata, version, zone, scheme }: ResolvedInstance): Record<string, string> {
  return {
    ...metadata,
    ...(version === undefined ? {} : { version }),
    ...(zone === undefined ? {} : { zone }),
    ...(scheme === "https" ? { secure: "true" } : {}),
  };
}
