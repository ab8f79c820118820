import { hash } from "node:crypto";

import type { DiscoverySource, WatchContext } from "@proxyless/core";
import { aborted, toDiscoveryError, toSourceError } from "@proxyless/core/discovery";

import { AdsClient } from "./ads-client.ts";
import { ClusterPolicies } from "./cluster-policies.ts";
import type { XdsClusterPolicy } from "./cluster-policies.ts";
import { codecOf } from "./codec.ts";
import { DeltaProtocol } from "./delta-protocol.ts";
import { nodeMessage } from "./node-identity.ts";
import { resolveOptions } from "./options.ts";
import type { Settings, XdsOptions } from "./options.ts";
import { ServiceWatch } from "./service-watch.ts";
import { SotwProtocol } from "./sotw-protocol.ts";

/** Endpoints from a control plane, and the policies of the clusters that they belong to. */
export interface XdsSource extends DiscoverySource {
  /**
   * Hears of the policy of each service that is watched: what is known at once, then every change. Returns the function
   * that ends it. {@link followXdsPolicies} puts them in force.
   */
  onClusterPolicy(listener: (policy: XdsClusterPolicy) => void): () => void;
}

/** What is talked to, whichever variant of the protocol it is. */
type AnyClient = Pick<AdsClient<unknown>, "run" | "refresh" | "close" | "table">;

const resourceMessages = ["ClusterLoadAssignment", "LocalityLbEndpoints", "LbEndpoint", "Cluster"] as const;
const service = "/envoy.service.discovery.v3.AggregatedDiscoveryService/";

/**
 * Finds services with an xDS control plane (Istio, or any that serves Envoy or gRPC): one stream for all of them (ADS), on
 * which clusters (CDS) and their endpoints (EDS) are subscribed by name.
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG` for an option or a bootstrap that is out of order
 */
export function xds(options: XdsOptions = {}): XdsSource {
  const settings = resolveOptions(options, process.env);
  const { bootstrap, subscribe, protocol } = settings;
  const policies = new ClusterPolicies();
  const scope = hash(
    "sha256",
    JSON.stringify([
      bootstrap.servers,
      bootstrap.node,
      subscribe,
      protocol,
      settings.certificates,
      settings.doesNotExistMs,
    ]),
  ).slice(0, 16);
  const nameOf = (target: string): string | undefined => {
    try {
      return settings.clusterName(target);
    } catch {
      // Said by the watch, which can say it.
      return undefined;
    }
  };
  let client: AnyClient | undefined;
  let watches = 0;
  const ends = new Set<Promise<void>>();

  const begin = (context: WatchContext): AnyClient => {
    watches++;
    if (client !== undefined) return client;
    client = makeClient(settings, context);
    void client.run();
    return client;
  };

  const release = async (used: AnyClient): Promise<void> => {
    // The last one ends the conversation, so that nothing of an unused source stays open.
    if (--watches > 0 || client !== used) return;
    client = undefined;
    const end = used.close();
    ends.add(end);
    await end;
    ends.delete(end);
  };

  return {
    name: "xds",
    emptyHoldMs: settings.emptyHoldMs,
    // Most control planes speak of pods, whose addresses are soon given to others.
    cacheMaxAgeMs: 300_000,
    // The control plane collects changes itself.
    debounceMs: 0,
    key: ({ service: target }) => `xds:${scope}:${nameOf(target) ?? ""}:${target}`,
    watch: ({ service: target }, sink, context) => {
      let used: AnyClient | undefined;
      return {
        refresh: () => used?.refresh(),
        done: watchService(target, settings, sink, context, {
          policies,
          begin: () => (used = begin(context)),
          release,
        }),
      };
    },
    onClusterPolicy: (listener) => policies.listen(listener),
    close: async () => {
      await Promise.all(ends);
    },
  };
}

/** One watch from its beginning to its end. */
async function watchService(
  target: string,
  settings: Settings,
  sink: Parameters<DiscoverySource["watch"]>[1],
  context: WatchContext,
  shared: {
    readonly policies: ClusterPolicies;
    readonly begin: () => AnyClient;
    readonly release: (client: AnyClient) => Promise<void>;
  },
): Promise<void> {
  const { signal } = context;
  // The sink must hear nothing before the caller has its handle.
  await Promise.resolve();
  if (signal.aborted) return;
  let name: string;
  try {
    name = settings.clusterName(target);
  } catch (error) {
    sink.error({ ...toDiscoveryError(toSourceError(error)), class: "config" });
    await aborted(signal);
    return;
  }
  const client = shared.begin();
  const watch = new ServiceWatch(client.table, sink, {
    policy: (cluster, assignment, version) => {
      shared.policies.take({ service: target, name, version, cluster, assignment });
    },
  });
  signal.addEventListener(
    "abort",
    () => {
      watch.end();
    },
    { once: true },
  );
  watch.begin(name, settings.subscribe);
  await aborted(signal);
  await shared.release(client);
}

function makeClient(settings: Settings, context: WatchContext): AnyClient {
  const node = nodeMessage(settings.bootstrap.node);
  if (settings.protocol === "delta") {
    const method = {
      path: `${service}DeltaAggregatedResources`,
      request: codecOf("DeltaDiscoveryRequest"),
      response: codecOf("DeltaDiscoveryResponse"),
    };
    const messages = ["DeltaDiscoveryRequest", "DeltaDiscoveryResponse", ...resourceMessages] as const;
    return new AdsClient(settings, node, { method, protocol: new DeltaProtocol(), messages }, context);
  }
  const method = {
    path: `${service}StreamAggregatedResources`,
    request: codecOf("DiscoveryRequest"),
    response: codecOf("DiscoveryResponse"),
  };
  const messages = ["DiscoveryRequest", "DiscoveryResponse", "Resource", ...resourceMessages] as const;
  return new AdsClient(settings, node, { method, protocol: new SotwProtocol(), messages }, context);
}
