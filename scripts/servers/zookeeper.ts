import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { PeerNetwork } from "./peer-network.ts";
import { freePorts } from "./ports.ts";
import { installRecipe } from "./recipe.ts";
import { ServerProcess } from "./server-process.ts";
import { retried, startedOrStopped } from "./starting.ts";
import { until } from "./until.ts";
import { guard, release } from "./watchdog.ts";
import { makeCertificates, namePorts, portsPerServer, settings } from "./zookeeper-config.ts";
import type { ZookeeperPorts } from "./zookeeper-config.ts";
import { findJava } from "./zookeeper-java.ts";
import { zookeeperRecipe } from "./zookeeper-recipe.ts";
import { ZookeeperServer } from "./zookeeper-server.ts";

/** What kind of server to start. */
export interface ZookeeperOptions {
  /** Serve TLS on a second port as well, with client certificates required there. */
  readonly tls?: boolean;
  /** More of ZooKeeper's own settings (`zoo.cfg`). */
  readonly config?: Readonly<Record<string, string | number>>;
  /** Java system properties (`readonlymode.enabled`). */
  readonly properties?: Readonly<Record<string, string>>;
  /** Stands between the servers of an ensemble. */
  readonly peers?: PeerNetwork;
}

/** What is written need not survive the machine, and a small heap and little compiling make a start quick. */
const javaOptions = [
  "-Xmx160m",
  "-XX:+UseSerialGC",
  "-XX:TieredStopAtLevel=1",
  "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
  "-Dzookeeper.forceSync=no",
  // A vote that was lost on the way to a peer that is cut off is repeated after a second, not after a minute.
  "-Dzookeeper.fastleader.maxNotificationInterval=1000",
];

/** Starts one ZooKeeper server on free ports of 127.0.0.1 and waits until it serves; installs it, and Java, if need be. */
export async function startZookeeper(options: ZookeeperOptions = {}): Promise<ZookeeperServer> {
  return retried(async () => {
    const ports = namePorts(await freePorts(portsPerServer));
    const server = await make("127.0.0.1", ["127.0.0.1"], ports, options);
    return startedOrStopped([server], async () => server.ready());
  });
}

/** Servers that serve together. */
export interface ZookeeperEnsemble extends AsyncDisposable {
  readonly servers: readonly ZookeeperServer[];
  /** Every address, as clients are given them. */
  readonly addresses: readonly string[];
  /** The server that leads now; `except` is one that no longer counts. */
  leader(except?: ZookeeperServer): Promise<ZookeeperServer>;
  /** Stops every server and removes their files. */
  stop(): Promise<void>;
}

/** Starts `size` servers on 127.0.0.1, 127.0.0.2… that elect a leader, and waits until every one of them serves. */
export async function startZookeeperEnsemble(
  size = 3,
  options: ZookeeperOptions = {},
): Promise<ZookeeperEnsemble> {
  const hosts = Array.from({ length: size }, (_, i) => `127.0.0.${i + 1}`);
  return retried(async () => {
    const ports = namePorts(await freePorts(portsPerServer, hosts));
    const { election, quorum } = ports;
    const known = await options.peers?.stand(hosts, { tcp: [quorum, election], udp: [] });
    const servers = await Promise.all(hosts.map((host) => make(host, hosts, ports, options, known)));
    return startedOrStopped(servers, async () => {
      await Promise.all(servers.map((server) => server.ready(60_000)));
      return ensembleOf(servers);
    });
  });
}

function ensembleOf(servers: readonly ZookeeperServer[]): ZookeeperEnsemble {
  const stop = async (): Promise<void> => {
    await Promise.all(servers.map((server) => server.stop()));
  };
  return {
    servers,
    addresses: servers.map(({ address }) => address),
    leader: (except) =>
      until("the ensemble has a leader", 60_000, async () => {
        const running = servers.filter((server) => server !== except && server.isRunning);
        const modes = await Promise.all(running.map((server) => server.mode().catch(() => undefined)));
        return running.find((_, i) => modes[i] === "leader");
      }),
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

async function make(
  host: string,
  hosts: readonly string[],
  ports: ZookeeperPorts,
  options: ZookeeperOptions,
  known?: readonly string[],
): Promise<ZookeeperServer> {
  const binary = await installRecipe(zookeeperRecipe);
  const { java, env } = await findJava();
  const folder = await mkdtemp(join(tmpdir(), "proxyless-zookeeper-"));
  guard(folder);
  const tls = options.tls === true ? await makeCertificates(folder, host) : undefined;
  const configFile = join(folder, "zoo.cfg");
  const dataFolder = join(folder, "data");
  const names = known === undefined ? hosts : hosts.map((_, i) => `zookeeper-${i + 1}.test`);
  const config = { folder, host, ports, names, tls: tls !== undefined, config: options.config ?? {} };
  await writeFile(configFile, settings(config));
  const all = { ...options.properties, ...(known && (await hostsFile(folder, host, hosts, names, known))) };
  const properties = Object.entries(all).map(([key, value]) => `-D${key}=${value}`);
  const server = new ZookeeperServer({
    process: new ServerProcess({
      name: `zookeeper ${host}:${ports.client}`,
      binary,
      args: ["org.apache.zookeeper.server.quorum.QuorumPeerMain", configFile],
      env: { ...env, JAVA: java, JAVA_OPTIONS: [...javaOptions, ...properties].join(" ") },
      logFile: join(folder, "server.log"),
    }),
    dataFolder,
    prepare: async () => {
      await mkdir(dataFolder, { recursive: true });
      await writeFile(join(dataFolder, "myid"), `${hosts.indexOf(host) + 1}\n`);
    },
    dispose: async () => {
      await rm(folder, { recursive: true, force: true });
      release(folder);
    },
    host,
    ports,
    tls,
  });
  await server.launch();
  return server;
}

/** A server listens where its own name leads to, and tells the name to others, whom it leads elsewhere. */
async function hostsFile(
  folder: string,
  host: string,
  hosts: readonly string[],
  names: readonly string[],
  known: readonly string[],
): Promise<Readonly<Record<string, string>>> {
  const file = join(folder, "hosts");
  const lines = names.map((name, i) => `${hosts[i] === host ? host : known[i]} ${name}`);
  await writeFile(file, `${lines.join("\n")}\n`);
  return { "jdk.net.hosts.file": file };
}
