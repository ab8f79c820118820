import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { availableParallelism, platform } from "node:os";

const clientCore = "PROXYLESS_BENCH_CLIENT_CORE";
const backendCore = "PROXYLESS_BENCH_BACKEND_CORE";

/**
 * Starts this process again on a core of its own and runs it to its end, where `taskset` exists and there are two
 * cores: a scheduler that moves client and backend about costs more than what is measured here.
 * @returns the exit code of the pinned process, or undefined when there is none and this one has to do the work
 */
export async function runPinned(): Promise<number | undefined> {
  if (process.env[clientCore] !== undefined) return undefined;
  const [client, backend] = allowedCores();
  if (client === undefined || backend === undefined) return undefined;
  if (spawnSync("taskset", ["-c", client, process.execPath, "-e", "0"]).status !== 0) return undefined;
  const args = ["-c", client, process.execPath, ...process.execArgv, ...process.argv.slice(1)];
  const env = { ...process.env, [clientCore]: client, [backendCore]: backend };
  const child = spawn("taskset", args, { stdio: "inherit", env });
  const exited = once(child, "exit");
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => child.kill(signal));
  const [code] = await exited;
  return typeof code === "number" ? code : 1;
}

/** What to start a backend with: Node itself, on the core that is not the client's. */
export function backendCommand(): readonly string[] {
  const core = process.env[backendCore];
  return core === undefined ? [process.execPath] : ["taskset", "-c", core, process.execPath];
}

/** Where client and backend run, in words. */
export function pinning(): string {
  const client = process.env[clientCore];
  const backend = process.env[backendCore];
  return client === undefined || backend === undefined
    ? "not pinned to cores"
    : `client on core ${client}, backend on core ${backend}`;
}

/**
 * Runs something on both cores: what it starts runs wherever there is room, as on a machine of its users. For what is timed
 * on the wall with many processes; on one core they would wait for each other.
 */
export async function onBothCores<T>(work: () => Promise<T>): Promise<T> {
  const client = process.env[clientCore];
  const backend = process.env[backendCore];
  if (client === undefined || backend === undefined) return work();
  moveTo(`${client},${backend}`);
  try {
    return await work();
  } finally {
    moveTo(client);
  }
}

/** Every thread of this process; those that run already do not follow by themselves. */
function moveTo(cores: string): void {
  const { status } = spawnSync("taskset", ["-a", "-c", "-p", cores, String(process.pid)]);
  if (status !== 0) throw new Error(`taskset could not move this process to cores ${cores}`);
}

/** The first two cores this process may run on; a container need not have core 0. */
function allowedCores(): readonly string[] {
  if (platform() !== "linux" || availableParallelism() < 2) return [];
  const list = /^Cpus_allowed_list:\s*(\S+)/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? "";
  const cores: string[] = [];
  for (const range of list.split(",")) {
    const [first, last = first] = range.split("-").map(Number);
    for (let core = first ?? 0; core <= (last ?? -1) && cores.length < 2; core++) cores.push(String(core));
  }
  return cores;
}
