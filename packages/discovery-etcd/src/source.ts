import { hash } from "node:crypto";

import type { DiscoverySource } from "@proxyless/core";

import { EtcdGateway } from "./gateway.ts";
import { resolveOptions } from "./options.ts";
import type { EtcdOptions } from "./options.ts";
import { ServiceWatch } from "./service-watch.ts";

const debounceMs = 2;

/**
 * Finds services in etcd: the entries below a service's prefix are listed, then followed from the next revision on, in
 * whichever format they are written.
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG` for an option out of its range
 */
export function etcd(options: EtcdOptions): DiscoverySource {
  const settings = resolveOptions(options);
  const { connection, codec, prefix, weightBase, maxBodyBytes, emptyHoldMs } = settings;
  const gateway = new EtcdGateway(connection, maxBodyBytes);
  // All that changes an answer; the password only by who it belongs to, because keys are shown.
  const scope = hash(
    "sha256",
    JSON.stringify([
      connection.urls.map((url) => url.href),
      connection.credentials?.username,
      codec.name,
      prefix,
      weightBase,
    ]),
  ).slice(0, 16);
  let watches = 0;
  return {
    name: "etcd",
    emptyHoldMs,
    // The adapter's own pace collects what comes in a storm; a single change need not wait for more.
    debounceMs,
    key: ({ service }) => `etcd:${scope}:${service}`,
    watch: ({ service }, sink, context) => {
      const watch = new ServiceWatch(settings, gateway, service, sink, context).start();
      watches++;
      const done = watch.done.finally(() => {
        // The last one closes the idle connections too, so that nothing of an unused source stays open.
        if (--watches === 0) gateway.close();
      });
      return { ...watch, done };
    },
    close: async () => {
      gateway.close();
    },
  };
}
