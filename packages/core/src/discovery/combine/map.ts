import type { DiscoverySource, Endpoint, Sink, Snapshot } from "../source.ts";
import { declarationsOf } from "./declarations.ts";

/** How a source that changes what another one says is named. */
export interface TransformOptions {
  /**
   * Part of the key: two that do different things to the same source need different names, or they share a cache file.
   * Default: `map`, `mapSnapshots` or `filter`.
   */
  readonly name?: string;
}

/**
 * Changes each endpoint of a source, or leaves it out by returning undefined. What `change` throws is an error of class
 * `data`, and the last good list stays.
 * @param change must give the same for the same endpoint; it is called for every endpoint of every list
 */
export function map(
  source: DiscoverySource,
  change: (endpoint: Endpoint, service: string) => Endpoint | undefined,
  options: TransformOptions = {},
): DiscoverySource {
  return mapSnapshots(
    source,
    (snapshot, service) => {
      const endpoints: Endpoint[] = [];
      for (const endpoint of snapshot.endpoints) {
        const changed = change(endpoint, service);
        if (changed !== undefined) endpoints.push(changed);
      }
      return { ...snapshot, endpoints };
    },
    { name: options.name ?? "map" },
  );
}

/**
 * Leaves out the endpoints of a source that do not pass. To tell health is not its business: what is unhealthy is labelled
 * so, and only who sees all endpoints can tell whether that is believable.
 * @param passes must return a boolean; what it throws is an error of class `data`, and the last good list stays
 */
export function filter(
  source: DiscoverySource,
  passes: (endpoint: Endpoint, service: string) => boolean,
  options: TransformOptions = {},
): DiscoverySource {
  const test = (endpoint: Endpoint, service: string): Endpoint | undefined => {
    const verdict: unknown = passes(endpoint, service);
    // A promise is no answer, and as a value it would let everything through.
    if (typeof verdict !== "boolean") throw new TypeError(`it returned ${typeof verdict}, not a boolean`);
    return verdict ? endpoint : undefined;
  };
  return map(source, test, { name: options.name ?? "filter" });
}

/**
 * Changes the lists of a source as a whole. What `change` throws is an error of class `data`, and the last good list stays.
 */
export function mapSnapshots(
  source: DiscoverySource,
  change: (snapshot: Snapshot, service: string) => Snapshot,
  options: TransformOptions = {},
): DiscoverySource {
  const name = options.name ?? "mapSnapshots";
  return {
    ...declarationsOf(source),
    name: source.name,
    key: (target) => `${name}(${source.key(target)})`,
    watch: (target, sink, context) => {
      // What an unusable list hides must not be confirmed by an `alive` that means that list.
      let isRefused = false;
      const changed: Sink = {
        snapshot: (snapshot) => {
          let next: Snapshot;
          try {
            next = change(snapshot, target.service);
          } catch (error) {
            isRefused = true;
            const reason = error instanceof Error ? error.message : String(error);
            sink.error({ class: "data", message: `${name} failed: ${reason}`, cause: error });
            return;
          }
          isRefused = false;
          sink.snapshot(next);
        },
        alive: (ageMs) => {
          if (!isRefused) sink.alive(ageMs);
        },
        error: (error) => {
          sink.error(error);
        },
        notice: (notice) => {
          sink.notice?.(notice);
        },
      };
      return source.watch(target, changed, context);
    },
    close: async () => {
      await source.close?.();
    },
  };
}
