import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** The ports of one server. */
export interface ZookeeperPorts {
  readonly client: number;
  /** Speaks TLS, where that was asked for. */
  readonly secure: number;
  readonly quorum: number;
  readonly election: number;
}

export const portsPerServer = 4;

/** Gives four ports their parts. */
export function namePorts([
  client = 0,
  secure = 0,
  quorum = 0,
  election = 0,
]: readonly number[]): ZookeeperPorts {
  return { client, secure, quorum, election };
}

/** PEM files of a laboratory: an authority, a server certificate for 127.0.0.1, a client certificate. */
export interface ZookeeperTls {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** What a server is configured with besides its own choices. */
export interface ZookeeperConfig {
  readonly folder: string;
  readonly host: string;
  readonly ports: ZookeeperPorts;
  /** All members of an ensemble, by the names that they have in its settings; one for a server that stands alone. */
  readonly names: readonly string[];
  readonly tls: boolean;
  readonly config: Readonly<Record<string, string | number>>;
}

/** The settings file: short ticks, so that sessions of a second can be had, and nothing but the client port. */
export function settings({ folder, host, ports, names, tls, config }: ZookeeperConfig): string {
  const plain: Record<string, string | number> = {
    tickTime: 500,
    initLimit: 20,
    syncLimit: 6,
    minSessionTimeout: 1000,
    maxSessionTimeout: 60_000,
    maxClientCnxns: 0,
    "admin.enableServer": "false",
    "4lw.commands.whitelist": "*",
    dataDir: join(folder, "data"),
    clientPort: ports.client,
    clientPortAddress: host,
    ...(tls ? tlsSettings(folder, host, ports.secure) : {}),
    ...config,
  };
  const members =
    names.length === 1
      ? []
      : names.map((each, i) => `server.${i + 1}=${each}:${ports.quorum}:${ports.election}`);
  return [...Object.entries(plain).map(([key, value]) => `${key}=${value}`), ...members, ""].join("\n");
}

function tlsSettings(folder: string, host: string, port: number): Record<string, string | number> {
  return {
    secureClientPort: port,
    secureClientPortAddress: host,
    serverCnxnFactory: "org.apache.zookeeper.server.NettyServerCnxnFactory",
    "ssl.keyStore.location": join(folder, "server-all.pem"),
    "ssl.trustStore.location": join(folder, "ca.pem"),
    "ssl.clientAuth": "need",
  };
}

/** Makes an authority and two certificates with openssl, and leaves them in `folder`. */
export async function makeCertificates(folder: string, host: string): Promise<ZookeeperTls> {
  const at = (name: string): string => join(folder, name);
  const openssl = (...args: string[]): Promise<unknown> => run("openssl", args);
  const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  const authority = ["-CA", at("ca.pem"), "-CAkey", at("ca-key.pem"), "-CAcreateserial"];
  const days = ["-days", "30"];
  const files = ["-keyout", at("ca-key.pem"), "-out", at("ca.pem")];
  await openssl("req", "-x509", ...newKey, ...days, "-subj", "/CN=laboratory", ...files);
  for (const name of ["server", "client"]) {
    const key = at(`${name}-key.pem`);
    const request = at(`${name}.csr`);
    const names = at(`${name}.ext`);
    // eslint-disable-next-line no-await-in-loop -- two
    await openssl("req", ...newKey, "-subj", `/CN=${name}`, "-keyout", key, "-out", request);
    // eslint-disable-next-line no-await-in-loop -- as above
    await writeFile(names, `subjectAltName=IP:${host},DNS:zookeeper.test\n`);
    const certificate = ["-in", request, "-extfile", names, "-out", at(`${name}.pem`)];
    // eslint-disable-next-line no-await-in-loop -- as above
    await openssl("x509", "-req", ...days, ...authority, ...certificate);
  }
  const read = (name: string): Promise<string> => readFile(at(name), "utf8");
  await writeFile(at("server-all.pem"), (await read("server-key.pem")) + (await read("server.pem")));
  return { ca: await read("ca.pem"), cert: await read("client.pem"), key: await read("client-key.pem") };
}
