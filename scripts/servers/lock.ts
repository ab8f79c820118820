import { readFile, rm, stat, writeFile } from "node:fs/promises";
import { setTimeout as wait } from "node:timers/promises";

/** An install takes seconds; a lock this old belongs to something that hangs or to a process id that was reused. */
const staleMs = 300_000;

/**
 * Runs `work` while no other process (or worker of this one) runs it under the same lock file. A lock whose owner
 * died is taken over.
 */
export async function withLock<T>(path: string, work: () => Promise<T>): Promise<T> {
  await acquire(path);
  try {
    return await work();
  } finally {
    await rm(path, { force: true });
  }
}

async function acquire(path: string): Promise<void> {
  if (await take(path)) return;
  if (await isAbandoned(path)) await rm(path, { force: true });
  else await wait(100);
  await acquire(path);
}

async function take(path: string): Promise<boolean> {
  try {
    await writeFile(path, String(process.pid), { flag: "wx" });
    return true;
  } catch (error) {
    if (codeOf(error) === "EEXIST") return false;
    throw error;
  }
}

async function isAbandoned(path: string): Promise<boolean> {
  try {
    const age = Date.now() - (await stat(path)).mtimeMs;
    const owner = Number(await readFile(path, "utf8"));
    // An empty file is an owner between creating it and writing its id.
    return age > staleMs || (owner > 0 && !isAlive(owner));
  } catch (error) {
    if (codeOf(error) === "ENOENT") return false;
    throw error;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return codeOf(error) !== "ESRCH";
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}
