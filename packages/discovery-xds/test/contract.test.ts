import { sourceContract } from "@proxyless/core/testing";
import { xds } from "@proxyless/discovery-xds";
import { describe, expect, it } from "vitest";

import { ManagementServer } from "./support/management-server.ts";
import { assignmentOf } from "./support/served-state.ts";

describe.each(["sotw", "delta"] as const)("the contract of a source, %s", { timeout: 30_000 }, (protocol) => {
  const cases = sourceContract(async () => {
    let server = await ManagementServer.start();
    const { port } = server;
    const malformed = {
      endpoint: { address: { socket_address: { address: "not a host/at all", port_value: 80 } } },
    };
    let isMalformed = false;
    const known = new Map<string, readonly { id: string; host: string; port: number }[]>();
    const write = (service: string): void => {
      const assignment = assignmentOf(service, known.get(service) ?? []);
      if (isMalformed) assignment.endpoints[0]?.lb_endpoints.push(malformed);
      if (!server.state.names("Cluster").includes(service))
        server.put("Cluster", service, { name: service, type: "EDS" });
      server.put("ClusterLoadAssignment", service, assignment);
    };
    return {
      source: xds({
        protocol,
        doesNotExistMs: 500,
        bootstrap: {
          xds_servers: [{ server_uri: server.address, channel_creds: [{ type: "insecure" }] }],
          node: { id: "contract" },
        },
      }),
      put: (service, endpoints) => {
        known.set(service, endpoints);
        write(service);
      },
      remove: (service, id) => {
        known.set(service, known.get(service)?.filter((endpoint) => endpoint.id !== id) ?? []);
        write(service);
      },
      putMalformed: (service) => {
        isMalformed = true;
        write(service);
      },
      breakConnection: () => {
        server.stop();
      },
      restore: async () => {
        const { violations } = server;
        server = await ManagementServer.start({ port });
        server.violations.push(...violations);
        for (const service of known.keys()) write(service);
      },
      close: () => {
        server.stop();
        if (server.violations.length > 0) throw new Error(server.violations.join("; "));
      },
    };
  });
  it.each(cases)("$name", async ({ run }) => {
    await expect(run()).resolves.toBeUndefined();
  });
});
