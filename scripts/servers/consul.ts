import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { ConsulAgent } from "./consul-agent.ts";
import {
  aclConfig,
  consulVersion,
  namePorts,
  portsConfig,
  portsPerAgent,
  tlsConfig,
} from "./consul-config.ts";
import type { ConsulPorts } from "./consul-config.ts";
import type { PeerNetwork } from "./peer-network.ts";
import { freePorts } from "./ports.ts";
import { installServer } from "./recipes.ts";
import { ServerProcess } from "./server-process.ts";
import { retried, startedOrStopped } from "./starting.ts";
import { until } from "./until.ts";
import { guard, release } from "./watchdog.ts";

/** What kind of agent to start. */
export interface ConsulAgentOptions {
  /** `memory` (the default): a development agent, ready in a quarter of a second, empty after a restart. `disk`: it remembers. */
  readonly state?: "memory" | "disk";
  /** Deny by default; the agent's `token` may do everything. */
  readonly acl?: boolean;
  /** Serve HTTPS as well, with client certificates required there. */
  readonly tls?: boolean;
  readonly nodeName?: string;
  readonly datacenter?: string;
  /** More of Consul's own configuration, as its JSON file has it. */
  readonly config?: Readonly<Record<string, unknown>>;
}

/** Starts one Consul server agent on free ports of 127.0.0.1 and waits until it is ready; installs Consul if need be. */
export async function startConsul(options: ConsulAgentOptions = {}): Promise<ConsulAgent> {
  const disk = options.state === "disk";
  return retried(async () => {
    const ports = namePorts(await freePorts(portsPerAgent));
    const role = disk ? { server: true, bootstrap_expect: 1, performance: { raft_multiplier: 1 } } : {};
    const agent = await launch("127.0.0.1", ports, options, role);
    return startedOrStopped([agent], async () => agent.ready());
  });
}

/** A cluster of Consul servers. */
export interface ConsulCluster extends AsyncDisposable {
  readonly agents: readonly ConsulAgent[];
  /**
   * The agent that leads now, as soon as every running agent agrees and can reach it; `except` is one that no longer
   * counts.
   */
  leader(except?: ConsulAgent): Promise<ConsulAgent>;
  /** Stops every agent and removes their files. */
  stop(): Promise<void>;
}

/**
 * Starts `size` Consul servers on 127.0.0.1, 127.0.0.2… that elect a leader with the shortest timings Consul has,
 * and waits until every one of them answers.
 */
export async function startConsulCluster(
  size = 3,
  options: Pick<ConsulAgentOptions, "config"> & { readonly peers?: PeerNetwork } = {},
): Promise<ConsulCluster> {
  const { config, peers } = options;
  const hosts = Array.from({ length: size }, (_, i) => `127.0.0.${i + 1}`);
  return retried(async () => {
    const ports = namePorts(await freePorts(portsPerAgent, hosts));
    const { serfLan } = ports;
    const known = (await peers?.stand(hosts, { tcp: [ports.server, serfLan], udp: [serfLan] })) ?? hosts;
    const shared = {
      server: true,
      bootstrap_expect: size,
      performance: { raft_multiplier: 1 },
      // Otherwise a server that was killed loses its vote, and has none for ten seconds after it came back: the next
      // one that is killed in that time takes the quorum with it.
      autopilot: { cleanup_dead_servers: false, server_stabilization_time: "100ms" },
      retry_join: known.map((host) => `${host}:${serfLan}`),
      retry_interval: "1s",
    };
    const agents = await Promise.all(
      hosts.map((host, i) =>
        launch(
          host,
          ports,
          { state: "disk", nodeName: `server-${i + 1}`, ...(config === undefined ? {} : { config }) },
          { ...shared, advertise_addr: known[i] },
        ),
      ),
    );
    return startedOrStopped(agents, async () => {
      await Promise.all(agents.map((agent) => agent.ready(30_000)));
      return makeCluster(agents, known);
    });
  });
}

/** @param known by what the others know each of them */
function makeCluster(agents: readonly ConsulAgent[], known: readonly string[]): ConsulCluster {
  const stop = async (): Promise<void> => {
    await Promise.all(agents.map((agent) => agent.stop()));
  };
  return {
    agents,
    leader: (except) =>
      until("the cluster has a leader that all of it knows", 30_000, async () => {
        const running = agents.filter((agent) => agent !== except && agent.isRunning);
        const [first, ...others] = await Promise.all(running.map(leaderAsSeenBy));
        if (first === undefined || others.some((other) => other !== first)) return undefined;
        return running.find((agent) => first === `${known[agents.indexOf(agent)]}:${agent.ports.server}`);
      }),
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

/** The leader that an agent names and can reach: its word alone may be some seconds old. */
async function leaderAsSeenBy(agent: ConsulAgent): Promise<unknown> {
  const { body } = await agent.request("GET", "/v1/status/leader");
  const read = await agent.request("GET", "/v1/kv/leader?consistent");
  return read.status === 200 || read.status === 404 ? body : undefined;
}

async function launch(
  host: string,
  ports: ConsulPorts,
  options: ConsulAgentOptions,
  role: object,
): Promise<ConsulAgent> {
  const binary = await installServer("consul");
  const version = await consulVersion(binary);
  const folder = await mkdtemp(join(tmpdir(), "proxyless-consul-"));
  guard(folder);
  const datacenter = options.datacenter ?? "dc1";
  const tls = options.tls === true ? await tlsConfig(binary, folder, datacenter) : undefined;
  const acl = options.acl === true ? aclConfig(version) : undefined;
  const config = {
    node_name: options.nodeName ?? "server-1",
    datacenter,
    bind_addr: host,
    client_addr: host,
    ports: portsConfig(ports, tls !== undefined, version),
    log_level: "warn",
    // Many watchers share one address in tests; Consul's own limit is met on purpose only.
    limits: { http_max_conns_per_client: 1000 },
    ...(acl === undefined ? {} : { acl: acl.acl }),
    ...tls?.config,
    ...role,
    ...options.config,
  };
  const configFile = join(folder, "agent.json");
  await writeFile(configFile, JSON.stringify(config, undefined, 2));
  const mode = options.state === "disk" ? [`-data-dir=${join(folder, "data")}`] : ["-dev"];
  const process = new ServerProcess({
    name: `consul ${host}:${ports.http}`,
    binary,
    args: ["agent", ...mode, `-config-file=${configFile}`],
    logFile: join(folder, "agent.log"),
  });
  await process.start();
  return new ConsulAgent({
    process,
    dispose: async () => {
      await rm(folder, { recursive: true, force: true });
      release(folder);
    },
    wipe: () => rm(join(folder, "data"), { recursive: true, force: true }),
    host,
    ports,
    tls: tls?.client,
    token: acl?.token,
    version: version.join("."),
  });
}
