import { sameStrings } from "./equal.ts";
import type { LooseEndpoint } from "./equal.ts";
import { hostProblem } from "./host.ts";
import type { DirectoryEndpoint } from "./resolution.ts";
import type { Health, Locality } from "./source.ts";

/** Why something is not an endpoint. */
export interface EndpointProblem {
  readonly field: string;
  readonly expected: string;
  readonly received: unknown;
}

/** Higher is worse; what the directory prefers when two entries claim one place. */
export const healthRank: Readonly<Record<Health, number>> = {
  healthy: 0,
  degraded: 1,
  unknown: 2,
  starting: 3,
  unhealthy: 4,
  draining: 5,
};

const maxWeight = 1_000_000;
const maxMetadataKeys = 64;
const maxMetadataBytes = 16_384;
const maxTextLength = 256;
const maxIdLength = 512;
const noMetadata: Readonly<Record<string, string>> = Object.freeze({});
// eslint-disable-next-line no-control-regex -- control characters are what it looks for
const control = /[\u0000-\u001F\u007F]/u;

/**
 * A frozen copy of `raw` when it is an endpoint, or what is wrong with it. Missing `weight`, `priority`, `health` and
 * `metadata` become 1, 0, `unknown` and `{}`; a weight over 1,000,000 is cut to that; brackets around an IPv6 host
 * are taken off. Anything else out of range is a problem, never repaired by guessing.
 */
export function readEndpoint(raw: unknown): DirectoryEndpoint | EndpointProblem {
  try {
    if (!isLoose(raw)) return { field: "entry", expected: "an object", received: raw };
    const check = new Check();
    const endpoint = check.endpoint(raw);
    return check.problem ?? endpoint;
  } catch (error) {
    // A getter or proxy of the source threw.
    return { field: "entry", expected: "readable", received: error };
  }
}

export function isProblem(value: DirectoryEndpoint | EndpointProblem): value is EndpointProblem {
  return "expected" in value;
}

export function isLoose(value: unknown): value is LooseEndpoint {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isHealth(value: unknown): value is Health {
  return typeof value === "string" && Object.hasOwn(healthRank, value);
}

type Mutable = { -readonly [K in keyof DirectoryEndpoint]: DirectoryEndpoint[K] };

/** Reads fields and remembers the first that is wrong: ten thousand bad entries shall not cost as many exceptions. */
class Check {
  problem: EndpointProblem | undefined;

  endpoint(raw: LooseEndpoint): DirectoryEndpoint {
    const { priority, scheme, serverName, version, locality } = raw;
    const endpoint: Mutable = {
      id: this.#text("id", raw.id, maxIdLength),
      host: this.#host("host", raw.host),
      port: this.#integer("port", raw.port, 1, 65_535),
      weight: this.#weight(raw.weight),
      priority: priority === undefined ? 0 : this.#integer("priority", priority, 0, 65_535),
      health: this.#health(raw.health),
      metadata: this.#metadata(raw.metadata),
      held: false,
    };
    if (scheme !== undefined) endpoint.scheme = this.#scheme(scheme);
    if (serverName !== undefined) endpoint.serverName = this.#host("serverName", serverName);
    if (version !== undefined) endpoint.version = this.#text("version", version, maxTextLength);
    if (locality !== undefined) endpoint.locality = this.#locality(locality);
    return Object.freeze(endpoint);
  }

  #fail<T>(field: string, expected: string, received: unknown, standIn: T): T {
    this.problem ??= { field, expected, received };
    return standIn;
  }

  #text(field: string, value: unknown, max: number): string {
    if (typeof value === "string" && value.length > 0 && value.length <= max && !control.test(value)) {
      return value;
    }
    return this.#fail(field, `a string of 1 to ${max} characters without control characters`, value, "");
  }

  #host(field: string, value: unknown): string {
    if (typeof value !== "string") return this.#fail(field, "a string", value, "");
    const plain = value.startsWith("[") && value.endsWith("]") ? value.slice(1, -1) : value;
    const problem = hostProblem(plain);
    return problem === undefined ? plain : this.#fail(field, problem, value, "");
  }

  #integer(field: string, value: unknown, min: number, max: number): number {
    if (typeof value === "number" && Number.isInteger(value) && value >= min && value <= max) return value;
    return this.#fail(field, `an integer from ${min} to ${max}`, value, min);
  }

  #weight(value: unknown): number {
    if (value === undefined) return 1;
    if (typeof value === "number" && Number.isFinite(value) && value >= 0) return Math.min(value, maxWeight);
    return this.#fail("weight", `a number from 0 to ${maxWeight}`, value, 0);
  }

  #health(value: unknown): Health {
    if (value === undefined) return "unknown";
    if (isHealth(value)) return value;
    return this.#fail("health", `one of ${Object.keys(healthRank).join(", ")}`, value, "unknown");
  }

  #scheme(value: unknown): "http" | "https" {
    if (value === "http" || value === "https") return value;
    return this.#fail("scheme", "http or https", value, "http");
  }

  #locality(value: unknown): Locality {
    if (!isLocality(value)) return this.#fail("locality", "an object", value, {});
    const { region, zone, subZone } = value;
    const copy: { -readonly [K in keyof Locality]: Locality[K] } = {};
    if (region !== undefined) copy.region = this.#text("locality.region", region, maxTextLength);
    if (zone !== undefined) copy.zone = this.#text("locality.zone", zone, maxTextLength);
    if (subZone !== undefined) copy.subZone = this.#text("locality.subZone", subZone, maxTextLength);
    return this.problem === undefined ? shareLocality(copy) : copy;
  }

  #metadata(value: unknown): Readonly<Record<string, string>> {
    if (value === undefined) return noMetadata;
    if (!isLoose(value)) return this.#fail("metadata", "an object of strings", value, noMetadata);
    const entries: [string, unknown][] = Object.entries(value);
    if (entries.length === 0) return noMetadata;
    if (entries.length > maxMetadataKeys) {
      return this.#fail("metadata", `at most ${maxMetadataKeys} keys`, entries.length, noMetadata);
    }
    const copy: Record<string, string> = {};
    let bytes = 0;
    for (const [key, item] of entries) {
      // Assigning this key would change the prototype instead of the copy.
      if (key === "__proto__") return this.#fail("metadata", "free of the key __proto__", value, noMetadata);
      if (typeof item !== "string") return this.#fail("metadata", "an object of strings", value, noMetadata);
      bytes += Buffer.byteLength(key) + Buffer.byteLength(item);
      copy[key] = item;
    }
    if (bytes > maxMetadataBytes) {
      return this.#fail("metadata", `at most ${maxMetadataBytes} bytes`, bytes, noMetadata);
    }
    return shareMetadata(copy);
  }
}

/** The instances of a service are in a few zones and mostly have the same labels: one copy of each serves them all. */
const localities = new Map<string, Locality>();
const maxLocalities = 256;
let lastMetadata = noMetadata;

function shareLocality(locality: Locality): Locality {
  const { region = "", zone = "", subZone = "" } = locality;
  // No text has a line break in it.
  const key = `${region}\n${zone}\n${subZone}`;
  const known = localities.get(key);
  if (known !== undefined) return known;
  if (localities.size === maxLocalities) localities.clear();
  localities.set(key, Object.freeze(locality));
  return locality;
}

function shareMetadata(metadata: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  if (!sameStrings(lastMetadata, metadata)) lastMetadata = Object.freeze(metadata);
  return lastMetadata;
}

function isLocality(value: unknown): value is { readonly [K in keyof Locality]?: unknown } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
