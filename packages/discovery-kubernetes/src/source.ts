import { hash } from "node:crypto";

import type { DiscoverySource } from "@proxyless/core";
import { tokenOwner } from "@proxyless/core/discovery";

import { ApiClient } from "./api-client.ts";
import { FeedPool } from "./feed-pool.ts";
import { resolveOptions } from "./options.ts";
import type { KubernetesOptions } from "./options.ts";
import { readServiceName } from "./service-name.ts";
import { NoServiceWatch, ServiceWatch } from "./service-watch.ts";
import { SliceApi } from "./slice-api.ts";

/**
 * Finds services in Kubernetes: lists and watches their EndpointSlices. Services are called by the names that they have
 * in the cluster: `orders`, `orders.shop`, `orders.shop.svc.cluster.local`.
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG` for an option out of its range, a kubeconfig that cannot be used, and
 * where there is neither a pod's own access nor a kubeconfig
 */
export function kubernetes(options: KubernetesOptions = {}): DiscoverySource {
  const settings = resolveOptions(options, process.env);
  const { cluster } = settings;
  const client = new ApiClient(settings);
  const pool = new FeedPool(new SliceApi(client, settings), settings);
  // All that changes an answer; nothing of a token or a private key, because keys are shown.
  const scope = hash(
    "sha256",
    JSON.stringify([
      cluster.urls.map((url) => url.href),
      tokenOwner(cluster.token),
      { ...cluster.tls, key: undefined },
      typeof settings.port === "object" ? [...settings.port] : settings.port,
      settings.family,
      settings.managedBy,
      settings.zone,
      settings.nodeName,
      settings.hints,
    ]),
  ).slice(0, 16);
  let watches = 0;
  return {
    name: "kubernetes",
    emptyHoldMs: settings.emptyHoldMs,
    // The addresses of pods are soon given to others.
    cacheMaxAgeMs: 300_000,
    key: ({ service }) => {
      const name = readServiceName(service, cluster.namespace);
      const spelled = name === undefined ? `"${service}"` : `${name.name}.${name.namespace}`;
      return `kubernetes:${scope}:${spelled}`;
    },
    watch: ({ service }, sink, context) => {
      const name = readServiceName(service, cluster.namespace);
      const watch =
        name === undefined
          ? new NoServiceWatch(service, sink, context)
          : new ServiceWatch(name, pool, settings, sink, context);
      watches++;
      const done = watch.done.finally(() => {
        // The last one closes the idle connections too, so that nothing of an unused source stays open.
        if (--watches === 0) client.close();
      });
      return {
        refresh: () => {
          if (watch instanceof ServiceWatch) watch.refresh();
        },
        done,
      };
    },
    close: async () => {
      client.close();
    },
  };
}
