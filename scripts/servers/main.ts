import { parseArgs } from "node:util";

import {
  findBinary,
  installServer,
  recipeOf,
  recipes,
  startConsul,
  startConsulCluster,
  startEtcdCluster,
  startKubeApiserver,
  startKubeCrdServer,
  startAlertmanager,
  startPowerDns,
  startPrometheus,
  startXds,
  startZookeeperEnsemble,
} from "./index.ts";
import type { KubeServer, PrometheusServer } from "./index.ts";

const usage = `pnpm servers <command>

  list                          the servers, their versions, and what this machine has
  install <server>              put a server into the cache folder, without root
  where <server>                print the path of its binary
  start <server> [--cluster N]  install if need be, start on free loopback ports, run until Ctrl-C

The environment: PROXYLESS_SERVERS_DIR (the cache folder), PROXYLESS_CONSUL_BIN (a binary to use instead).`;

/** A server that was started, as the command line needs it. */
interface Started {
  /** One line each: what listens where. */
  readonly lines: readonly string[];
  stop(): Promise<void>;
}

/** How each kind is started; `size` is that of a cluster. */
const starters: Readonly<Record<string, (size: number | undefined) => Promise<Started>>> = {
  consul: async (size) => {
    const cluster = size === undefined ? undefined : await startConsulCluster(size);
    const agents = cluster?.agents ?? [await startConsul()];
    const lines = agents.map((agent) => `consul ${agent.version} ${agent.url}`);
    return { lines, stop: async () => void (await Promise.all(agents.map((agent) => agent.stop()))) };
  },
  "etcd-3.4": (size) => startedEtcd("3.4", size),
  "etcd-3.5": (size) => startedEtcd("3.5", size),
  powerdns: async () => {
    const server = await startPowerDns();
    return { lines: [`powerdns ${server.address} (zone ${server.zone})`], stop: () => server.stop() };
  },
  "kube-apiserver": () => startedKubernetes(startKubeApiserver()),
  "kube-crd-server": () => startedKubernetes(startKubeCrdServer()),
  prometheus: () => startedPrometheus(startPrometheus({ config: { scrape_configs: [] } })),
  alertmanager: () =>
    startedPrometheus(
      startAlertmanager({ config: { route: { receiver: "none" }, receivers: [{ name: "none" }] } }),
    ),
  xds: async () => {
    const server = await startXds();
    return { lines: [`xds ${server.address}`], stop: () => server.stop() };
  },
  zookeeper: async (size = 1) => {
    const ensemble = await startZookeeperEnsemble(size);
    return {
      lines: ensemble.addresses.map((address) => `zookeeper ${address}`),
      stop: () => ensemble.stop(),
    };
  },
};

async function startedEtcd(version: "3.4" | "3.5", size = 1): Promise<Started> {
  const cluster = await startEtcdCluster(size, { version });
  const lines = cluster.members.map((member) => `etcd ${member.version} ${member.url}`);
  return { lines, stop: () => cluster.stop() };
}

async function startedKubernetes(starting: Promise<KubeServer>): Promise<Started> {
  const server = await starting;
  const { url, caFile, tokens, apiVersion } = server;
  const access = `(EndpointSlice ${apiVersion}) --cacert ${caFile} -H "Authorization: Bearer ${tokens.admin}"`;
  return { lines: [`kubernetes ${url} ${access}`], stop: () => server.stop() };
}

async function startedPrometheus(starting: Promise<PrometheusServer>): Promise<Started> {
  const server = await starting;
  return { lines: [server.url], stop: () => server.stop() };
}

/** Starts what the command line asks for, tells where it listens, and ends it when this process is told to end. */
async function start(name: string, size: number | undefined): Promise<void> {
  const starter = starters[name];
  if (starter === undefined) {
    throw new Error(`${name} cannot be started from here; these can: ${Object.keys(starters).join(", ")}`);
  }
  const ended = new Promise((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.once(signal, resolve);
  });
  const alive = setInterval(() => undefined, 60_000);
  try {
    const started = await starter(size);
    for (const line of started.lines) console.log(line);
    await ended;
    await started.stop();
  } finally {
    clearInterval(alive);
  }
}

async function main(): Promise<void> {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: { cluster: { type: "string" } },
  });
  const [command, name] = positionals;
  if (command === "list") {
    for (const recipe of recipes) {
      const found = findBinary(recipe);
      console.log(
        `${recipe.name} ${recipe.version}  ${found === undefined ? "not installed" : `${found.path} (${found.from})`}`,
      );
    }
  } else if (command === "install" && name !== undefined) {
    console.log(await installServer(name));
  } else if (command === "where" && name !== undefined) {
    const found = findBinary(recipeOf(name));
    if (found === undefined) throw new Error(`${name} is not installed; run: pnpm servers install ${name}`);
    console.log(found.path);
  } else if (command === "start" && name !== undefined) {
    const size = values.cluster === undefined ? undefined : Number(values.cluster);
    if (size !== undefined && !(Number.isInteger(size) && size >= 1 && size <= 9)) {
      throw new Error(`--cluster must be a whole number from 1 to 9, got ${values.cluster}`);
    }
    await start(name, size);
  } else {
    console.error(usage);
    process.exitCode = 2;
  }
}

try {
  await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
