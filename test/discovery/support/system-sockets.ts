import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/**
 * The sockets of this machine that are connected to an IPv4 address, by their own port, as Linux says: each with the number
 * by which the system knows it.
 */
export function socketsConnectedTo(
  protocol: "tcp" | "udp",
  host: string,
  port: number,
): ReadonlyMap<number, string> {
  const address = host.split(".").map((part) => hex(Number(part), 2));
  const remote = `${address.toReversed().join("")}:${hex(port, 4)}`;
  // A socket that speaks both families has the address at the end of a longer one.
  const lines = [protocol, `${protocol}6`].flatMap((file) =>
    readFileSync(`/proc/self/net/${file}`, "utf8").split("\n"),
  );
  const found = lines.flatMap((line) => {
    const [, local = "", other = "", , , , , , , inode = ""] = line.trim().split(/\s+/);
    if (!other.endsWith(remote)) return [];
    return [[Number.parseInt(local.slice(local.indexOf(":") + 1), 16), inode] as const];
  });
  return new Map(found);
}

/** The process that holds a socket; `undefined` when none of ours does any more. */
export function holderOf(inode: string): number | undefined {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  const holder = pids.find((pid) => {
    try {
      const folder = `/proc/${pid}/fd`;
      return readdirSync(folder).some((name) => readlinkSync(`${folder}/${name}`) === `socket:[${inode}]`);
    } catch {
      // It has ended, or is somebody else's.
      return false;
    }
  });
  return holder === undefined ? undefined : Number(holder);
}

function hex(value: number, digits: number): string {
  return value.toString(16).toUpperCase().padStart(digits, "0");
}
