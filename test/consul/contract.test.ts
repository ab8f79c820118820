import type { Endpoint } from "@proxyless/core";
import { sourceContract } from "@proxyless/core/testing";
import type { SourceHarness } from "@proxyless/core/testing";
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

/** A watch that died unnoticed is given up ten seconds after it should have been answered. */
const timings = { waitMs: 1000, requestTimeoutMs: 1000 };
const able = { timeoutMs: 20_000, with: ["putOnlyMalformed", "touch", "silence", "many"] } as const;
/** As much as one transaction takes. */
const some = 64;
/** More than this is written in transactions. */
const few = 10;

/** What happens to the agent is the same for whatever is asked of it. */
function faults(): Required<Pick<SourceHarness, "breakConnection" | "silence" | "restore">> {
  let isPaused = false;
  return {
    breakConnection: () => agent.kill(),
    silence: async () => {
      await agent.pause();
      isPaused = true;
    },
    restore: async () => {
      if (isPaused) agent.resume();
      if (!agent.isRunning) await agent.restart();
      isPaused = false;
    },
  };
}

async function transact(operations: readonly object[]): Promise<void> {
  for (let from = 0; from < operations.length; from += some) {
    await agent.call("PUT", "/v1/txn", operations.slice(from, from + some));
  }
}

describe("the contract of a source, with a real agent", { timeout: 30_000 }, () => {
  const malformed = { Address: "not a host/at all" };
  /** Another node than the agent's, which would remove what it does not know of its own. */
  const elsewhere = "elsewhere";
  const putMany = (service: string, endpoints: readonly Endpoint[]): Promise<void> =>
    transact([
      { Node: { Verb: "set", Node: { Node: elsewhere, Address: "127.0.0.1" } } },
      ...endpoints.map(({ id, host, port }) => ({
        Service: {
          Verb: "set",
          Node: elsewhere,
          Service: { ID: id, Service: service, Address: host, Port: port },
        },
      })),
    ]);
  const cases = sourceContract(() => {
    const known = new Map<string, object>();
    const register = async (service: string, id: string, instance: object): Promise<void> => {
      known.set(id, instance);
      await agent.call("PUT", "/v1/agent/service/register", { ID: id, Name: service, ...instance });
    };
    const remove = async (id: string): Promise<void> => {
      known.delete(id);
      await agent.call("PUT", `/v1/agent/service/deregister/${id}`);
    };
    const fault = faults();
    return {
      source: consul({ url: agent.url, ...timings }),
      put: async (service, endpoints) => {
        for (const id of known.keys()) {
          if (!endpoints.some((endpoint) => endpoint.id === id)) await remove(id);
        }
        if (endpoints.length > few) return putMany(service, endpoints);
        for (const { id, host, port } of endpoints)
          await register(service, id, { Address: host, Port: port });
      },
      remove: (_, id) => remove(id),
      putMalformed: (service) => register(service, "malformed", malformed),
      putOnlyMalformed: async (service) => {
        for (const id of known.keys()) await register(service, id, malformed);
      },
      // A change of something that an endpoint has nothing of.
      touch: async (service) => {
        for (const [id, instance] of known) {
          await register(service, id, { ...instance, EnableTagOverride: true });
        }
      },
      ...fault,
      close: async () => {
        await fault.restore();
        await Promise.all([...known.keys()].map(remove));
        await agent.call("PUT", "/v1/catalog/deregister", { Node: elsewhere });
      },
    };
  }, able);
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
  const keysOf = async (service: string): Promise<readonly string[]> => {
    const { body } = await agent.request("GET", `${folder(service)}?keys`);
    return Array.isArray(body) ? body.map((key) => String(key).split("/").at(-1) ?? "") : [];
  };
  const cases = sourceContract(() => {
    const fault = faults();
    return {
      source: consulKv({ url: agent.url, prefix: "upstreams/{service}/", ...timings }),
      put: async (service, endpoints) => {
        const known = await keysOf(service);
        const written = endpoints.map(({ id, host, port }) => ({
          KV: {
            Verb: "set",
            Key: `upstreams/${service}/${id}`,
            Value: Buffer.from(JSON.stringify({ host, port, id })).toString("base64"),
          },
        }));
        await transact(written);
        for (const id of known.filter((each) => !endpoints.some((endpoint) => endpoint.id === each))) {
          await agent.call("DELETE", `${folder(service)}${id}`);
        }
      },
      remove: async (service, id) => {
        await agent.call("DELETE", `${folder(service)}${id}`);
      },
      putMalformed: async (service) => {
        await agent.call("PUT", `${folder(service)}malformed`, "{");
      },
      putOnlyMalformed: async (service) => {
        for (const id of await keysOf(service)) await agent.call("PUT", `${folder(service)}${id}`, "{");
      },
      // The same value again is no write at all; with other flags it is one.
      touch: async (service) => {
        for (const id of await keysOf(service)) {
          const path = `${folder(service)}${id}`;
          const { body } = await agent.request("GET", `${path}?raw`);
          await agent.call("PUT", `${path}?flags=7`, body);
        }
      },
      ...fault,
      close: async () => {
        await fault.restore();
        await agent.call("DELETE", "/v1/kv/?recurse");
      },
    };
  }, able);
  it.each(cases)(
    "$name",
    async ({ run }) => {
      await expect(run()).resolves.toBeUndefined();
    },
    60_000,
  );
});
