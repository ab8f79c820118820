import type { DiscoverySource } from "@proxyless/core";

import { HealthQuestion } from "./health-question.ts";
import { resolveOptions } from "./options.ts";
import type { ConsulOptions } from "./options.ts";
import { inPlaces, placesOf } from "./places.ts";
import { WatchSlots } from "./watch-slots.ts";
import { watchSource } from "./watch-source.ts";

/**
 * Finds services in Consul: one long poll per service (and datacenter or peer) on the health endpoint, every instance
 * reported with its health (passing, warning, critical, maintenance) and none left out for it.
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG` for an option out of its range
 */
export function consul(options: ConsulOptions): DiscoverySource {
  const settings = resolveOptions(options);
  const { datacenters, peers, filter, tags, addressTag, zoneKey, weightBase } = settings;
  const slots = new WatchSlots(settings.maxConcurrentWatches);
  return inPlaces("consul", placesOf(datacenters, peers), (place, isPart) =>
    watchSource({
      ...settings,
      name: "consul",
      settings,
      slots,
      scope: [place, isPart, filter, tags, addressTag, zoneKey, weightBase],
      question: (service) => new HealthQuestion(service, place, { ...settings, isPart }),
    }),
  );
}
