import type { DiscoverySource } from "@proxyless/core";
import { Watching } from "@proxyless/core/testing";
import type { WatchingOptions } from "@proxyless/core/testing";
import { kubernetes } from "@proxyless/discovery-kubernetes";
import type { KubernetesOptions } from "@proxyless/discovery-kubernetes";

/** Watches one service with a source of its own; its states are the addresses without the port. */
export function watched(options: KubernetesOptions, service: string, more: WatchingOptions = {}): Watching {
  return watchHosts(kubernetes(options), service, more);
}

/** Watches one service; its states are the addresses without the port. */
export function watchHosts(source: DiscoverySource, service: string, more: WatchingOptions = {}): Watching {
  return new Watching(source, service, { label: ({ host }) => host, ...more });
}
