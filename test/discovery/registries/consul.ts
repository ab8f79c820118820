import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { consul } from "@proxyless/discovery-consul";

import { startConsul } from "../../../scripts/servers/index.ts";
import { promisedTo } from "../recovery-bounds.ts";
import type { StartRegistry } from "../under-test.ts";
import { ConsulWriter } from "./consul-writer.ts";

/** Half a minute for each long poll is more than a suite can wait for. */
export const impatience = { waitMs: 2000, requestTimeoutMs: 2000 } as const;
const readOnly = 'service_prefix "" { policy = "read" } node_prefix "" { policy = "read" }';

/** A Consul agent that remembers and has access rules; sources read their token from a file. */
export const startConsulRegistry: StartRegistry = async () => {
  const agent = await startConsul({ state: "disk", acl: true });
  const folder = await mkdtemp(join(tmpdir(), "proxyless-consul-token-"));
  const tokenFile = join(folder, "token");
  let generation = 0;
  let token = "";
  const renewToken = async (): Promise<void> => {
    token = await agent.createToken(`reader-${generation++}`, readOnly);
    await writeFile(tokenFile, token);
  };
  await renewToken();
  const writer = new ConsulWriter(() => agent);
  return {
    name: "consul",
    ...promisedTo("consul", {}, impatience),
    host: agent.host,
    port: agent.ports.http,
    source: (host, port, isImpatient = false) =>
      consul({ url: `http://${host}:${port}`, tokenFile, ...(isImpatient ? impatience : {}) }),
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
};
