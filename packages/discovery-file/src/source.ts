import { hash } from "node:crypto";

import type { DiscoverySource, Sink, WatchContext, WatchHandle } from "@proxyless/core";
import { aborted, toDiscoveryError, toSourceError } from "@proxyless/core/discovery";

import { Feed } from "./feed.ts";
import type { FeedUser } from "./feed.ts";
import { resolveOptions } from "./options.ts";
import type { FileOptions, Settings } from "./options.ts";
import { pathFor } from "./place.ts";

/**
 * Finds services in files: JSON or YAML of this package's own shape, of Prometheus's `file_sd` or of Envoy's EDS. A change is
 * seen at once, however the file is replaced.
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG` for an option out of its range
 */
export function file(options: FileOptions): DiscoverySource {
  const settings = resolveOptions(options);
  const feeds = new Map<string, Feed>();
  const scope = hash("sha256", JSON.stringify(settings)).slice(0, 16);
  return {
    name: "file",
    // An empty list that somebody wrote is meant.
    emptyHoldMs: 0,
    debounceMs: 0,
    key: ({ service }) => `file:${scope}:${service}`,
    watch: ({ service }, sink, context) => {
      try {
        return follow(feeds, settings, service, sink, context);
      } catch (error) {
        return refuse(error, sink, context);
      }
    },
  };
}

function follow(
  feeds: Map<string, Feed>,
  settings: Settings,
  service: string,
  sink: Sink,
  { clock, signal }: WatchContext,
): WatchHandle {
  const paths = settings.paths.map((path) => pathFor(path, service));
  const key = paths.join("\n");
  const feed = feeds.get(key) ?? new Feed(settings, paths, clock);
  feeds.set(key, feed);
  const user: FeedUser = { service, sink, signal, told: undefined };
  const leave = (): Promise<void> => {
    const left = feed.remove(user);
    // One that has ended does not begin again.
    if (feed.isIdle && feeds.get(key) === feed) feeds.delete(key);
    return left;
  };
  feed.add(user);
  return {
    refresh: () => {
      if (!signal.aborted) feed.refresh();
    },
    done: aborted(signal).then(leave),
  };
}

/** A service that can have no file: said once, for it will never have one. */
async function refuseLater(problem: unknown, sink: Sink, signal: AbortSignal): Promise<void> {
  await Promise.resolve();
  if (!signal.aborted) sink.error(toDiscoveryError(toSourceError(problem)));
  await aborted(signal);
}

function refuse(error: unknown, sink: Sink, { signal }: WatchContext): WatchHandle {
  return { done: refuseLater(error, sink, signal) };
}
