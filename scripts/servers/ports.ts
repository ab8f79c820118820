import { once } from "node:events";
import { createServer } from "node:net";

/** Below the range that systems hand out to outgoing connections, so that a server can come back on its port. */
const lowest = 20_000;
const highest = 32_000;

/**
 * Finds `count` different TCP ports that are free on every one of `hosts` right now. They may be taken in between,
 * so whoever uses them must be ready to try again.
 */
export async function freePorts(
  count: number,
  hosts: readonly string[] = ["127.0.0.1"],
): Promise<readonly number[]> {
  const found = new Set<number>();
  for (let tries = 0; found.size < count; tries++) {
    if (tries > 1000) throw new Error(`no ${count} free ports between ${lowest} and ${highest}`);
    const port = lowest + Math.floor(Math.random() * (highest - lowest));
    // eslint-disable-next-line no-await-in-loop -- each answer decides whether another is needed
    const free = await Promise.all(hosts.map((host) => isFree(host, port)));
    if (free.every(Boolean)) found.add(port);
  }
  return [...found];
}

async function isFree(host: string, port: number): Promise<boolean> {
  const server = createServer();
  try {
    server.listen({ host, port, exclusive: true });
    await once(server, "listening");
    server.close();
    await once(server, "close");
    return true;
  } catch {
    return false;
  }
}
