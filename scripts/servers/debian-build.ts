import { execFile } from "node:child_process";
import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

import { findMirror, isolatedApt, unpackDebian } from "./debian.ts";

const run = promisify(execFile);
const outputLimit = 64 * 1024 * 1024;

/** What a build needs from Debian; `variable` is named in the error when the machine cannot have it. */
export interface DebianWanted {
  /** A release's code name (`bookworm`, `sid`). */
  readonly suite: string;
  readonly variable: string;
}

/** Downloads a source package, with its signature checked by apt, and unpacks it; returns the folder of its files. */
export async function unpackDebianSource(
  name: string,
  { suite, variable }: DebianWanted,
  scratch: string,
): Promise<string> {
  await mkdir(scratch, { recursive: true });
  const options = await isolatedApt(scratch, suite, await findMirror({ variable }), true);
  await run("apt-get", [...options, "-qq", "update"]);
  await run("apt-get", [...options, "-qq", "--download-only", "source", name], { cwd: scratch });
  const description = (await readdir(scratch)).find((file) => file.endsWith(".dsc"));
  if (description === undefined) throw new Error(`apt brought no source package ${name} of ${suite}`);
  // apt has checked the hash of every file against the signed archive.
  const unpack = ["--no-check", "--extract", description, "source"];
  await run("dpkg-source", unpack, { cwd: scratch, maxBuffer: outputLimit });
  return join(scratch, "source");
}

/**
 * Unpacks `packages` and everything they depend on whose name begins with one of `families`, whatever this system has
 * installed.
 */
export async function unpackWithDependencies(
  packages: readonly string[],
  families: readonly string[],
  { suite, variable }: DebianWanted,
  tree: string,
  scratch: string,
): Promise<void> {
  const listing = join(scratch, "listing");
  await mkdir(listing, { recursive: true });
  const options = await isolatedApt(listing, suite, await findMirror({ variable }));
  await run("apt-get", [...options, "-qq", "update"]);
  const { stdout } = await run(
    "apt-get",
    [...options, "-qq", "-y", "--no-install-recommends", "--print-uris", "install", ...packages],
    { maxBuffer: outputLimit },
  );
  const names = stdout
    .split("\n")
    .map((line) => line.split(" ")[1]?.split("_")[0] ?? "")
    .filter((name) => families.some((family) => name.startsWith(family)));
  const download = join(scratch, "download");
  await mkdir(download, { recursive: true });
  await unpackDebian({ suite, packages: [...new Set(names)], sha256: {}, variable }, tree, download);
}

/** Runs a build at the lowest priority, so that it stays out of the way of whatever the machine does besides. */
export async function build(
  command: readonly string[],
  options: { readonly cwd: string; readonly env: NodeJS.ProcessEnv },
): Promise<void> {
  try {
    await run("nice", ["-n", "19", ...command], {
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
      maxBuffer: outputLimit,
    });
  } catch (error) {
    const output = error instanceof Error && "stderr" in error ? String(error.stderr) : String(error);
    throw new Error(`${command.join(" ")} failed; it said at last:\n${output.slice(-4000)}`, {
      cause: error,
    });
  }
}
