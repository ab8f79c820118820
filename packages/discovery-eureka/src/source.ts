import { hash } from "node:crypto";

import type { DiscoverySource } from "@proxyless/core";
import { namesSecret } from "@proxyless/core/discovery";

import { EurekaHttp } from "./eureka-http.ts";
import { Lookup } from "./lookup.ts";
import { resolveOptions } from "./options.ts";
import type { EurekaOptions } from "./options.ts";
import { RegistryWatch } from "./registry-watch.ts";
import { ServiceWatch } from "./service-watch.ts";

/**
 * Finds services in Eureka, and in what speaks its protocol (Polaris), by polling: every instance is reported with its
 * status and none left out for it.
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG` for an option out of its range
 */
export function eureka(options: EurekaOptions): DiscoverySource {
  const settings = resolveOptions(options);
  const { connection, mode, deltaAbove, intervalMs } = settings;
  const http = new EurekaHttp(connection, settings.maxBodyBytes);
  const lookup = new Lookup(http, settings);
  const registry = new RegistryWatch({ intervalMs, http, lookup });
  const shared = {
    mode: mode === "vip" || mode === "svip" ? mode : "app",
    intervalMs,
    http,
    lookup,
    registry,
  } as const;
  const watches = new Set<ServiceWatch>();
  let isTogether = mode === "delta";
  const choose = (): void => {
    if (mode === "auto") {
      // Back only at half: a service that comes and goes at the edge must not read everything anew each time.
      if (watches.size > deltaAbove) isTogether = true;
      else if (watches.size <= deltaAbove / 2) isTogether = false;
    }
    for (const watch of watches) watch.use(isTogether);
  };
  // All that changes an answer; secrets only by who or what they belong to, because keys are shown.
  const scope = hash(
    "sha256",
    JSON.stringify([
      connection.urls.map((url) => url.href),
      connection.user,
      Object.entries(connection.headers).map(([name, value]) => (namesSecret(name) ? name : [name, value])),
      shared.mode,
      settings.preferIp,
      settings.secure,
      settings.weightBase,
    ]),
  ).slice(0, 16);
  return {
    name: "eureka",
    emptyHoldMs: settings.emptyHoldMs,
    // A poll tells everything at once: there is nothing to wait for.
    debounceMs: 0,
    key: ({ service }) => `eureka:${scope}:${service}`,
    watch: ({ service }, sink, context) => {
      const watch = new ServiceWatch(service, shared, sink, context);
      watches.add(watch);
      choose();
      const done = watch.done.finally(() => {
        watches.delete(watch);
        // The last one closes the idle connections too, so that nothing of an unused source stays open.
        if (watches.size === 0) http.close();
        else choose();
      });
      return {
        refresh: (reason) => {
          watch.refresh(reason);
        },
        done,
      };
    },
    close: async () => {
      http.close();
    },
  };
}
