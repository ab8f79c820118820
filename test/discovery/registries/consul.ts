import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { consul } from "@proxyless/discovery-consul";

import { startConsul } from "../../../scripts/servers/index.ts";
import type { ConsulAgent } from "../../../scripts/servers/index.ts";
import type { StartRegistry, WrittenEndpoint } from "../under-test.ts";

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
  const writer = new Writer(agent);
  return {
    name: "consul",
    // The longest back-off, and the question after it.
    recoveryMs: 31_000,
    host: agent.host,
    port: agent.ports.http,
    // A half-open long poll is noticed after 17/16 of the wait plus 10 s.
    source: (host, port) =>
      consul({ url: `http://${host}:${port}`, tokenFile, waitMs: 2000, requestTimeoutMs: 2000 }),
    put: (service, endpoints) => writer.put(service, endpoints),
    swap: async (service, gone, { id, host, port }) => {
      const body = { ID: id, Name: service, Address: host, Port: port };
      await agent.call("PUT", "/v1/agent/service/register", body);
      await agent.call("PUT", `/v1/agent/service/deregister/${encodeURIComponent(gone.id)}`);
    },
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

/** Writes lists of instances, and of each list only what is new in it: as instances come and go, one by one. */
class Writer {
  readonly #agent: ConsulAgent;
  /** The address of each instance that was written, by service and id. */
  readonly #written = new Map<string, Map<string, string>>();

  constructor(agent: ConsulAgent) {
    this.#agent = agent;
  }

  async put(service: string, endpoints: readonly WrittenEndpoint[]): Promise<void> {
    const before = this.#written.get(service) ?? new Map<string, string>();
    const after = new Map(endpoints.map(({ id, host, port }) => [id, `${host}:${port}`]));
    // Until it has succeeded nobody knows what is there.
    this.#written.set(service, new Map([...before.keys(), ...after.keys()].map((id) => [id, ""])));
    const fresh = endpoints.filter(({ id }) => before.get(id) !== after.get(id));
    const gone = [...before.keys()].filter((id) => !after.has(id));
    const deregister = "/v1/agent/service/deregister";
    // An agent closes more than 200 connections of one client.
    for (let from = 0; from < fresh.length; from += 100) {
      const some = fresh.slice(from, from + 100);
      // eslint-disable-next-line no-await-in-loop -- so many at a time
      await Promise.all(
        some.map(({ id, host, port }) =>
          this.#agent.call("PUT", "/v1/agent/service/register", {
            ID: id,
            Name: service,
            Address: host,
            Port: port,
          }),
        ),
      );
    }
    // One that is gone already may be a 404.
    await Promise.all(
      gone.map((id) => this.#agent.request("PUT", `${deregister}/${encodeURIComponent(id)}`)),
    );
    this.#written.set(service, after);
  }

  /** The agent has lost everything. */
  forget(): void {
    this.#written.clear();
  }
}
