import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

import { backendCommand } from "./cores.ts";

/** A process that answers HTTP on ports of 127.0.0.1; see `backend.ts`. */
export class Backend implements AsyncDisposable {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  static start(): Backend {
    const [command, ...args] = backendCommand();
    const file = fileURLToPath(new URL("backend.ts", import.meta.url));
    return new Backend(
      spawn(command ?? process.execPath, [...args, file], { stdio: ["ignore", "inherit", "inherit", "ipc"] }),
    );
  }

  /** Opens one more port and returns it. */
  async listen(): Promise<number> {
    const answer = await this.#ask("listen");
    if (typeof answer !== "object" || answer === null || !("port" in answer)) throw new Error("no port");
    return Number(answer.port);
  }

  /** CPU time used so far, in microseconds. */
  async cpu(): Promise<number> {
    const answer = await this.#ask("cpu");
    if (typeof answer !== "object" || answer === null || !("cpu" in answer)) throw new Error("no usage");
    const { cpu } = answer;
    if (typeof cpu !== "object" || cpu === null || !("user" in cpu) || !("system" in cpu)) return Number.NaN;
    return Number(cpu.user) + Number(cpu.system);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const exited = once(this.#child, "exit");
    this.#child.disconnect();
    await exited;
  }

  async #ask(question: string): Promise<unknown> {
    const ended = new AbortController();
    const died = (): void => {
      ended.abort(new Error("the backend process ended"));
    };
    this.#child.once("exit", died);
    try {
      const answered = once(this.#child, "message", { signal: ended.signal });
      this.#child.send(question);
      const [answer]: unknown[] = await answered;
      return answer;
    } finally {
      this.#child.off("exit", died);
    }
  }
}
