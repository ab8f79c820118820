import { sourceContract } from "@proxyless/core/testing";
import { xds } from "@proxyless/discovery-xds";
import { describe, expect, it } from "vitest";

import { FaultProxy } from "../../../test/discovery/fault-proxy.ts";
import { ManagementServer } from "./support/management-server.ts";
import { assignmentOf } from "./support/served-state.ts";

describe.each(["sotw", "delta"] as const)("the contract of a source, %s", { timeout: 30_000 }, (protocol) => {
  const cases = sourceContract(
    async () => {
      let server = await ManagementServer.start();
      const { port } = server;
      const proxy = await FaultProxy.start("127.0.0.1", port);
      const malformed = {
        endpoint: { address: { socket_address: { address: "not a host/at all", port_value: 80 } } },
      };
      let isStopped = false;
      let isMalformed = false;
      let touched = 0;
      const known = new Map<string, readonly { id: string; host: string; port: number }[]>();
      const write = (service: string): void => {
        const assignment = assignmentOf(service, known.get(service) ?? []);
        if (isMalformed) assignment.endpoints[0]?.lb_endpoints.push(malformed);
        if (touched > 0)
          Object.assign(assignment, { policy: { overprovisioning_factor: { value: 100 + touched } } });
        if (!server.state.names("Cluster").includes(service))
          server.put("Cluster", service, { name: service, type: "EDS" });
        server.put("ClusterLoadAssignment", service, assignment);
      };
      return {
        source: xds({
          protocol,
          doesNotExistMs: 500,
          // The end of a stream is no trouble yet; that there is no other one is.
          connectTimeoutMs: 2000,
          keepaliveMs: 1000,
          keepaliveTimeoutMs: 500,
          bootstrap: {
            xds_servers: [{ server_uri: `127.0.0.1:${proxy.port}`, channel_creds: [{ type: "insecure" }] }],
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
        putOnlyMalformed: (service) => {
          isMalformed = true;
          known.set(service, []);
          write(service);
        },
        // A change of something that an endpoint has nothing of.
        touch: (service) => {
          touched++;
          write(service);
        },
        breakConnection: () => {
          server.stop();
          isStopped = true;
        },
        silence: () => {
          proxy.set("silence");
        },
        restore: async () => {
          proxy.set("pass");
          if (!isStopped) return;
          isStopped = false;
          const { violations } = server;
          server = await ManagementServer.start({ port });
          server.violations.push(...violations);
          for (const service of known.keys()) write(service);
        },
        close: async () => {
          server.stop();
          await proxy.stop();
          if (server.violations.length > 0) throw new Error(server.violations.join("; "));
        },
      };
    },
    { with: ["putOnlyMalformed", "touch", "silence", "many"] },
  );
  it.each(cases)("$name", async ({ run }) => {
    await expect(run()).resolves.toBeUndefined();
  });
});
