import type { DiscoverySource, Endpoint } from "@proxyless/core";
import { Watching } from "@proxyless/core/testing";
import type { WatchingOptions } from "@proxyless/core/testing";
import { consul } from "@proxyless/discovery-consul";
import type { ConsulOptions } from "@proxyless/discovery-consul";

import type { ConsulAgent } from "../../scripts/servers/index.ts";

/** An instance's own id, which an endpoint's id ends with, and its health. */
function label({ health, id }: Endpoint): string {
  return `${id.split("/").at(-1)} ${health}`;
}

/** Watches a service by its health; its states are `id health`. */
export function watchConsul(options: ConsulOptions, service = "web", more: WatchingOptions = {}): Watching {
  return watchById(consul(options), service, more);
}

/** Watches a service of any source on Consul; its states are `id health`. */
export function watchById(source: DiscoverySource, service = "web", more: WatchingOptions = {}): Watching {
  return new Watching(source, service, { label, ...more });
}

/** Registers an instance as some other program would, and waits until the catalog has it. */
export async function put(agent: ConsulAgent, id: string, more: object = {}): Promise<void> {
  await agent.call("PUT", "/v1/agent/service/register?replace-existing-checks=true", {
    ID: id,
    Name: "web",
    Address: "10.9.0.1",
    Port: 8080,
    ...more,
  });
}
