import { execFile } from "node:child_process";
import { resolve } from "node:path";
import { promisify } from "node:util";

import { expect, it } from "vitest";

const guide = resolve(import.meta.dirname, "../../scripts/sim/guide.ts");

it.each([
  ["choosing-a-balancer.md", ["linkerd-2016", "fast-failing", "grey-latency", "cold-start"]],
  ["what-happens-when.md", ["dead-dependency-3-layers", "paused-process", "backoff-contention"]],
])(
  "docs/%s says what the simulator says: run pnpm sim:docs",
  async (_, scenarios) => {
    const { stderr } = await promisify(execFile)(process.execPath, [guide, "--check", ...scenarios]);
    expect(stderr).toBe("");
  },
  120_000,
);
