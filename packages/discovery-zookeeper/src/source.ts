import { hash } from "node:crypto";

import type { DiscoverySource, WatchContext } from "@proxyless/core";
import { Backoff, SourceError, watchLoop } from "@proxyless/core/discovery";

import { ZookeeperClient } from "./client/zookeeper-client.ts";
import { pathOf, resolveOptions } from "./options.ts";
import type { ZookeeperOptions } from "./options.ts";
import { ServiceWatch } from "./service-watch.ts";
import { SharedClient } from "./shared-client.ts";

/** The pace of the reads collects what comes in a storm; a single change need not wait for more. */
const debounceMs = 2;
/** A read that was refused is tried again at least so often, in milliseconds: it is one service's nodes, not a connection. */
const retryCeilingMs = 5000;

/**
 * Finds services in ZooKeeper: one session for all of them, one watch for each, in the formats of Curator, Spring Cloud,
 * Dubbo, Finagle and others.
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG` for an option out of its range
 */
export function zookeeper(options: ZookeeperOptions): DiscoverySource {
  const settings = resolveOptions(options);
  const { client: reach, codec, path: template } = settings;
  const shared = new SharedClient(
    ({ clock, random }: WatchContext) => new ZookeeperClient(reach, clock, random),
  );
  // All that changes an answer; the password only by who it belongs to, because keys are shown.
  const scope = hash(
    "sha256",
    JSON.stringify([
      reach.servers,
      reach.chroot,
      reach.digest?.split(":", 1)[0],
      template,
      codec.name,
      settings.endpointName,
      settings.weightBase,
    ]),
  ).slice(0, 16);
  return {
    name: "zookeeper",
    emptyHoldMs: settings.emptyHoldMs,
    debounceMs,
    key: ({ service }) => `zookeeper:${scope}:${service}`,
    watch: ({ service }, sink, context) => {
      const path = pathOf(template, service);
      if (path === undefined) {
        return watchLoop(sink, context, {
          round: async () => {
            throw new SourceError(
              "config",
              `${JSON.stringify(service)} cannot be part of a path in ZooKeeper`,
            );
          },
        });
      }
      const client = shared.take(context);
      const watch = new ServiceWatch({ client, settings, service, path, sink, context });
      return watchLoop(sink, context, {
        round: (round) => watch.round(round),
        // The session has its own pace: while there is no connection there is nothing else to wait for.
        onTrouble: () => (client.isConnected ? "wait" : "now"),
        backoff: new Backoff(100, retryCeilingMs),
        onEnd: async () => {
          watch.end();
          await shared.release();
        },
      });
    },
    // The last watch closes the session; a source without one has nothing open.
    close: () => shared.settled(),
  };
}
