import { sourceContract } from "@proxyless/core/testing";
import { zookeeper } from "@proxyless/discovery-zookeeper";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { startZookeeper } from "../../scripts/servers/index.ts";
import type { ZookeeperServer } from "../../scripts/servers/index.ts";
import { Operator } from "./operator.ts";

let server: ZookeeperServer;
let operator: Operator;

beforeAll(async () => {
  server = await startZookeeper();
  operator = new Operator(server.address);
}, 180_000);

afterAll(async () => {
  await operator.close();
  await server.stop();
});

describe.each(["persistent", "one-shot"] as const)("the contract of a source, with %s watches", (watches) => {
  const cases = sourceContract(
    async () => {
      const path = (service: string): string => `/services/${service}`;
      const nodes: Record<string, string> = {};
      let isPaused = false;
      const restore = async (): Promise<void> => {
        if (isPaused) server.resume();
        else await server.restart();
        isPaused = false;
      };
      await operator.replace(path("contract"), {});
      return {
        source: zookeeper({ servers: server.address, watches, sessionTimeoutMs: 4000 }),
        put: async (service, endpoints) => {
          for (const name of Object.keys(nodes)) if (name !== "malformed") delete nodes[name];
          for (const { id, host, port } of endpoints) nodes[id] = JSON.stringify({ host, port });
          await operator.replace(path(service), nodes);
        },
        remove: (service, id) => {
          delete nodes[id];
          return operator.remove(`${path(service)}/${id}`);
        },
        putMalformed: async (service) => {
          nodes["malformed"] = '{"host":';
          await operator.put(`${path(service)}/malformed`, nodes["malformed"]);
        },
        putOnlyMalformed: async (service) => {
          for (const name of Object.keys(nodes)) nodes[name] = '{"host":';
          await operator.replace(path(service), nodes);
        },
        touch: async (service) => {
          const [[name, data] = ["", ""]] = Object.entries(nodes);
          await operator.put(`${path(service)}/${name}`, data);
        },
        breakConnection: () => server.kill(),
        silence: async () => {
          await server.pause();
          isPaused = true;
        },
        restore,
        close: async () => {
          if (isPaused || !server.isRunning) await restore();
        },
      };
    },
    // What one-shot watches make of an outage is tested beside the other faults.
    {
      timeoutMs: 20_000,
      with: ["putOnlyMalformed", "touch", "silence", "many"],
      ...(watches === "one-shot" ? { without: ["breakConnection"] } : {}),
    },
  );
  it.each(cases)(
    "$name",
    async ({ run }) => {
      await expect(run()).resolves.toBeUndefined();
    },
    60_000,
  );
});
