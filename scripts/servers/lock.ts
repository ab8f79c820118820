import { readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { setTimeout as wait } from "node:timers/promises";

/** A lock that nobody touched for so long belongs to something that hangs or to a process id that was reused. */
const staleMs = 300_000;
/** Servers that have to be compiled take longer than that, so that a lock is touched as long as its owner works. */
const touchMs = 30_000;

/**
 * Runs `work` while no other process (or worker of this one) runs it under the same lock file. A lock whose owner
 * died is taken over.
 */
export async function withLock<T>(path: string, work: () => Promise<T>): Promise<T> {
  await acquire(path);
  const touching = setInterval(() => void touch(path), touchMs);
  touching.unref();
  try {
    return await work();
  } finally {
    clearInterval(touching);
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

async function touch(path: string): Promise<void> {
  const now = new Date();
  await utimes(path, now, now).catch(() => undefined);
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
