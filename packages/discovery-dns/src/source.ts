import { hash } from "node:crypto";

import type { DiscoverySource } from "@proxyless/core";

import { resolveOptions } from "./options.ts";
import type { DnsOptions } from "./options.ts";
import { Resolver } from "./resolver.ts";
import { watchService } from "./service-watch.ts";
import { SystemFiles } from "./system-files.ts";

/**
 * Finds services in DNS, by SRV, A and AAAA records, and looks again whenever the time to live of what it knows is over.
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG` for an option out of its range
 */
export function dns(options: DnsOptions = {}): DiscoverySource {
  const settings = resolveOptions(options);
  const shared = { settings, resolver: new Resolver(), files: new SystemFiles(settings) };
  const scope = hash("sha256", JSON.stringify({ ...settings, services: [...settings.services] })).slice(
    0,
    16,
  );
  return {
    name: "dns",
    emptyHoldMs: settings.emptyHoldMs,
    // Whoever owns a name may change its addresses whenever they like; times to live are seldom longer.
    cacheMaxAgeMs: 3_600_000,
    // The time to live paces the changes already.
    debounceMs: 0,
    key: ({ service }) => `dns:${scope}:${service}`,
    watch: ({ service }, sink, context) => watchService(shared, service, sink, context),
  };
}
