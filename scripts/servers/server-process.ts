import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { setTimeout as wait } from "node:timers/promises";

import { until } from "./until.ts";
import { guard, release } from "./watchdog.ts";

/** What to run. */
export interface ServerCommand {
  /** Shown in errors. */
  readonly name: string;
  readonly binary: string;
  readonly args: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  /** Where both output streams are appended. */
  readonly logFile: string;
}

/**
 * One server as a child process that can be started again. It never outlives this process, never keeps this process
 * alive, and a Ctrl-C at the terminal reaches it only through us.
 */
export class ServerProcess {
  readonly #command: ServerCommand;
  #child: ChildProcess | undefined;
  #exited: Promise<unknown> = Promise.resolve();

  constructor(command: ServerCommand) {
    this.#command = command;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  get isRunning(): boolean {
    return this.#child !== undefined;
  }

  /** Starts the process; returns as soon as it exists. */
  async start(): Promise<void> {
    if (this.#child !== undefined) throw new Error(`${this.#command.name} is running already`);
    const log = openSync(this.#command.logFile, "a");
    const { binary, args, env } = this.#command;
    const child = spawn(binary, args, {
      detached: true,
      stdio: ["ignore", log, log],
      env: { ...process.env, ...env },
    });
    closeSync(log);
    await once(child, "spawn");
    const { pid } = child;
    if (pid === undefined) throw new Error(`${this.#command.name} has no process id`);
    guard(pid);
    child.unref();
    this.#child = child;
    this.#exited = this.#untilExit(child, pid);
  }

  /** Asks the process to end (SIGTERM), and makes it after `graceMs`. */
  async stop(graceMs = 5000): Promise<void> {
    if (this.#child === undefined) return;
    this.#child.kill("SIGCONT");
    this.#child.kill("SIGTERM");
    const ended = new AbortController();
    this.#child.ref();
    const forced = wait(graceMs, undefined, { signal: ended.signal }).then(
      () => this.#child?.kill("SIGKILL"),
      () => undefined,
    );
    await this.#exited;
    ended.abort();
    await forced;
  }

  /** Ends the process at once (SIGKILL), as a crash would. */
  async kill(): Promise<void> {
    if (this.#child === undefined) return;
    this.#child.ref();
    this.#child.kill("SIGKILL");
    await this.#exited;
  }

  /** Freezes the process (SIGSTOP): its sockets stay open and say nothing. Returns once it stands still. */
  async pause(): Promise<void> {
    this.#signal("SIGSTOP");
    // The signal is asynchronous and nothing tells of its effect.
    await until(`${this.#command.name} stands still`, 2000, async () =>
      (await this.#state()) === "T" ? true : undefined,
    );
  }

  /** Lets a frozen process go on. */
  resume(): void {
    this.#signal("SIGCONT");
  }

  /** The end of the log, for errors. */
  async logTail(lines = 15): Promise<string> {
    const log = await readFile(this.#command.logFile, "utf8").catch(() => "");
    return log.trimEnd().split("\n").slice(-lines).join("\n");
  }

  async #untilExit(child: ChildProcess, pid: number): Promise<void> {
    await once(child, "exit");
    release(pid);
    if (this.#child === child) this.#child = undefined;
  }

  #signal(name: NodeJS.Signals): void {
    if (this.#child === undefined) throw new Error(`${this.#command.name} is not running`);
    this.#child.kill(name);
  }

  async #state(): Promise<string> {
    try {
      const stat = await readFile(`/proc/${this.pid ?? 0}/stat`, "utf8");
      return stat.slice(stat.lastIndexOf(")") + 2, stat.lastIndexOf(")") + 3);
    } catch {
      return "T";
    }
  }
}
