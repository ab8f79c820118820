import { randomUUID } from "node:crypto";
import { accessSync, constants } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";

import { withLock } from "./lock.ts";

/** How one kind of server gets onto this machine. A new kind is one file that makes one of these, listed in `recipes.ts`. */
export interface Recipe {
  /** What the command line calls it. */
  readonly name: string;
  /** The version that {@link install} brings; a binary of the environment or of PATH may be another. */
  readonly version: string;
  /** The environment variable that names a binary to use instead. */
  readonly variable: string;
  /** The binary's name on PATH. */
  readonly command: string;
  /** Where the binary stands inside an installed tree. */
  readonly binary: string;
  /** Puts the server into `tree`, an empty folder; `scratch` is another one for whatever it needs on the way. */
  install(tree: string, scratch: string): Promise<void>;
}

/** Where a binary came from. */
export interface FoundBinary {
  readonly path: string;
  readonly from: "environment" | "path" | "cache";
}

/** The folder that holds installed servers: `$PROXYLESS_SERVERS_DIR`, else `proxyless-servers` in the user's cache. */
function serversFolder(): string {
  const { PROXYLESS_SERVERS_DIR: own, XDG_CACHE_HOME: cache } = process.env;
  if (isSet(own)) return own;
  return join(isSet(cache) ? cache : join(homedir(), ".cache"), "proxyless-servers");
}

/** Finds a server's binary without installing anything: the environment first, then PATH, then the cache. */
export function findBinary(recipe: Recipe): FoundBinary | undefined {
  const named = process.env[recipe.variable];
  if (isSet(named)) {
    if (!isExecutable(named)) throw new Error(`${recipe.variable} is ${named}, which is no executable file`);
    return { path: named, from: "environment" };
  }
  for (const folder of (process.env["PATH"] ?? "").split(delimiter)) {
    const path = join(folder, recipe.command);
    if (folder !== "" && isExecutable(path)) return { path, from: "path" };
  }
  const path = join(treeOf(recipe), recipe.binary);
  return isExecutable(path) ? { path, from: "cache" } : undefined;
}

/**
 * The path of a server's binary, installed into the cache when this machine has none. Any number of processes may
 * ask at once: one installs, the others wait, and a tree appears under its final name only when it is whole.
 */
export async function installRecipe(recipe: Recipe): Promise<string> {
  const found = findBinary(recipe);
  if (found !== undefined) return found.path;
  const tree = treeOf(recipe);
  await mkdir(serversFolder(), { recursive: true });
  return withLock(`${tree}.lock`, async () => {
    const meanwhile = findBinary(recipe);
    if (meanwhile !== undefined) return meanwhile.path;
    const unique = `${tree}.${randomUUID()}`;
    const staged = `${unique}.tree`;
    const scratch = `${unique}.scratch`;
    try {
      await mkdir(staged);
      await mkdir(scratch);
      await recipe.install(staged, scratch);
      if (!isExecutable(join(staged, recipe.binary))) {
        throw new Error(`${recipe.name} ${recipe.version}: no ${recipe.binary} in what was installed`);
      }
      if (isExecutable(join(tree, recipe.binary))) return join(tree, recipe.binary);
      await rm(tree, { recursive: true, force: true });
      await rename(staged, tree);
    } finally {
      await rm(staged, { recursive: true, force: true });
      await rm(scratch, { recursive: true, force: true });
    }
    return join(tree, recipe.binary);
  });
}

function treeOf(recipe: Recipe): string {
  return join(serversFolder(), `${recipe.name}-${recipe.version}`);
}

function isSet(value: string | undefined): value is string {
  return value !== undefined && value !== "";
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
