import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

import { expect, it, onTestFinished } from "vitest";

import { instance } from "../consul/traffic.ts";

const program = join(import.meta.dirname, "follower.ts");
/** Permissions do not bind root, unless it has given up the rights to pass over them. */
const humbly = ["--bounding-set", "-dac_override,-dac_read_search"];

interface Said {
  readonly port?: number;
  readonly kind?: string;
  readonly message?: string;
}

/** A process of its own that calls `orders`; what it said so far. */
function follower(path: string): readonly Said[] {
  const said: Said[] = [];
  const isRoot = process.getuid?.() === 0;
  const args = [...(isRoot ? [...humbly, process.execPath] : []), program, path];
  const child = spawn(isRoot ? "setpriv" : process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  createInterface(child.stdout).on("line", (line) => said.push(JSON.parse(line)));
  onTestFinished(async () => {
    child.kill();
    if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  });
  return said;
}

it.each(["file", "folder"] as const)(
  "is called on while nobody may read the %s any more, and followed again when one may",
  { timeout: 60_000 },
  async (what) => {
    const folder = await mkdtemp(join(tmpdir(), "proxyless-file-"));
    const path = join(folder, "mesh.json");
    const denied = what === "file" ? path : folder;
    onTestFinished(async () => {
      await chmod(folder, 0o700);
      await rm(folder, { recursive: true });
    });
    const list = async (...ports: readonly number[]): Promise<void> => {
      const orders = ports.map((port) => `127.0.0.1:${port}`);
      await writeFile(`${path}.tmp`, JSON.stringify({ services: { orders } }));
      await rename(`${path}.tmp`, path);
    };
    const [first, second] = [await instance(), await instance()];
    await list(first);
    const said = follower(path);
    const answersOf = (port: number, from: number): number =>
      said.slice(from).filter((each) => each.port === port).length;
    const polled = { timeout: 20_000, interval: 10 };
    await expect.poll(() => answersOf(first, 0), polled).toBeGreaterThan(0);

    await chmod(denied, 0o000);
    await expect.poll(() => said.find(({ kind }) => kind === "transient")?.message, polled).toMatch(/EACCES/);
    const from = said.length;
    await expect.poll(() => answersOf(first, from), polled).toBeGreaterThan(50);

    await chmod(denied, what === "file" ? 0o600 : 0o700);
    await expect.poll(() => said.some(({ kind }) => kind === "recovered"), polled).toBe(true);
    await list(second);
    await expect.poll(() => answersOf(second, 0), polled).toBeGreaterThan(0);
    expect(said.filter(({ kind }) => kind === "failure")).toEqual([]);
  },
);
