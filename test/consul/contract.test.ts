import { sourceContract } from "@proxyless/core/testing";
import { consul, consulKv } from "@proxyless/discovery-consul";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { startConsul } from "../../scripts/servers/index.ts";
import type { ConsulAgent } from "../../scripts/servers/index.ts";

let agent: ConsulAgent;

beforeAll(async () => {
  // What it remembers must outlive an outage, as a registry's does.
  agent = await startConsul({ state: "disk" });
}, 120_000);

afterAll(() => agent.stop());

describe("the contract of a source, with a real agent", { timeout: 30_000 }, () => {
  const cases = sourceContract(
    async () => {
      const known = new Set<string>();
      const source = consul({ url: agent.url });
      const remove = async (id: string): Promise<void> => {
        known.delete(id);
        await agent.call("PUT", `/v1/agent/service/deregister/${id}`);
      };
      return {
        source,
        put: async (service, endpoints) => {
          for (const id of known) {
            // eslint-disable-next-line no-await-in-loop -- a handful
            if (!endpoints.some((endpoint) => endpoint.id === id)) await remove(id);
          }
          for (const { id, host, port } of endpoints) {
            known.add(id);
            // eslint-disable-next-line no-await-in-loop -- a handful
            await agent.call("PUT", "/v1/agent/service/register", {
              ID: id,
              Name: service,
              Address: host,
              Port: port,
            });
          }
        },
        remove: (_, id) => remove(id),
        putMalformed: async (service) => {
          known.add("malformed");
          await agent.call("PUT", "/v1/agent/service/register", {
            ID: "malformed",
            Name: service,
            Address: "not a host/at all",
          });
        },
        breakConnection: () => agent.kill(),
        restore: async () => {
          await agent.restart();
        },
        close: async () => {
          if (!agent.isRunning) await agent.restart();
          await Promise.all([...known].map(remove));
        },
      };
    },
    { timeoutMs: 15_000 },
  );
  it.each(cases)(
    "$name",
    async ({ run }) => {
      await expect(run()).resolves.toBeUndefined();
    },
    60_000,
  );
});

describe("the contract of a source, with a real key-value store", { timeout: 30_000 }, () => {
  const folder = (service: string): string => `/v1/kv/upstreams/${service}/`;
  const cases = sourceContract(
    async () => ({
      source: consulKv({ url: agent.url, prefix: "upstreams/{service}/" }),
      put: async (service, endpoints) => {
        const keys = await agent.request("GET", `${folder(service)}?keys`);
        const known = Array.isArray(keys.body) ? keys.body.map((key) => String(key).split("/").at(-1)) : [];
        for (const { id, host, port } of endpoints) {
          // eslint-disable-next-line no-await-in-loop -- a handful
          await agent.call("PUT", `${folder(service)}${id}`, { host, port, id });
        }
        for (const id of known.filter((each) => !endpoints.some((endpoint) => endpoint.id === each))) {
          // eslint-disable-next-line no-await-in-loop -- a handful
          await agent.call("DELETE", `${folder(service)}${id}`);
        }
      },
      remove: async (service, id) => {
        await agent.call("DELETE", `${folder(service)}${id}`);
      },
      putMalformed: async (service) => {
        await agent.call("PUT", `${folder(service)}malformed`, "{");
      },
      breakConnection: () => agent.kill(),
      restore: async () => {
        await agent.restart();
      },
      close: async () => {
        if (!agent.isRunning) await agent.restart();
        await agent.call("DELETE", "/v1/kv/?recurse");
      },
    }),
    { timeoutMs: 15_000 },
  );
  it.each(cases)(
    "$name",
    async ({ run }) => {
      await expect(run()).resolves.toBeUndefined();
    },
    60_000,
  );
});
