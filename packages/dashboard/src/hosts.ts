import { isIP } from "node:net";

/**
 * Whether a request came to a name of this machine. Addresses cannot be rebound, and `localhost` is resolved by nobody else; of
 * other names only those that were allowed are trusted.
 * @param host the `host` header
 * @param allowed in lower case
 */
export function isAllowedHost(host: string | undefined, allowed: readonly string[]): boolean {
  const name = nameOf(host);
  if (name === undefined) return false;
  if (name === "localhost" || name.endsWith(".localhost") || isIP(name) !== 0) return true;
  return allowed.some((each) => (each.startsWith("*.") ? name.endsWith(each.slice(1)) : name === each));
}

/** Without port and brackets, in lower case; undefined for what is no host. */
function nameOf(host: string | undefined): string | undefined {
  const match = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::\d{1,5})?$/i.exec(host ?? "");
  return (match?.[1] ?? match?.[2])?.toLowerCase();
}
