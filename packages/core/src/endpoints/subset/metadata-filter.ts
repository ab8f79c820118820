import { configError } from "../../errors.ts";
import { checkObject, fieldPath } from "../../option-checks.ts";
import type { EndpointState } from "../endpoint-state.ts";

/** Which endpoints a service's or a route's calls go to, by what the registry says of them (Envoy's subset load balancing). */
export interface MetadataFilterPolicy {
  /** What the endpoint's metadata must say: each key one of the given values. `version` also means the endpoint's version. */
  readonly metadata: Readonly<Record<string, string | readonly string[]>>;
  /** Where no endpoint does: `none` fails the call, `any` takes all of them; `none` by default. */
  readonly fallback?: "none" | "any" | undefined;
}

/** {@link MetadataFilterPolicy} with every field known. */
export interface ResolvedMetadataFilter {
  readonly metadata: readonly (readonly [key: string, values: readonly string[]])[];
  readonly fallback: "none" | "any";
}

/**
 * @param input what the user wrote; `undefined` for no filter
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG`
 */
export function resolveMetadataFilter(input: unknown, path: string): ResolvedMetadataFilter | undefined {
  if (input === undefined) return undefined;
  const given = checkObject(input, path, ["metadata", "fallback"]);
  const field = fieldPath(path, "metadata");
  const wanted = checkObject(given["metadata"], field, Object.keys(Object(given["metadata"])));
  const metadata = Object.entries(wanted).map(([key, value]) => {
    const values: readonly unknown[] = Array.isArray(value) ? value : [value];
    const texts = values.filter((text) => typeof text === "string");
    if (texts.length === 0 || texts.length < values.length) {
      throw configError(fieldPath(field, key), "a text, or several", value);
    }
    return [key, Object.freeze(texts)] as const;
  });
  if (metadata.length === 0) throw configError(field, "an object with a key at least", given["metadata"]);
  const fallback = given["fallback"] ?? "none";
  if (fallback !== "none" && fallback !== "any") {
    throw configError(fieldPath(path, "fallback"), '"none" or "any"', fallback);
  }
  return Object.freeze({ metadata: Object.freeze(metadata), fallback });
}

/** Whether an endpoint is what the filter asks for. */
export function matchesMetadata({ spec }: EndpointState, { metadata }: ResolvedMetadataFilter): boolean {
  return metadata.every(([key, values]) => {
    const own = Object.hasOwn(spec.metadata, key)
      ? spec.metadata[key]
      : key === "version"
        ? spec.version
        : undefined;
    return own !== undefined && values.includes(own);
  });
}

/** The endpoints that a filter lets through, after its fallback. */
export function filterMembers(
  members: readonly EndpointState[],
  filter: ResolvedMetadataFilter | undefined,
): readonly EndpointState[] {
  if (filter === undefined) return members;
  const found = members.filter((state) => matchesMetadata(state, filter));
  return found.length === 0 && filter.fallback === "any" ? members : found;
}
