import { hash } from "node:crypto";

import type { DiscoverySource } from "@proxyless/core";

import { NacosHttp } from "./nacos-http.ts";
import { resolveOptions } from "./options.ts";
import type { NacosOptions } from "./options.ts";
import { ServiceWatch } from "./service-watch.ts";

/**
 * Finds services in Nacos by polling its HTTP API: every instance that it lists is reported with its health and none left
 * out for it.
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG` for an option out of its range
 */
export function nacos(options: NacosOptions): DiscoverySource {
  const settings = resolveOptions(options);
  const { connection } = settings;
  const http = new NacosHttp(connection, settings.maxBodyBytes);
  // All that changes an answer; the password only by who it belongs to, because keys are shown.
  const scope = hash(
    "sha256",
    JSON.stringify([
      connection.urls.map((url) => url.href),
      connection.credentials?.username,
      connection.namespace,
      connection.group,
      connection.api,
      settings.clusters,
      settings.nameSuffix,
      settings.weightBase,
    ]),
  ).slice(0, 16);
  let watches = 0;
  return {
    name: "nacos",
    emptyHoldMs: settings.emptyHoldMs,
    // A poll tells everything at once: there is nothing to wait for.
    debounceMs: 0,
    key: ({ service }) => `nacos:${scope}:${service}`,
    watch: ({ service }, sink, context) => {
      watches++;
      const handle = new ServiceWatch({ settings, http }, service, sink, context).start();
      const done = handle.done.finally(() => {
        // The last one closes the idle connections too, so that nothing of an unused source stays open.
        if (--watches === 0) http.close();
      });
      return { refresh: (reason) => handle.refresh?.(reason), done };
    },
    close: async () => {
      http.close();
    },
  };
}
