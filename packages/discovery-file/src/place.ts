import { readdir, stat } from "node:fs/promises";
import { basename, dirname, extname, join, resolve } from "node:path";

import { SourceError } from "@proxyless/core/discovery";

import { reasonOf } from "./read-file.ts";

/** A folder, and which of its files count now. */
export interface Place {
  readonly folder: string;
  /** Absolute paths, sorted. */
  readonly files: readonly string[];
  /** Whether a file of that name counts, there or not. */
  matches(name: string): boolean;
  /** Why the folder's files cannot be said. */
  readonly problem?: SourceError;
}

const fileName = /^(?!\.)[\w.-]{1,200}$/u;
const endings: ReadonlySet<string> = new Set([".json", ".yaml", ".yml"]);
/** More files in one folder are somebody else's. */
const maxFiles = 10_000;

/**
 * The absolute path of an option for a service.
 * @throws SourceError `config` when the service's name cannot be a part of a file's name
 */
export function pathFor(path: string, service: string): string {
  if (!path.includes("{service}")) return resolve(path);
  if (fileName.test(service)) return resolve(path.replaceAll("{service}", () => service));
  throw new SourceError("config", `service ${JSON.stringify(service)} can be no part of a file's name`);
}

/** Where a path leads now: to a file, the files of a folder, or those that fit its pattern. */
export async function locate(path: string): Promise<Place> {
  const last = basename(path);
  if (/[*?]/u.test(last)) return listed(dirname(path), globMatcher(last));
  const isFolder = await stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
  if (isFolder) return listed(path, (name) => !name.startsWith(".") && endings.has(extname(name)));
  return { folder: dirname(path), files: [path], matches: (name) => name === last };
}

/** The service that a file is about when it does not say so itself: its name without the ending. */
export function serviceOf(path: string): string {
  const name = basename(path);
  const ending = extname(name);
  return endings.has(ending) ? name.slice(0, -ending.length) : name;
}

async function listed(folder: string, matches: (name: string) => boolean): Promise<Place> {
  try {
    const names = (await readdir(folder)).filter(matches).toSorted();
    if (names.length > maxFiles) {
      const problem = new SourceError("data", `${folder} has more than ${maxFiles} files`);
      return { folder, files: [], matches, problem };
    }
    return { folder, files: names.map((name) => join(folder, name)), matches };
  } catch (error) {
    const problem = new SourceError("transient", `cannot list ${folder}: ${reasonOf(error)}`, {
      cause: error,
    });
    return { folder, files: [], matches, problem };
  }
}

/** As a shell has it: `*` and `?` take in no hidden file. */
function globMatcher(glob: string): (name: string) => boolean {
  const source = glob.replaceAll(/[\s\S]/gu, (each) => {
    if (each === "*") return "[^/]*";
    if (each === "?") return "[^/]";
    return /[$()+.[\\\]^{|}]/u.test(each) ? `\\${each}` : each;
  });
  const pattern = new RegExp(`^${source}$`, "su");
  return (name) => pattern.test(name) && (!name.startsWith(".") || glob.startsWith("."));
}
