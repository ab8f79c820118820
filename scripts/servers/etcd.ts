import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

import { EtcdMember } from "./etcd-member.ts";
import type { EtcdPorts } from "./etcd-member.ts";
import { etcdRecipes } from "./etcd-recipe.ts";
import type { EtcdLine } from "./etcd-recipe.ts";
import { makeCertificates } from "./etcd-tls.ts";
import type { EtcdTlsFiles } from "./etcd-tls.ts";
import type { PeerNetwork } from "./peer-network.ts";
import { freePorts } from "./ports.ts";
import { installRecipe } from "./recipe.ts";
import { ServerProcess } from "./server-process.ts";
import { retried } from "./starting.ts";
import { until } from "./until.ts";
import { guard, release } from "./watchdog.ts";

const run = promisify(execFile);

/** What kind of etcd to start. */
export interface EtcdServerOptions {
  /** Default: `3.5`. */
  readonly version?: EtcdLine;
  /** `disk` (the default): it remembers. `memory`: it is empty after a restart. */
  readonly state?: "memory" | "disk";
  /** Speak TLS only, and require client certificates. */
  readonly tls?: boolean;
  /** Access control, with the user `root` who may do everything; its tokens live for `tokenTtlSeconds` (default 300). */
  readonly auth?: boolean | { readonly tokenTtlSeconds: number };
  /** More flags of etcd's own (`--quota-backend-bytes=…`). */
  readonly flags?: readonly string[];
  /** Stands between the members of a cluster. */
  readonly peers?: PeerNetwork;
}

/** Starts one etcd on free ports of 127.0.0.1 and waits until it is ready; installs etcd if need be. */
export async function startEtcd(options: EtcdServerOptions = {}): Promise<EtcdMember> {
  return retried(async () => {
    const [member] = await startMembers(["127.0.0.1"], options);
    if (member === undefined) throw new Error("there is one member");
    return member;
  });
}

/** A cluster of etcd members. */
export interface EtcdCluster extends AsyncDisposable {
  readonly members: readonly EtcdMember[];
  /** The member that leads now, as soon as every running member agrees; `except` is one that no longer counts. */
  leader(except?: EtcdMember): Promise<EtcdMember>;
  /** Stops every member and removes their files. */
  stop(): Promise<void>;
}

/** Starts `size` members on 127.0.0.1, 127.0.0.2… that elect a leader within a second, and waits until all are ready. */
export async function startEtcdCluster(
  size = 3,
  options: Omit<EtcdServerOptions, "state"> = {},
): Promise<EtcdCluster> {
  const hosts = Array.from({ length: size }, (_, i) => `127.0.0.${i + 1}`);
  const members = await retried(() => startMembers(hosts, options));
  const stop = async (): Promise<void> => {
    await Promise.all(members.map((member) => member.stop()));
  };
  return {
    members,
    leader: (except) =>
      until("the cluster has a leader that all of it knows", 30_000, async () => {
        const running = members.filter((member) => member !== except && member.isRunning);
        const standings = await Promise.all(running.map((member) => member.standing()));
        const leader = standings[0]?.leader;
        if (leader === undefined || standings.some((one) => one.leader !== leader)) return undefined;
        return running.find((_, i) => standings[i]?.self === leader);
      }),
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

async function startMembers(
  hosts: readonly string[],
  options: EtcdServerOptions,
): Promise<readonly EtcdMember[]> {
  const binary = await installRecipe(etcdRecipes[options.version ?? "3.5"]);
  const version = await versionOf(binary);
  const folder = await mkdtemp(join(tmpdir(), "proxyless-etcd-"));
  guard(folder);
  const forget = async (): Promise<void> => {
    await rm(folder, { recursive: true, force: true });
    release(folder);
  };
  let left = hosts.length;
  const members: EtcdMember[] = [];
  try {
    const [client, peer] = await freePorts(2, hosts);
    if (client === undefined || peer === undefined) throw new Error("a member needs two ports");
    const known = (await options.peers?.stand(hosts, { tcp: [peer], udp: [] })) ?? hosts;
    const names = [...new Set([...hosts, ...known])];
    const tls = options.tls === true ? await makeCertificates(folder, names) : undefined;
    for (const [i, host] of hosts.entries()) {
      const name = `member-${i + 1}`;
      const dataFolder = join(folder, name);
      const process = new ServerProcess({
        name: `etcd ${host}:${client}`,
        binary,
        args: argumentsOf({
          hosts,
          known,
          i,
          ports: { client, peer },
          tls: tls?.server,
          dataFolder,
          options,
          version,
        }),
        logFile: join(folder, `${name}.log`),
      });
      members.push(
        memberOf(process, {
          name,
          host,
          dataFolder,
          version,
          tls: tls?.client,
          ports: { client, peer },
          isForgetful: options.state === "memory",
          dispose: async () => {
            if (--left === 0) await forget();
          },
        }),
      );
      // eslint-disable-next-line no-await-in-loop -- a spawn is a matter of milliseconds
      await process.start();
    }
    await Promise.all(members.map((member) => member.ready(30_000)));
    if (members[0] !== undefined && options.auth !== undefined && options.auth !== false) {
      await enableAuth(members[0], members);
    }
    return members;
  } catch (error) {
    await Promise.all(members.map((member) => member.halt()));
    await forget();
    throw error;
  }
}

type MemberParts = ConstructorParameters<typeof EtcdMember>[0];

function memberOf(process: ServerProcess, parts: Omit<MemberParts, "process">): EtcdMember {
  return new EtcdMember({ process, ...parts });
}

interface MemberLayout {
  readonly hosts: readonly string[];
  /** By what the others know each of them. */
  readonly known: readonly string[];
  readonly i: number;
  readonly ports: EtcdPorts;
  readonly tls: EtcdTlsFiles | undefined;
  readonly dataFolder: string;
  readonly options: EtcdServerOptions;
  readonly version: string;
}

function argumentsOf({
  hosts,
  known,
  i,
  ports,
  tls,
  dataFolder,
  options,
  version,
}: MemberLayout): readonly string[] {
  const scheme = tls === undefined ? "http" : "https";
  const host = hosts[i] ?? "127.0.0.1";
  const clientUrl = `${scheme}://${host}:${ports.client}`;
  const peerOf = (one: string): string => `${scheme}://${one}:${ports.peer}`;
  const { auth } = options;
  return [
    `--name=member-${i + 1}`,
    `--data-dir=${dataFolder}`,
    `--listen-client-urls=${clientUrl}`,
    `--advertise-client-urls=${clientUrl}`,
    `--listen-peer-urls=${peerOf(host)}`,
    `--initial-advertise-peer-urls=${peerOf(known[i] ?? host)}`,
    `--initial-cluster=${known.map((one, n) => `member-${n + 1}=${peerOf(one)}`).join(",")}`,
    "--initial-cluster-state=new",
    `--initial-cluster-token=${ports.peer}`,
    "--heartbeat-interval=50",
    "--election-timeout=500",
    "--log-level=warn",
    "--logger=zap",
    // Nothing here must survive a power cut, and a shared disk would make every write wait.
    ...(version.startsWith("3.4.") ? [] : ["--unsafe-no-fsync"]),
    ...(typeof auth === "object" ? [`--auth-token-ttl=${auth.tokenTtlSeconds}`] : []),
    ...(tls === undefined
      ? []
      : [
          `--cert-file=${tls.cert}`,
          `--key-file=${tls.key}`,
          `--trusted-ca-file=${tls.ca}`,
          "--client-cert-auth",
          `--peer-cert-file=${tls.cert}`,
          `--peer-key-file=${tls.key}`,
          `--peer-trusted-ca-file=${tls.ca}`,
          "--peer-client-cert-auth",
        ]),
    ...(options.flags ?? []),
  ];
}

/** Makes the user who may do everything, and turns access control on. */
async function enableAuth(first: EtcdMember, members: readonly EtcdMember[]): Promise<void> {
  const root = { username: "root", password: "root-password" };
  await first.call("/v3/auth/user/add", { name: root.username, password: root.password });
  await first.call("/v3/auth/role/add", { name: "root" });
  await first.call("/v3/auth/user/grant", { user: root.username, role: "root" });
  await first.call("/v3/auth/enable", {});
  for (const member of members) member.root = root;
}

async function versionOf(binary: string): Promise<string> {
  const { stdout } = await run(binary, ["--version"]);
  const version = /etcd Version: (\S+)/.exec(stdout)?.[1];
  if (version === undefined) throw new Error(`${binary} --version says no version: ${stdout.slice(0, 100)}`);
  return version;
}
