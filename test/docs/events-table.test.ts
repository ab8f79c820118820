import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";

import { expect, it } from "vitest";

import { root } from "./markdown.ts";

it("docs/events.md says what the types say: run pnpm events:docs", async () => {
  const script = join(root, "scripts/events-table.ts");
  const { stderr } = await promisify(execFile)(process.execPath, [script, "--check"]);
  expect(stderr).toBe("");
});
