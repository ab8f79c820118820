import { spawn } from "node:child_process";
import type { ChildProcessByStdio } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";

import { onTestFinished } from "vitest";

import type { ServiceOrders } from "./registered-service.ts";

const program = join(import.meta.dirname, "registered-service.ts");

/** A running registered-service.ts and what it said. */
export class ServiceProcess {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #ended: Promise<unknown[]>;
  readonly lines: string[] = [];
  readonly #listeners = new Set<() => void>();

  constructor(orders: ServiceOrders) {
    this.#child = spawn(process.execPath, [program, JSON.stringify(orders)], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    this.#ended = once(this.#child, "close");
    createInterface(this.#child.stdout).on("line", (line) => {
      this.lines.push(line);
      for (const listener of this.#listeners) listener();
    });
    onTestFinished(() => {
      this.#child.kill("SIGKILL");
    });
  }

  get port(): number {
    return Number(this.lines.find((line) => line.startsWith("port "))?.slice(5));
  }

  /** Resolves when it has said a line that begins so. */
  async until(beginning: string, timeoutMs = 15_000): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const check = (): void => {
        if (!this.lines.some((line) => line.startsWith(beginning))) return;
        clearTimeout(timer);
        this.#listeners.delete(check);
        resolve();
      };
      const timer = setTimeout(() => {
        reject(new Error(`never said "${beginning}"; said: ${this.lines.join(", ")}`));
      }, timeoutMs);
      this.#listeners.add(check);
      check();
    });
  }

  signal(signal: "SIGTERM" | "SIGINT" | "SIGKILL"): void {
    this.#child.kill(signal);
  }

  stall(): void {
    this.#child.stdin.write("stall\n");
  }

  /** How it ended: its exit code, or the signal that ended it. */
  async end(): Promise<unknown> {
    const [code, signal] = await this.#ended;
    return signal ?? code;
  }
}
