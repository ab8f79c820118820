import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** The ports of one agent. */
export interface ConsulPorts {
  readonly http: number;
  readonly https: number;
  readonly dns: number;
  readonly grpc: number;
  readonly server: number;
  readonly serfLan: number;
  readonly serfWan: number;
}

/** How many ports an agent needs. */
export const portsPerAgent = 7;

/** Names the ports that were found. */
export function namePorts(ports: readonly number[]): ConsulPorts {
  const [http, https, dns, grpc, server, serfLan, serfWan] = ports;
  if (
    http === undefined ||
    https === undefined ||
    dns === undefined ||
    grpc === undefined ||
    server === undefined ||
    serfLan === undefined ||
    serfWan === undefined
  ) {
    throw new Error(`an agent needs ${portsPerAgent} ports, got ${ports.length}`);
  }
  return { http, https, dns, grpc, server, serfLan, serfWan };
}

/** What a TLS client of an agent needs, as PEM text. */
export interface ConsulClientTls {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** The version of a Consul binary as `[major, minor, patch]`. */
export async function consulVersion(binary: string): Promise<readonly [number, number, number]> {
  const { stdout } = await run(binary, ["version"]);
  const match = /v(\d+)\.(\d+)\.(\d+)/.exec(stdout);
  if (match === null) throw new Error(`${binary} version says no version: ${stdout.slice(0, 100)}`);
  return [Number(match[1]), Number(match[2]), Number(match[3])];
}

/** The part of the configuration that says where an agent listens. */
export function portsConfig(
  ports: ConsulPorts,
  tls: boolean,
  version: readonly [number, number, number],
): object {
  return {
    http: ports.http,
    https: tls ? ports.https : -1,
    dns: ports.dns,
    grpc: ports.grpc,
    server: ports.server,
    serf_lan: ports.serfLan,
    serf_wan: ports.serfWan,
    ...(isAtLeast(version, 1, 14) ? { grpc_tls: -1 } : {}),
  };
}

/** Access control that denies by default, with one token that may do everything. */
export function aclConfig(version: readonly [number, number, number]): {
  readonly acl: object;
  readonly token: string;
} {
  const token = randomUUID();
  const manager = isAtLeast(version, 1, 11) ? "initial_management" : "master";
  return {
    acl: { enabled: true, default_policy: "deny", tokens: { [manager]: token, agent: token } },
    token,
  };
}

/** Makes a certificate authority, a server and a client certificate in `folder`, with Consul's own tool. */
export async function tlsConfig(
  binary: string,
  folder: string,
  datacenter: string,
): Promise<{ readonly config: object; readonly client: ConsulClientTls }> {
  const at = { cwd: folder };
  await run(binary, ["tls", "ca", "create"], at);
  await run(binary, ["tls", "cert", "create", "-server", "-dc", datacenter], at);
  await run(binary, ["tls", "cert", "create", "-client", "-dc", datacenter], at);
  const server = join(folder, `${datacenter}-server-consul-0`);
  const client = join(folder, `${datacenter}-client-consul-0`);
  const ca = join(folder, "consul-agent-ca.pem");
  return {
    config: {
      ca_file: ca,
      cert_file: `${server}.pem`,
      key_file: `${server}-key.pem`,
      verify_incoming_https: true,
    },
    client: {
      ca: await readFile(ca, "utf8"),
      cert: await readFile(`${client}.pem`, "utf8"),
      key: await readFile(`${client}-key.pem`, "utf8"),
    },
  };
}

function isAtLeast(version: readonly [number, number, number], major: number, minor: number): boolean {
  return version[0] > major || (version[0] === major && version[1] >= minor);
}
