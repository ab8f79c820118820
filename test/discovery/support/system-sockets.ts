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
    // A busy machine has very many of them.
    if (!line.includes(remote)) return [];
    const [, local = "", other = "", , , , , , , inode = ""] = line.trim().split(/\s+/);
    if (!other.endsWith(remote)) return [];
    return [[Number.parseInt(local.slice(local.indexOf(":") + 1), 16), inode] as const];
  });
  return new Map(found);
}

/** The sockets of the processes that this one has started: who holds each, by the number that the system knows it by. */
export function holders(): ReadonlyMap<string, number> {
  const found = new Map<string, number>();
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name) && isOurs(name))) {
    for (const descriptor of descriptorsOf(pid)) {
      const inode = /^socket:\[(\d+)\]$/.exec(linkOf(`/proc/${pid}/fd/${descriptor}`))?.[1];
      if (inode !== undefined) found.set(inode, Number(pid));
    }
  }
  return found;
}

function descriptorsOf(pid: string): readonly string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`);
  } catch {
    // It has ended.
    return [];
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    // It was closed in between.
    return "";
  }
}

/** There may be thousands of other processes. */
function isOurs(pid: string): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // After the name, which may have anything in it: the state, and who has started it.
    return stat.slice(stat.lastIndexOf(")")).split(" ")[2] === String(process.pid);
  } catch {
    return false;
  }
}

function hex(value: number, digits: number): string {
  return value.toString(16).toUpperCase().padStart(digits, "0");
}
