import type { DiscoverySource } from "@proxyless/core";
import { xds } from "@proxyless/discovery-xds";

import { ControlPlane } from "../../xds/control-plane.ts";
import { promisedTo } from "../recovery-bounds.ts";
import type { RegistryUnderTest } from "../under-test.ts";

/** Half a minute between two probes is more than a suite can wait for. */
export const impatience = { keepaliveMs: 1000, keepaliveTimeoutMs: 1000, connectTimeoutMs: 2000 } as const;

/** What an HTTP/1.1 server would say to an HTTP/2 connection. */
export const notGrpc: Buffer = Buffer.from("HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n");

/** A source that asks the control plane at an address. */
export function xdsSource(
  host: string,
  port: number,
  isImpatient: boolean,
  protocol: "sotw" | "delta" = "sotw",
): DiscoverySource {
  return xds({
    bootstrap: {
      xds_servers: [{ server_uri: `${host}:${port}`, channel_creds: [{ type: "insecure" }] }],
      node: { id: "registry-under-test" },
    },
    protocol,
    ...(isImpatient ? impatience : {}),
  });
}

/**
 * A control plane that serves clusters and endpoints over ADS, as a process of its own. It is the strict one of the
 * tests: whatever the source does against the protocol fails the suite that stops it.
 */
export async function startXdsRegistry(): Promise<RegistryUnderTest> {
  const server = await ControlPlane.start();
  return {
    name: "xds",
    ...promisedTo("xds", {}, impatience),
    host: "127.0.0.1",
    port: server.port,
    source: (host, port, isImpatient = false) => xdsSource(host, port, isImpatient),
    put: (service, endpoints) => server.put(service, endpoints),
    swap: (service, gone, added) => server.swap(service, gone, added),
    kill: () => server.kill(),
    restart: () => server.restart(),
    restartEmpty: () => server.restartEmpty(),
    pause: () => server.pause(),
    resume: () => {
      server.resume();
    },
    // There are no credentials but certificates, and `packages/discovery-xds/test/tls.test.ts` replaces those.
    garbage: notGrpc,
    stop: async () => {
      const violations = server.isRunning ? await server.violations() : [];
      await server.stop();
      if (violations.length > 0) throw new Error(`the source broke the protocol: ${violations.join("; ")}`);
    },
  };
}
