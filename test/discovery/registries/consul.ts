import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { DiscoverySource } from "@proxyless/core";
import { consul, consulKv, consulQuery } from "@proxyless/discovery-consul";

import { startConsul } from "../../../scripts/servers/index.ts";
import type { ConsulAgent } from "../../../scripts/servers/index.ts";
import { promisedTo } from "../recovery-bounds.ts";
import type { RegistryUnderTest } from "../under-test.ts";
import { ConsulKvWriter } from "./consul-kv-writer.ts";
import { ConsulWriter } from "./consul-writer.ts";

/** Half a minute for each long poll is more than a suite can wait for. */
const quickRequests = { requestTimeoutMs: 2000 } as const;
export const impatience = { waitMs: 2000, ...quickRequests } as const;
const readServices = 'service_prefix "" { policy = "read" } node_prefix "" { policy = "read" }';

/** A way to have services in Consul, and to find them there. */
interface ConsulManner {
  readonly name: string;
  /** What its readers may do. */
  readonly rules: string;
  readonly source: (access: { url: string; tokenFile: string }, isImpatient: boolean) => DiscoverySource;
  readonly writer: (agent: () => ConsulAgent) => Pick<ConsulWriter, "put" | "swap" | "forget">;
  /** Makes what must be there besides the instances. */
  readonly prepare?: (agent: ConsulAgent) => Promise<unknown>;
}

const catalog: ConsulManner = {
  name: "consul",
  rules: readServices,
  source: (access, isImpatient) => consul({ ...access, ...(isImpatient ? impatience : {}) }),
  writer: (agent) => new ConsulWriter(agent),
};

const keysAndValues: ConsulManner = {
  name: "consul-kv",
  rules: 'key_prefix "" { policy = "read" }',
  source: (access, isImpatient) =>
    consulKv({ ...access, prefix: "upstreams/{service}/", ...(isImpatient ? impatience : {}) }),
  writer: (agent) => new ConsulKvWriter(agent),
};

const preparedQueries: ConsulManner = {
  ...catalog,
  name: "consul-query",
  source: (access, isImpatient) =>
    consulQuery({ ...access, ...(isImpatient ? { ...quickRequests, intervalMs: 500 } : {}) }),
  // One for whatever name is asked for.
  prepare: (agent) =>
    agent.call("POST", "/v1/query", {
      Name: "",
      Template: { Type: "name_prefix_match" },
      Service: { Service: "${name.full}" },
    }),
};

/** The catalog of a Consul agent, for which services are registered. */
export const startConsulRegistry = (): Promise<RegistryUnderTest> => startConsulUnderTest(catalog);
/** Its key-value store, with a key for each instance. */
export const startConsulKvRegistry = (): Promise<RegistryUnderTest> => startConsulUnderTest(keysAndValues);
/** The catalog by way of a prepared query. */
export const startConsulQueryRegistry = (): Promise<RegistryUnderTest> =>
  startConsulUnderTest(preparedQueries);

/** A Consul agent that remembers and has access rules; sources read their token from a file. */
async function startConsulUnderTest({
  name,
  prepare,
  rules,
  source,
  writer: writerFor,
}: ConsulManner): Promise<RegistryUnderTest> {
  const agent = await startConsul({ state: "disk", acl: true });
  const folder = await mkdtemp(join(tmpdir(), "proxyless-consul-token-"));
  const tokenFile = join(folder, "token");
  let generation = 0;
  let token = "";
  const renewToken = async (): Promise<void> => {
    token = await agent.createToken(`reader-${generation++}`, rules);
    await writeFile(tokenFile, token);
  };
  await renewToken();
  await prepare?.(agent);
  const writer = writerFor(() => agent);
  return {
    name,
    ...promisedTo("consul", {}, impatience),
    host: agent.host,
    port: agent.ports.http,
    source: (host, port, isImpatient = false) =>
      source({ url: `http://${host}:${port}`, tokenFile }, isImpatient),
    put: (service, endpoints) => writer.put(service, endpoints),
    swap: (service, gone, added) => writer.swap(service, gone, added),
    kill: () => agent.kill(),
    restart: async () => {
      await agent.restart();
    },
    restartEmpty: async () => {
      await agent.restartEmpty();
      writer.forget();
      await renewToken();
      await prepare?.(agent);
    },
    pause: () => agent.pause(),
    resume: () => {
      agent.resume();
    },
    expireAuth: async () => {
      const old = await agent.call("GET", "/v1/acl/token/self", undefined, token);
      const accessor = typeof old === "object" && old !== null && "AccessorID" in old ? old.AccessorID : "";
      await renewToken();
      await agent.call("DELETE", `/v1/acl/token/${String(accessor)}`);
    },
    stop: async () => {
      await agent.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
