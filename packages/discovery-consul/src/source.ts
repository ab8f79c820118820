import { hash } from "node:crypto";

import type { DiscoverySource } from "@proxyless/core";

import { ConsulHttp } from "./http-client.ts";
import { resolveOptions } from "./options.ts";
import type { ConsulOptions } from "./options.ts";
import { ServiceWatch } from "./service-watch.ts";
import { WatchSlots } from "./watch-slots.ts";

const debounceMs = 2;

/**
 * Finds services in Consul: one long poll per service on the health endpoint, every instance reported with its health
 * (passing, warning, critical, maintenance) and none left out for it.
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG` for an option out of its range
 */
export function consul(options: ConsulOptions): DiscoverySource {
  const settings = resolveOptions(options);
  const { connection } = settings;
  const http = new ConsulHttp(connection, settings.maxConcurrentWatches, settings.maxBodyBytes);
  const slots = new WatchSlots(settings.maxConcurrentWatches);
  // All that changes an answer; the token as a digest, because keys are shown.
  const scope = hash(
    "sha256",
    JSON.stringify([
      connection.urls.map((url) => url.href),
      connection.token ?? connection.tokenFile,
      connection.namespace,
      connection.partition,
      settings.datacenter,
      settings.filter,
      settings.tags,
      settings.mode,
      settings.addressTag,
      settings.zoneKey,
      settings.weightBase,
    ]),
  ).slice(0, 16);
  let watches = 0;
  return {
    name: "consul",
    emptyHoldMs: settings.emptyHoldMs,
    // The pace of the queries collects what comes in a storm; a single change need not wait for more.
    debounceMs,
    key: ({ service }) => `consul:${scope}:${service}`,
    watch: ({ service }, sink, context) => {
      const watch = new ServiceWatch({ settings, http, slots }, service, sink, context);
      watches++;
      const done = watch.run().finally(() => {
        // The last one closes the idle connections too, so that nothing of an unused source stays open.
        if (--watches === 0) http.close();
      });
      return {
        refresh: () => {
          watch.refresh();
        },
        done,
      };
    },
    close: async () => {
      http.close();
    },
  };
}
