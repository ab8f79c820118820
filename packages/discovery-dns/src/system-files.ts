import { readFile } from "node:fs/promises";

import type { Clock } from "@proxyless/core";

import type { Settings } from "./options.ts";
import { parseHosts, parseResolvConf } from "./resolv-conf.ts";
import type { ResolvConf } from "./resolv-conf.ts";

/** What the files of the system say now. */
export interface SystemNames extends ResolvConf {
  readonly hosts: ReadonlyMap<string, readonly string[]>;
}

/** How long a file is taken to be unchanged, in milliseconds. */
const keepMs = 5000;

/** The servers, search domains and hosts that options and system files say together; the files are read again every 5 s of use. */
export class SystemFiles {
  readonly #settings: Settings;
  #names: SystemNames | undefined;
  #readAt = -Infinity;

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  /** A file that cannot be read counts as empty, as it does for the system's own resolver. */
  async read(clock: Clock, fresh: boolean): Promise<SystemNames> {
    if (this.#names !== undefined && !fresh && clock.now() - this.#readAt < keepMs) return this.#names;
    const { servers, search, resolvConf, hostsFile, transport } = this.#settings;
    const wantsSystem = servers.length === 0 || search === "system";
    const [conf, hosts] = await Promise.all([
      wantsSystem ? contentOf(resolvConf) : "",
      hostsFile === undefined ? "" : contentOf(hostsFile),
    ]);
    const system = parseResolvConf(conf);
    const isOwn = servers.length > 0;
    this.#names = {
      servers: isOwn ? servers : system.servers,
      search: search === "system" ? system.search : search,
      ndots: search === "system" ? system.ndots : 1,
      tcp: transport === "tcp" || (!isOwn && system.tcp),
      hosts: parseHosts(hosts),
    };
    this.#readAt = clock.now();
    return this.#names;
  }
}

async function contentOf(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch {
    return "";
  }
}
