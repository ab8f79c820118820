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
  start <server> [flags]        install if need be, start on free loopback ports, run until Ctrl-C

Flags of start:

  --cluster N  so many members, 1 to 9 (consul, etcd, zookeeper)
  --tls        TLS only, with client certificates required (etcd)
  --auth       access control, with a user root who may do everything (etcd)

What clients need for these is printed beside the address, as etcdctl takes it. Both together are what a guarded cluster has:

  pnpm servers start etcd-3.5 --cluster 3 --tls --auth

The environment: PROXYLESS_SERVERS_DIR (the cache folder), PROXYLESS_CONSUL_BIN (a binary to use instead).`;

/** A server that was started, as the command line needs it. */
interface Started {
  /** One line each: what listens where. */
  readonly lines: readonly string[];
  stop(): Promise<void>;
}

/** What a server may be started with. */
interface StartFlags {
  readonly cluster?: number;
  readonly tls?: boolean;
  readonly auth?: boolean;
}

/** Which flags each kind takes that takes any. */
const flagsOf: Readonly<Record<string, readonly (keyof StartFlags)[]>> = {
  consul: ["cluster"],
  "etcd-3.4": ["cluster", "tls", "auth"],
  "etcd-3.5": ["cluster", "tls", "auth"],
  zookeeper: ["cluster"],
};

/** How each kind is started. */
const starters: Readonly<Record<string, (flags: StartFlags) => Promise<Started>>> = {
  consul: async ({ cluster: size }) => {
    const cluster = size === undefined ? undefined : await startConsulCluster(size);
    const agents = cluster?.agents ?? [await startConsul()];
    const lines = agents.map((agent) => `consul ${agent.version} ${agent.url}`);
    return { lines, stop: async () => void (await Promise.all(agents.map((agent) => agent.stop()))) };
  },
  "etcd-3.4": (flags) => startedEtcd("3.4", flags),
  "etcd-3.5": (flags) => startedEtcd("3.5", flags),
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
  zookeeper: async ({ cluster: size = 1 }) => {
    const ensemble = await startZookeeperEnsemble(size);
    return {
      lines: ensemble.addresses.map((address) => `zookeeper ${address}`),
      stop: () => ensemble.stop(),
    };
  },
};

async function startedEtcd(
  version: "3.4" | "3.5",
  { auth = false, cluster: size = 1, tls = false }: StartFlags,
): Promise<Started> {
  const cluster = await startEtcdCluster(size, { version, tls, auth });
  const lines = cluster.members.map((member) => {
    const { files } = member.tls ?? {};
    return [
      `etcd ${member.version} ${member.url}`,
      ...(files === undefined ? [] : [`--cacert ${files.ca} --cert ${files.cert} --key ${files.key}`]),
      ...(member.root === undefined ? [] : [`--user ${member.root.username}:${member.root.password}`]),
    ].join(" ");
  });
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
async function start(name: string, flags: StartFlags): Promise<void> {
  const starter = starters[name];
  if (starter === undefined) {
    throw new Error(`${name} cannot be started from here; these can: ${Object.keys(starters).join(", ")}`);
  }
  const taken: readonly string[] = flagsOf[name] ?? [];
  const foreign = Object.keys(flags).find((flag) => !taken.includes(flag));
  if (foreign !== undefined) throw new Error(`${name} cannot be started with --${foreign}`);
  const ended = new Promise((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.once(signal, resolve);
  });
  const alive = setInterval(() => undefined, 60_000);
  try {
    const started = await starter(flags);
    for (const line of started.lines) console.log(line);
    await ended;
    await started.stop();
  } finally {
    clearInterval(alive);
  }
}

function sizeOf(text: string): number {
  const size = Number(text);
  if (Number.isInteger(size) && size >= 1 && size <= 9) return size;
  throw new Error(`--cluster must be a whole number from 1 to 9, got ${text}`);
}

async function main(): Promise<void> {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: { cluster: { type: "string" }, tls: { type: "boolean" }, auth: { type: "boolean" } },
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
    const { cluster, ...flags } = values;
    await start(name, { ...flags, ...(cluster === undefined ? {} : { cluster: sizeOf(cluster) }) });
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
