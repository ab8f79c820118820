import type { DiscoverySource, Endpoint, Snapshot } from "@proxyless/core";
import { sourceContract } from "@proxyless/core/testing";
import type { SourceHarness } from "@proxyless/core/testing";
import { dns } from "@proxyless/discovery-dns";
import type { DnsOptions } from "@proxyless/discovery-dns";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { startConsul, startPowerDns } from "../../scripts/servers/index.ts";
import type { ConsulAgent, PowerDns } from "../../scripts/servers/index.ts";

const timings = { minRefreshMs: 100, maxRefreshMs: 100, timeoutMs: 200, emptyHoldMs: 0 };
let server: PowerDns;

function source(options: DnsOptions): DiscoverySource {
  return dns({ servers: server.address, ...timings, ...options });
}

/** What both kinds of records have in common: what is listed is written anew as a whole. */
function harness(
  made: DiscoverySource,
  write: (service: string, endpoints: readonly Endpoint[], isMalformed: boolean) => Promise<void>,
): SourceHarness {
  let known: readonly Endpoint[] = [];
  let isPaused = false;
  const restore = async (): Promise<void> => {
    if (isPaused) server.resume();
    if (!server.isRunning) await server.restart();
    isPaused = false;
  };
  return {
    source: made,
    put: (service, endpoints) => {
      known = endpoints;
      return write(service, known, false);
    },
    remove: (service, id) => {
      known = known.filter((each) => each.id !== id);
      return write(service, known, false);
    },
    putMalformed: (service) => write(service, known, true),
    putOnlyMalformed: (service) => write(service, [], true),
    breakConnection: () => server.kill(),
    silence: async () => {
      await server.pause();
      isPaused = true;
    },
    restore,
    close: async () => {
      await restore();
      await write("contract", [], false);
    },
  };
}

function hostName(host: string): string {
  return `host-${host.replaceAll(".", "-")}`;
}

async function writeSrv(
  service: string,
  endpoints: readonly Endpoint[],
  isMalformed: boolean,
): Promise<void> {
  for (const { host } of endpoints) await server.put(hostName(host), "A", [host]);
  const contents = endpoints.map(({ host, port }) => `0 1 ${port} ${hostName(host)}.${server.zone}.`);
  if (isMalformed) contents.push(`0 1 0 nowhere.${server.zone}.`);
  await server.put(`_http._tcp.${service}`, "SRV", contents);
}

/** The suite's endpoints have ports of their own, which address records cannot say: here the port follows from the address. */
function withPorts(inner: DiscoverySource): DiscoverySource {
  const portOf = (endpoint: Endpoint): Endpoint => ({
    ...endpoint,
    port: 18_080 + Number(endpoint.host.split(".").at(-1)),
  });
  return {
    ...inner,
    watch: (target, sink, context) =>
      inner.watch(
        target,
        {
          snapshot: (snapshot: Snapshot) => {
            sink.snapshot({ ...snapshot, endpoints: snapshot.endpoints.map(portOf) });
          },
          alive: (ageMs) => {
            sink.alive(ageMs);
          },
          error: (error) => {
            sink.error(error);
          },
        },
        context,
      ),
  };
}

describe("the contract of a source, with a real server", { timeout: 60_000 }, () => {
  beforeAll(async () => {
    server = await startPowerDns();
  }, 120_000);

  afterAll(() => server.stop());

  // Nobody is woken, it asks; and an answer has no room for ten thousand.
  const quiet = { timeoutMs: 15_000, quietMs: 250 };
  const srv = sourceContract(
    () => harness(source({ name: `_http._tcp.{service}.${server.zone}` }), writeSrv),
    { ...quiet, with: ["putOnlyMalformed", "silence"] },
  );
  it.each(srv)("SRV: $name", async ({ run }) => {
    await expect(run()).resolves.toBeUndefined();
  });

  const addresses = sourceContract(
    () =>
      harness(withPorts(source({ name: `{service}.${server.zone}`, port: 80 })), (service, endpoints) =>
        server.put(
          service,
          "A",
          endpoints.map(({ host }) => host),
        ),
      ),
    // The server itself refuses records that hold no address.
    { ...quiet, without: ["putMalformed"], with: ["silence"] },
  );
  it.each(addresses)("A: $name", async ({ run }) => {
    await expect(run()).resolves.toBeUndefined();
  });
});

describe("the contract of a source, with the DNS of a real Consul", { timeout: 60_000 }, () => {
  let agent: ConsulAgent;

  beforeAll(async () => {
    agent = await startConsul({ state: "disk" });
  }, 120_000);

  afterAll(() => agent.stop());

  const cases = sourceContract(
    () => {
      const known = new Set<string>();
      let isPaused = false;
      const restore = async (): Promise<void> => {
        if (isPaused) agent.resume();
        if (!agent.isRunning) await agent.restart();
        isPaused = false;
      };
      const remove = async (id: string): Promise<void> => {
        known.delete(id);
        await agent.call("PUT", `/v1/agent/service/deregister/${id}`);
      };
      return {
        source: dns({
          servers: `${agent.host}:${agent.ports.dns}`,
          ...timings,
          name: "{service}.service.consul",
        }),
        put: async (service, endpoints) => {
          for (const id of known) if (!endpoints.some((endpoint) => endpoint.id === id)) await remove(id);
          for (const { id, host, port } of endpoints) {
            known.add(id);
            const body = { ID: id, Name: service, Address: host, Port: port };
            await agent.call("PUT", "/v1/agent/service/register", body);
          }
        },
        remove: (_, id) => remove(id),
        breakConnection: () => agent.kill(),
        silence: async () => {
          await agent.pause();
          isPaused = true;
        },
        restore,
        close: async () => {
          await restore();
          await Promise.all([...known].map(remove));
        },
      };
    },
    // Its answers are made of what its catalog takes, which is never nonsense.
    { timeoutMs: 15_000, quietMs: 250, without: ["putMalformed"], with: ["silence"] },
  );
  it.each(cases)("$name", async ({ run }) => {
    await expect(run()).resolves.toBeUndefined();
  });
});
