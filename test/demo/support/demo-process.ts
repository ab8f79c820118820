import { spawn } from "node:child_process";
import type { ChildProcessByStdio } from "node:child_process";
import { once } from "node:events";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";

import { onTestFinished } from "vitest";

const main = fileURLToPath(new URL("../../../examples/demo/main.ts", import.meta.url));

/** The demo in a process of its own. */
export class Demo {
  readonly #child: ChildProcessByStdio<null, Readable, Readable>;
  stdout = "";
  stderr = "";

  constructor(...args: readonly string[]) {
    const child = spawn(process.execPath, [main, ...args], { stdio: ["ignore", "pipe", "pipe"] });
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => (this.stdout += chunk));
    child.stderr.setEncoding("utf8").on("data", (chunk: string) => (this.stderr += chunk));
    onTestFinished(() => {
      child.kill("SIGKILL");
    });
    this.#child = child;
  }

  /** The exit code, once the process and everything that holds its pipes (its instances do) is gone. */
  async ended(): Promise<unknown> {
    const [code] = await once(this.#child, "close");
    return code;
  }

  /** Resolves when it has told people of `phrase`. */
  async says(phrase: string): Promise<void> {
    // eslint-disable-next-line no-await-in-loop -- one chunk after the other
    while (!this.stderr.includes(phrase)) await once(this.#child.stderr, "data");
  }

  interrupt(): void {
    this.#child.kill("SIGINT");
  }
}
