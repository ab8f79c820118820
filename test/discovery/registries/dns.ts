import { dns } from "@proxyless/discovery-dns";

import { startPowerDns } from "../../../scripts/servers/index.ts";
import type { PowerDns } from "../../../scripts/servers/index.ts";
import { freePorts } from "../../../scripts/servers/ports.ts";
import { promisedTo } from "../recovery-bounds.ts";
import type { RegistryUnderTest } from "../under-test.ts";

const ttlSeconds = 1;

/** PowerDNS with SRV records, the only ones that have ports. */
export async function startDns(): Promise<RegistryUnderTest> {
  const server = await startPowerDns();
  /** Whose addresses are written. */
  const hosts = new Set<string>();
  return {
    ...underTest(server),
    source: (host, port) => dns({ servers: `${host}:${port}`, name: `_http._tcp.{service}.${server.zone}` }),
    // The records of a name are one thing: there is no taking one out.
    put: async (service, endpoints) => {
      const fresh = new Set(endpoints.map(({ host }) => host).filter((host) => !hosts.has(host)));
      const contents = endpoints.map(({ host, port }) => `0 1 ${port} ${nameOf(host)}.${server.zone}.`);
      await server.putAll(
        [
          ...[...fresh].map((host) => ({ name: nameOf(host), type: "A" as const, contents: [host] })),
          { name: `_http._tcp.${service}`, type: "SRV", contents },
        ],
        ttlSeconds,
      );
      for (const host of fresh) hosts.add(host);
    },
    restartEmpty: async () => {
      hosts.clear();
      await server.restartEmpty();
    },
  };
}

/** PowerDNS with addresses alone, all of one port. */
export async function startDnsOfAddresses(): Promise<RegistryUnderTest> {
  const server = await startPowerDns();
  const [instancePort = 0] = await freePorts(1);
  return {
    ...underTest(server),
    instancePort,
    source: (host, port) =>
      dns({
        servers: `${host}:${port}`,
        name: `{service}.${server.zone}`,
        record: "address",
        port: instancePort,
      }),
    put: (service, endpoints) =>
      server.put(
        service,
        "A",
        endpoints.map(({ host }) => host),
        ttlSeconds,
      ),
    restartEmpty: async () => {
      await server.restartEmpty();
    },
  };
}

/** What is the same whatever is written. */
function underTest(server: PowerDns): Omit<RegistryUnderTest, "source" | "put"> {
  return {
    name: "dns",
    ...promisedTo("dns"),
    // An answer has 65,535 bytes at most.
    mostEndpoints: 500,
    host: server.host,
    port: server.port,
    wire: "udp",
    kill: () => server.kill(),
    restart: async () => {
      await server.restart();
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
