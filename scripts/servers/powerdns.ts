import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";

import { freePorts } from "./ports.ts";
import { PowerDns } from "./powerdns-server.ts";
import { installServer } from "./recipes.ts";
import { ServerProcess } from "./server-process.ts";
import { retried, startedOrStopped } from "./starting.ts";
import { guard, release } from "./watchdog.ts";

/** What kind of server to start. */
export interface PowerDnsOptions {
  /** The zone it serves. Default: `mesh.test`. */
  readonly zone?: string;
  /** More of PowerDNS's own settings. */
  readonly settings?: Readonly<Record<string, string>>;
}

const host = "127.0.0.1";

/** Starts an authoritative DNS server on free ports of 127.0.0.1 with one empty zone; installs it if need be. */
export async function startPowerDns(options: PowerDnsOptions = {}): Promise<PowerDns> {
  return retried(async () => {
    const server = await launch(options);
    return startedOrStopped([server], async () => server.ready());
  }, /in use|unable to bind/i);
}

async function launch(options: PowerDnsOptions): Promise<PowerDns> {
  const binary = await installServer("powerdns");
  const folder = await mkdtemp(join(tmpdir(), "proxyless-powerdns-"));
  guard(folder);
  const [port = 0, apiPort = 0] = await freePorts(2);
  const usr = dirname(dirname(binary));
  const libraries = await libraryFolders(usr);
  const schema = await readFile(join(usr, "share/pdns-backend-sqlite3/schema/schema.sqlite3.sql"), "utf8");
  const database = join(folder, "zones.sqlite3");
  const format = async (): Promise<void> => {
    await Promise.all(
      ["", "-journal", "-wal", "-shm"].map((end) => rm(`${database}${end}`, { force: true })),
    );
    const made = new DatabaseSync(database);
    made.exec(`PRAGMA journal_mode = WAL; ${schema}`);
    made.close();
  };
  await format();
  const apiKey = randomUUID();
  const settings: Readonly<Record<string, string>> = {
    "config-dir": folder,
    "socket-dir": folder,
    "module-dir": libraries.map((path) => join(path, "pdns")).find(existsSync) ?? join(usr, "lib/pdns"),
    launch: "gsqlite3",
    "gsqlite3-database": database,
    "gsqlite3-pragma-synchronous": "0",
    "local-address": host,
    "local-port": String(port),
    api: "yes",
    "api-key": apiKey,
    webserver: "yes",
    "webserver-address": host,
    "webserver-port": String(apiPort),
    "webserver-allow-from": "127.0.0.0/8",
    "cache-ttl": "0",
    "query-cache-ttl": "0",
    "negquery-cache-ttl": "0",
    "zone-cache-refresh-interval": "0",
    "zone-metadata-cache-ttl": "0",
    "security-poll-suffix": "",
    "version-string": "anonymous",
    daemon: "no",
    guardian: "no",
    "disable-syslog": "yes",
    loglevel: "4",
    "receiver-threads": "1",
    "distributor-threads": "1",
    ...options.settings,
  };
  const process = new ServerProcess({
    name: "powerdns",
    binary,
    args: Object.entries(settings).map(([key, value]) => `--${key}=${value}`),
    env: { LD_LIBRARY_PATH: libraries.join(":") },
    logFile: join(folder, "server.log"),
  });
  await process.start();
  return new PowerDns({
    process,
    format,
    dispose: async () => {
      await rm(folder, { recursive: true, force: true });
      release(folder);
    },
    database,
    host,
    port,
    apiPort,
    apiKey,
    zone: options.zone ?? "mesh.test",
  });
}

/** Where the libraries stand that came with the binary; those of the system when it is the system's own. */
async function libraryFolders(usr: string): Promise<readonly string[]> {
  const lib = join(usr, "lib");
  const names = await readdir(lib).catch(() => []);
  return names.filter((name) => name.endsWith("-linux-gnu")).map((name) => join(lib, name));
}
