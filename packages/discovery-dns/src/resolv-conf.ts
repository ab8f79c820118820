import { isIP } from "node:net";

import type { ServerAddress } from "./server-address.ts";
import { isDomain } from "./service-name.ts";

/** What a system says about DNS. */
export interface ResolvConf {
  readonly servers: readonly ServerAddress[];
  readonly search: readonly string[];
  /** A name with fewer dots is tried in the search domains first. */
  readonly ndots: number;
  /** The system wants TCP. */
  readonly tcp: boolean;
}

const maxNdots = 15;

/**
 * Reads a resolver configuration as resolv.conf(5) says: the last of `search` and `domain` counts, the system's own machine
 * is asked where no server is named, and what is not understood is passed over.
 */
export function parseResolvConf(content: string): ResolvConf {
  const servers: ServerAddress[] = [];
  let search: readonly string[] = [];
  let ndots = 1;
  let tcp = false;
  for (const line of content.split("\n")) {
    const [key, ...words] = line.trim().split(/\s+/u);
    if (key === "nameserver") {
      const [host = ""] = words;
      if (isIP(host) !== 0) servers.push({ host, port: 53 });
    } else if (key === "search") search = words.filter(isDomain);
    else if (key === "domain") search = words.slice(0, 1).filter(isDomain);
    else if (key === "options") {
      for (const option of words) {
        const dots = /^ndots:(\d+)$/u.exec(option)?.[1];
        if (dots !== undefined) ndots = Math.min(Number(dots), maxNdots);
        if (option === "use-vc") tcp = true;
      }
    }
  }
  if (servers.length === 0) servers.push({ host: "127.0.0.1", port: 53 });
  return { servers, search, ndots, tcp };
}

/** Reads a hosts file: the addresses of each name, which is in lower case. */
export function parseHosts(content: string): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>();
  for (const line of content.split("\n")) {
    const [address = "", ...names] = line.replace(/#.*$/u, "").trim().split(/\s+/u);
    if (isIP(address) === 0) continue;
    for (const name of names.map((each) => each.toLowerCase())) {
      const addresses = found.get(name) ?? [];
      found.set(name, addresses.includes(address) ? addresses : [...addresses, address]);
    }
  }
  return found;
}
