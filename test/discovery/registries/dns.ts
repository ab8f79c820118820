import { dns } from "@proxyless/discovery-dns";

import { startPowerDns } from "../../../scripts/servers/index.ts";
import type { RegistryUnderTest } from "../under-test.ts";

const ttlSeconds = 1;

/** PowerDNS with SRV records, the only ones that have ports. */
export async function startDns(): Promise<RegistryUnderTest> {
  const server = await startPowerDns();
  return {
    name: "dns",
    // The time to live; after an outage the wait between two questions (5 s) and what is left of one (2 s) come first.
    recoveryMs: 8500,
    // An answer has 65,535 bytes at most.
    mostEndpoints: 500,
    host: server.host,
    port: server.port,
    wire: "udp",
    source: (host, port) => dns({ servers: `${host}:${port}`, name: `_http._tcp.{service}.${server.zone}` }),
    put: async (service, endpoints) => {
      const hosts = [...new Set(endpoints.map(({ host }) => host))];
      for (const host of hosts) {
        // eslint-disable-next-line no-await-in-loop -- a handful, one after the other in one database
        await server.put(nameOf(host), "A", [host], ttlSeconds);
      }
      const contents = endpoints.map(({ host, port }) => `0 1 ${port} ${nameOf(host)}.${server.zone}.`);
      await server.put(`_http._tcp.${service}`, "SRV", contents, ttlSeconds);
    },
    kill: () => server.kill(),
    restart: async () => {
      await server.restart();
    },
    restartEmpty: async () => {
      await server.restartEmpty();
    },
    pause: () => server.pause(),
    resume: () => {
      server.resume();
    },
    stop: () => server.stop(),
  };
}

function nameOf(host: string): string {
  return `host-${host.replaceAll(/[.:]/g, "-")}`;
}
