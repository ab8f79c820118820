import { fork } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";

import type { FromInstance, InstanceConfig, ToInstance } from "./orders.ts";

const serviceFile = fileURLToPath(new URL("service.ts", import.meta.url));
const patienceMs = 3000;

/** One instance of the service: a child process that does not outlive this one. */
export class Instance {
  readonly name: string;
  /** What was done to it, for people; empty while it is well. */
  condition = "";
  /** 0 until it serves. */
  port = 0;
  readonly #child: ChildProcess;

  constructor(config: InstanceConfig) {
    this.name = config.name;
    this.#child = fork(serviceFile, [JSON.stringify(config)], {
      stdio: ["ignore", "ignore", "inherit", "ipc"],
    });
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** Resolves when its process is up and waits for {@link serve}. */
  async booted(): Promise<void> {
    await this.#hears("booted");
  }

  /** Lets it take a free port and register itself; resolves when it has. */
  async serve(): Promise<void> {
    const serving = this.#hears("serving");
    this.#tell({ type: "serve" });
    const answer = await serving;
    if (answer.type === "serving") this.port = answer.port;
  }

  /** Multiplies its service times. */
  setPace(factor: number): void {
    this.#tell({ type: "pace", factor });
  }

  /** SIGKILL: no goodbye, to nobody. */
  async kill(): Promise<void> {
    if (this.#hasEnded) return;
    this.#child.kill("SIGKILL");
    await once(this.#child, "exit");
  }

  /** Lets it deregister and finish, and kills it when it does not. */
  async stop(): Promise<void> {
    if (this.#hasEnded) return;
    const exited = once(this.#child, "exit");
    this.#tell({ type: "stop" });
    const inTime = new AbortController();
    const forced = wait(patienceMs, undefined, { signal: inTime.signal }).then(
      () => this.#child.kill("SIGKILL"),
      () => undefined,
    );
    await exited;
    inTime.abort();
    await forced;
  }

  get #hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  #tell(message: ToInstance): void {
    // A message to a process that just died is no error: its end is reported by itself.
    if (this.#child.connected) this.#child.send(message, () => undefined);
  }

  async #hears(type: FromInstance["type"]): Promise<FromInstance> {
    const child = this.#child;
    return new Promise((resolve, reject) => {
      const onMessage = (message: FromInstance): void => {
        if (message.type === type) settle(() => resolve(message));
      };
      const onExit = (code: number | null, signal: string | null): void => {
        settle(() => reject(new Error(`${this.name} ended too early (${signal ?? `exit code ${code}`})`)));
      };
      const settle = (how: () => void): void => {
        child.off("message", onMessage);
        child.off("exit", onExit);
        how();
      };
      child.on("message", onMessage);
      child.on("exit", onExit);
    });
  }
}
