import type { Endpoint } from "@proxyless/core";
import { sourceContract } from "@proxyless/core/testing";
import type { SourceCase } from "@proxyless/core/testing";
import { kubernetes } from "@proxyless/discovery-kubernetes";

import type { Cluster } from "./cluster.ts";
import { sliceJson } from "./slices.ts";
import type { SliceJson } from "./slices.ts";

/** The contract of a source, on any API server. Every endpoint is written as a pod of a slice of its own. */
export function contractCases(cluster: () => Cluster, canFail = true): readonly SourceCase[] {
  let made = 0;
  return sourceContract(
    async () => {
      const { writer, options, faults, namespace: prepare } = cluster();
      const namespace = await prepare(`contract-${++made}`);
      /** Every slice that is there, by name. */
      const known = new Map<string, SliceJson>();
      const write = async (slice: SliceJson): Promise<void> => {
        known.set(slice.metadata.name, slice);
        await writer.put(slice, namespace);
      };
      const remove = async (name: string): Promise<void> => {
        known.delete(name);
        await writer.remove(name, namespace);
      };
      let fault: "killed" | "paused" | undefined;
      const restore = async (): Promise<void> => {
        if (fault === "paused") faults?.resume();
        if (fault === "killed") await faults?.restart();
        fault = undefined;
      };
      return {
        source: kubernetes(options({ namespace, port: "http", silenceMs: 3000, requestTimeoutMs: 3000 })),
        put: async (service, endpoints) => {
          const wanted = slicesOf(service, endpoints);
          const names = new Set(wanted.map(({ metadata }) => metadata.name));
          for (const name of known.keys()) if (!names.has(name)) await remove(name);
          for (const slice of wanted) await write(slice);
        },
        remove: (service, id) => remove(`${service}-${id}`),
        putMalformed: (service) => write(malformed(`${service}-malformed`, service)),
        // An address type cannot be changed, so what is there goes afterwards.
        putOnlyMalformed: async (service) => {
          const good = [...known.keys()];
          await write(malformed(`${service}-malformed`, service));
          for (const name of good) await remove(name);
        },
        // A change of something that an endpoint has nothing of.
        touch: async () => {
          for (const slice of known.values()) {
            const annotations = { "example.com/touched": "yes" };
            await writer.put({ ...slice, metadata: { ...slice.metadata, annotations } }, namespace);
          }
        },
        breakConnection: async () => {
          fault = "killed";
          await faults?.kill();
        },
        silence: async () => {
          fault = "paused";
          await faults?.pause();
        },
        restore,
        close: async () => {
          await restore();
          for (const name of known.keys()) await remove(name);
        },
      };
    },
    {
      timeoutMs: 20_000,
      ...(canFail
        ? { with: ["putOnlyMalformed", "touch", "silence", "many"] }
        : { without: ["breakConnection"], with: ["putOnlyMalformed", "touch", "many"] }),
    },
  );
}

/** Slices by port, because a slice has one list of them, and of a thousand endpoints, which is the most. */
function slicesOf(service: string, endpoints: readonly Endpoint[]): readonly SliceJson[] {
  return [...Map.groupBy(endpoints, ({ port }) => port)].flatMap(([port, all]) =>
    Array.from({ length: Math.ceil(all.length / 1000) }, (_, i) => {
      const some = all.slice(i * 1000, (i + 1) * 1000);
      return sliceJson({
        name: `${service}-${some[0]?.id}`,
        service,
        ports: [{ name: "http", port, protocol: "TCP" }],
        pods: some.map(({ id, host }) => ({ name: id, ip: host })),
      });
    }),
  );
}

function malformed(name: string, service: string): SliceJson {
  return sliceJson({
    name,
    service,
    addressType: "FQDN",
    ports: [{ name: "http", port: 80, protocol: "TCP" }],
    pods: [{ name: "malformed", ip: "a.name.example" }],
  });
}
