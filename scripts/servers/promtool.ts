import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { readlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { text } from "node:stream/consumers";

import { installServer } from "./recipes.ts";

/** How a tool ended and what it said, on both streams. */
export interface ToolResult {
  /** 0 when all is well; `check metrics` says 1 for what it cannot read and 3 for what it would name otherwise. */
  readonly code: number;
  readonly output: string;
}

/** Runs Prometheus' `promtool` (`["check", "metrics"]`, `["test", "rules", file]`); installs it if need be. */
export async function promtool(args: readonly string[], input = ""): Promise<ToolResult> {
  return run(await beside(await installServer("prometheus"), "promtool"), args, input);
}

/** Runs Alertmanager's `amtool`; installs it if need be. */
export async function amtool(args: readonly string[], input = ""): Promise<ToolResult> {
  const binary = await installServer("alertmanager");
  const inTree = join(dirname(binary), "../usr/bin/amtool");
  return run(existsSync(inTree) ? inTree : await beside(binary, "amtool"), args, input);
}

/** Where a server was installed, its tool was as a rule too; else it is on PATH. */
async function beside(binary: string, tool: string): Promise<string> {
  const target = await readlink(binary).catch(() => binary);
  const found = [join(dirname(binary), tool), join(dirname(target), tool)].find((path) => existsSync(path));
  return found ?? tool;
}

async function run(binary: string, args: readonly string[], input: string): Promise<ToolResult> {
  const child = spawn(binary, args);
  const ended = new Promise<number>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => {
      resolve(code ?? -1);
    });
  });
  // A tool that reads nothing may be gone before it was told everything.
  child.stdin.on("error", () => undefined);
  child.stdin.end(input);
  const [code, out, problems] = await Promise.all([ended, text(child.stdout), text(child.stderr)]);
  return { code, output: out + problems };
}
