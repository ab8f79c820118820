import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { onTestFinished } from "vitest";

/** A folder of the test's own. */
export async function folder(): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), "proxyless-file-"));
  onTestFinished(() => rm(made, { recursive: true, force: true }));
  return made;
}

/** Replaces a file in one step, as one should. */
export async function swap(path: string, content: string): Promise<void> {
  await writeFile(`${path}.tmp`, content);
  await rename(`${path}.tmp`, path);
}

/** A list of the package's own shape. */
export function list(...addresses: readonly string[]): string {
  return JSON.stringify({ services: { orders: addresses } });
}
