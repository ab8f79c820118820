import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";

import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { checkTypes, masked, removeBlocks, runBlocks, writeBlocks } from "./block-runner.ts";
import type { Ending } from "./block-runner.ts";
import { readBlocks, readPages, root } from "./markdown.ts";
import type { Block } from "./markdown.ts";
import { Surroundings } from "./surroundings.ts";

const blocks = readPages().flatMap((page) => readBlocks(page));
const programs = blocks.filter(({ file, never }) => file === undefined && !never);
const surroundings = new Surroundings();
let complaints = "not checked";
let endings: ReadonlyMap<Block, Ending> = new Map();

beforeAll(async () => {
  await surroundings.start(new Set(programs.flatMap(({ needs }) => needs)));
  writeBlocks(blocks, surroundings);
  complaints = await checkTypes(blocks);
  endings = await runBlocks(programs);
}, 180_000);

afterAll(async () => {
  await surroundings[Symbol.asyncDispose]();
  removeBlocks();
});

describe("the code in the pages", () => {
  it("passes the type checker", () => {
    expect(complaints).toBe("");
  });

  it.each(programs.map((block) => [`${block.page}:${block.line}`, block] as const))(
    "runs: %s",
    (_, block) => {
      const { code, stdout, stderr } = endings.get(block) ?? { code: "never ran", stdout: "", stderr: "" };
      expect({ code, stderr: code === 0 ? "" : stderr }).toEqual({ code: 0, stderr: "" });
      expect(masked(stdout)).toBe(masked(block.output ?? stdout));
    },
  );

  it("in examples/quickstart.ts loses no call when an instance dies", async () => {
    const { stdout } = await promisify(execFile)(process.execPath, [join(root, "examples/quickstart.ts")]);
    expect(stdout).toContain("100 of 100 calls went well");
  });

  it("in examples/interop calls what other frameworks registered", { timeout: 240_000 }, async () => {
    const main = join(root, "examples/interop/main.ts");
    const { stdout } = await promisify(execFile)(process.execPath, [main]);
    expect(stdout).toContain("35 of 35 were called");
  });
});
