import { execFile } from "node:child_process";
import { lstat, mkdir, readdir, readlink, rm, symlink } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { promisify } from "node:util";

import { unpackDebian } from "./debian.ts";
import { findBinary, installRecipe } from "./recipe.ts";
import type { Recipe } from "./recipe.ts";

const run = promisify(execFile);
const oldest = 11;
const variable = "PROXYLESS_JAVA_BIN";

/** Java 17 without a screen, unpacked from Debian's packages: what stands in `/etc` there is found inside the tree. */
export const javaRecipe: Recipe = {
  name: "java",
  version: "17",
  variable,
  // A Java of PATH is looked at by its version first; see `findJava`.
  command: "proxyless-java-17",
  binary: "bin/java",
  install: async (tree, scratch) => {
    const packages = ["openjdk-17-jre-headless", "zlib1g", "libstdc++6", "libgcc-s1"];
    await unpackDebian({ suite: "bookworm", packages, sha256: {}, variable }, tree, scratch);
    const machines = join(tree, "usr/lib/jvm");
    const home = (await readdir(machines)).find((name) => name.startsWith("java-17-openjdk-"));
    if (home === undefined) throw new Error("there is no Java in Debian's package of it");
    await moveLinks(join(machines, home), tree);
    await mkdir(join(tree, "bin"));
    await symlink(join("../usr/lib/jvm", home, "bin/java"), join(tree, "bin/java"));
  },
};

/** A Java that can run the servers, and the environment it needs; installed when this machine has none of 11 or newer. */
export async function findJava(): Promise<{ readonly java: string; readonly env: NodeJS.ProcessEnv }> {
  const named = findBinary(javaRecipe);
  if (named?.from !== "environment" && (await versionOf("java")) >= oldest) return { java: "java", env: {} };
  const java = await installRecipe(javaRecipe);
  return { java, env: named?.from === "environment" ? {} : await libraryPath(java) };
}

/** The libraries beside an unpacked Java, for a machine that has not even those. */
async function libraryPath(java: string): Promise<NodeJS.ProcessEnv> {
  const folder = join(dirname(java), "../usr/lib");
  const names = await readdir(folder).catch(() => []);
  const machine = names.find((name) => name.endsWith("-linux-gnu"));
  return machine === undefined ? {} : { LD_LIBRARY_PATH: join(folder, machine) };
}

/** The version of a Java, 0 where there is none; `java -version` says it on its error stream. */
async function versionOf(java: string): Promise<number> {
  try {
    const { stderr } = await run(java, ["-version"]);
    const [, major = "0", minor = "0"] = /version "(\d+)(?:\.(\d+))?/.exec(stderr) ?? [];
    return major === "1" ? Number(minor) : Number(major);
  } catch {
    return 0;
  }
}

/** Debian's package keeps its settings in `/etc` and links to them: the links are made to lead to the unpacked ones. */
async function moveLinks(folder: string, tree: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    // eslint-disable-next-line no-await-in-loop -- a few hundred, limited by the disk
    const kind = await lstat(path);
    // eslint-disable-next-line no-await-in-loop -- as above
    if (kind.isDirectory()) await moveLinks(path, tree);
    // eslint-disable-next-line no-await-in-loop -- as above
    else if (kind.isSymbolicLink()) await moveLink(path, tree);
  }
}

async function moveLink(path: string, tree: string): Promise<void> {
  const target = await readlink(path);
  if (!target.startsWith("/etc/java-")) return;
  await rm(path);
  await symlink(relative(dirname(path), join(tree, target)), path);
}
