import { sourceContract } from "@proxyless/core/testing";
import type { SourceCase } from "@proxyless/core/testing";
import { kubernetes } from "@proxyless/discovery-kubernetes";

import type { Cluster } from "./cluster.ts";
import { sliceJson } from "./slices.ts";

/** The contract of a source, on any API server. Every endpoint is written as a pod of a slice of its own. */
export function contractCases(cluster: () => Cluster, canFail = true): readonly SourceCase[] {
  let made = 0;
  return sourceContract(
    async () => {
      const { writer, options, faults, namespace: prepare } = cluster();
      const namespace = await prepare(`contract-${++made}`);
      const known = new Map<string, string>();
      let isKilled = false;
      const remove = async (id: string): Promise<void> => {
        const name = known.get(id);
        known.delete(id);
        if (name !== undefined) await writer.remove(name, namespace);
      };
      return {
        source: kubernetes(options({ namespace, port: "http" })),
        put: async (service, endpoints) => {
          for (const id of known.keys()) {
            if (!endpoints.some((endpoint) => endpoint.id === id)) await remove(id);
          }
          for (const { id, host, port } of endpoints) {
            const name = `${service}-${id}`;
            known.set(id, name);
            const ports = [{ name: "http", port, protocol: "TCP" }];
            await writer.put(sliceJson({ name, service, ports, pods: [{ name: id, ip: host }] }), namespace);
          }
        },
        remove: (_, id) => remove(id),
        putMalformed: async (service) => {
          known.set("malformed", `${service}-malformed`);
          const slice = sliceJson({
            name: `${service}-malformed`,
            service,
            addressType: "FQDN",
            ports: [{ name: "http", port: 80, protocol: "TCP" }],
            pods: [{ name: "malformed", ip: "a.name.example" }],
          });
          await writer.put(slice, namespace);
        },
        breakConnection: async () => {
          isKilled = true;
          await faults?.kill();
        },
        restore: async () => {
          isKilled = false;
          await faults?.restart();
        },
        close: async () => {
          if (isKilled) await faults?.restart();
          for (const id of known.keys()) await remove(id);
        },
      };
    },
    { timeoutMs: 20_000, without: canFail ? [] : ["breakConnection"] },
  );
}
