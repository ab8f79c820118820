import { execFile } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { root } from "./markdown.ts";
import type { Block } from "./markdown.ts";
import type { Surroundings } from "./surroundings.ts";

/** Inside the workspace, so that the packages' names resolve; git does not see it. One per process: tests may run twice. */
const shared = join(import.meta.dirname, ".blocks");
const folder = join(shared, `run-${process.pid}`);
const limitMs = 15_000;
const atOnce = 2;

/** How a program ended. */
export interface Ending {
  readonly code: number | string;
  readonly stdout: string;
  readonly stderr: string;
}

/** Writes every block to a file of its own, with its code on the lines that it has in its page. */
export function writeBlocks(blocks: readonly Block[], surroundings: Surroundings): void {
  for (const block of blocks) {
    mkdirSync(join(folder, slug(block.page)), { recursive: true });
    writeFileSync(fileOf(block), "\n".repeat(block.line - 1) + surroundings.place(block.code, block.needs));
  }
  const config = {
    extends: join(root, "tsconfig.json"),
    include: [],
    files: blocks.map((block) => fileOf(block)),
  };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(config, undefined, 2));
}

/** Removes what {@link writeBlocks} wrote. */
export function removeBlocks(): void {
  rmSync(folder, { recursive: true, force: true });
}

/** Type-checks the blocks in one run. @returns the complaints, by `page:line`; none when all is well */
export async function checkTypes(blocks: readonly Block[]): Promise<string> {
  const compiler = join(root, "node_modules/typescript/bin/tsc");
  const { code, stdout, stderr } = await run(
    [compiler, "--pretty", "false", "-p", join(folder, "tsconfig.json")],
    60_000,
  );
  return code === 0 ? "" : inPages(stdout + stderr, blocks);
}

/** Runs blocks as programs, a few at a time. */
export async function runBlocks(blocks: readonly Block[]): Promise<ReadonlyMap<Block, Ending>> {
  const endings = new Map<Block, Ending>();
  const waiting = [...blocks];
  const work = async (): Promise<void> => {
    for (let block = waiting.shift(); block !== undefined; block = waiting.shift()) {
      const ending = await run([fileOf(block)], limitMs);
      endings.set(block, { ...ending, stderr: inPages(ending.stderr, blocks) });
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return endings;
}

/** Text of a program without what differs from run to run: ports, durations, costs. */
export function masked(text: string): string {
  return text
    .replaceAll(/127\.0\.0\.1:\d+/g, "127.0.0.1:…")
    .replaceAll(/\b\d+(\.\d+)?(?= ms\b)/g, "…")
    .replaceAll(/(?<=\bcost )[\d.e+-]+/g, "…")
    .replaceAll(/[ \t]+$/gm, "")
    .trim();
}

function run(args: readonly string[], timeout: number): Promise<Ending> {
  const { NODE_OPTIONS: _, ...own } = process.env;
  // Every block loads the same sources: compiling them once is most of the time.
  const env = { ...own, NODE_COMPILE_CACHE: join(shared, "cache") };
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      args,
      { cwd: folder, env, timeout, killSignal: "SIGKILL", maxBuffer: 8 * 1024 * 1024 },
      (error, stdout, stderr) => {
        const killed = error?.killed === true ? `killed after ${timeout} ms` : undefined;
        resolve({ code: killed ?? error?.code ?? (error === null ? 0 : "failed"), stdout, stderr });
      },
    );
  });
}

function slug(page: string): string {
  return page.replaceAll("/", "+").replace(/\.md$/, "");
}

function fileOf(block: Block): string {
  return join(folder, slug(block.page), block.file ?? `line-${block.line}.ts`);
}

/** The same text with pages in place of the files that were made of them; the lines are the same. */
function inPages(text: string, blocks: readonly Block[]): string {
  let told = text;
  for (const block of blocks) {
    for (const path of [fileOf(block), `${slug(block.page)}/${block.file ?? `line-${block.line}.ts`}`]) {
      told = told.replaceAll(path, block.page);
    }
  }
  return told.replaceAll(/(\S+\.md)\((\d+),(\d+)\)/g, "$1:$2:$3").replaceAll("file://", "");
}
