import { hash, randomBytes } from "node:crypto";
import { constants } from "node:fs";
import { lstat, mkdir, open, readdir, readFile, rename, stat, unlink } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { join } from "node:path";

import type { Snapshot } from "../source.ts";
import { cacheTail, readEntry, writeEndpoint, writeHead } from "./cache-entry.ts";
import type { CachedList, CacheTarget } from "./cache-entry.ts";
import type { CacheSettings } from "./cache-options.ts";

/** So many endpoints are turned into text at once; then others get their turn. */
const CHUNK = 250;
/** By so much of its limit a folder may be fuller for a while. */
const SLACK = 1 / 8;
/** What a process that died in the middle of a write left behind. */
const ABANDONED_MS = 3_600_000;
const newline = 0x0a;
/** Line ends of a file that belong to no endpoint. */
const LINES_AROUND = 2;
/** Bits of a mode that let others than the owner write. */
const FOREIGN_WRITE = 0o022;

/**
 * A folder with one file per list. A file is replaced as a whole or not at all, is for its owner's eyes alone, and is not
 * believed when somebody else could have written it: who can plant endpoints can read what is sent to them.
 */
export class CacheFolder {
  readonly #settings: CacheSettings;
  /** Names of lists that are known to be there. */
  readonly #names = new Set<string>();
  /** So many new names may come before it is tidied again: that takes a look at every file. */
  #room = 0;

  constructor(settings: CacheSettings) {
    this.#settings = settings;
  }

  /**
   * The list of a target.
   * @returns undefined where there is no file, and a sentence where it cannot be used
   */
  async read(target: CacheTarget, wallNow: number): Promise<CachedList | string | undefined> {
    const { directory, maxAgeMs, maxBytes } = this.#settings;
    const name = fileName(target);
    let file: FileHandle | undefined;
    try {
      const problem = await this.#problem();
      if (problem !== undefined) return problem;
      file = await open(join(directory, name), constants.O_RDONLY | constants.O_NOFOLLOW);
      const found = await file.stat();
      if (!found.isFile() || isForeign(found)) return `${name} is not used: others may have written it`;
      if (found.size > maxBytes) return `${name} is not used: it is longer than ${maxBytes} bytes`;
      const list = readEntry(await file.readFile("utf8"), target, wallNow, maxAgeMs);
      return typeof list === "string" ? `${name} is not used: ${list}` : list;
    } catch (error) {
      return codeOf(error) === "ENOENT" ? undefined : `${name} cannot be read: ${codeOf(error)}`;
    } finally {
      await file?.close().catch(() => undefined);
    }
  }

  /** How many endpoints the file of a target holds, 0 where it could not be used: by its lines, without reading what they say. */
  async count(target: CacheTarget, wallNow: number): Promise<number> {
    const { directory, maxAgeMs, maxBytes } = this.#settings;
    try {
      const path = join(directory, fileName(target));
      const { mtimeMs, size } = await lstat(path);
      if (size > maxBytes || wallNow - mtimeMs > maxAgeMs) return 0;
      const content = await readFile(path);
      let lines = 0;
      for (let at = content.indexOf(newline); at >= 0; at = content.indexOf(newline, at + 1)) lines++;
      return Math.max(0, lines - LINES_AROUND);
    } catch {
      return 0;
    }
  }

  /**
   * Replaces the list of a target, unless the new one holds nothing usable.
   * @param savedAt when what it says was last known, where that is not now
   * @returns how many endpoints were written, or a sentence that says why it could not be done
   */
  async write(
    target: CacheTarget,
    snapshot: Snapshot,
    wallNow: number,
    savedAt: number = wallNow,
  ): Promise<number | string> {
    const { directory, maxBytes } = this.#settings;
    const name = fileName(target);
    // Written beside the file: a rename within a folder is atomic.
    const temporary = join(directory, `.${name}.${randomBytes(6).toString("hex")}.tmp`);
    let file: FileHandle | undefined;
    try {
      await mkdir(directory, { recursive: true, mode: 0o700 });
      const problem = await this.#problem();
      if (problem !== undefined) return problem;
      file = await open(temporary, "wx", 0o600);
      const head = writeHead(target, savedAt, snapshot.revision);
      const written = await writeList(file, head, snapshot.endpoints, maxBytes);
      if (written === undefined) return `${name} is not written: it would be longer than ${maxBytes} bytes`;
      if (written === 0) return 0;
      await file.datasync();
      await file.close();
      file = undefined;
      await rename(temporary, join(directory, name));
      if (this.#isTooMany(name)) await this.#tidy(name, wallNow);
      return written;
    } catch (error) {
      return `${name} cannot be written: ${codeOf(error)}`;
    } finally {
      await file?.close().catch(() => undefined);
      // Gone after the rename; still there after anything else.
      await unlink(temporary).catch(() => undefined);
    }
  }

  async #problem(): Promise<string | undefined> {
    const found = await stat(this.#settings.directory);
    return isForeign(found) ? "the directory is not used: others may write to it" : undefined;
  }

  #isTooMany(name: string): boolean {
    if (this.#names.has(name)) return false;
    this.#names.add(name);
    this.#room--;
    if (this.#room >= 0) return false;
    this.#room = Math.floor(this.#settings.maxFiles * SLACK);
    return true;
  }

  /** Lets go of what nobody will replace any more, but not of the one that was just written. */
  async #tidy(newest: string, wallNow: number): Promise<void> {
    const { directory, maxFiles } = this.#settings;
    const names = await readdir(directory);
    const own = names.filter((name) => /^\.?proxyless-.*\.(?:json|tmp)$/u.test(name));
    const dated = await Promise.all(
      own.map(async (name) => {
        const found = await lstat(join(directory, name)).catch(() => undefined);
        // Two may be of the same tick of the file system's clock.
        return { name, savedAt: name === newest ? Infinity : (found?.mtimeMs ?? wallNow) };
      }),
    );
    const lists = dated.filter(({ name }) => name.endsWith(".json"));
    const sorted = lists.toSorted((a, b) => b.savedAt - a.savedAt);
    const excess = sorted.slice(maxFiles);
    for (const { name } of sorted.slice(0, maxFiles)) this.#names.add(name);
    for (const { name } of excess) this.#names.delete(name);
    const abandoned = dated.filter(
      ({ name, savedAt }) => name.endsWith(".tmp") && savedAt < wallNow - ABANDONED_MS,
    );
    await Promise.all(
      [...excess, ...abandoned].map(({ name }) => unlink(join(directory, name)).catch(() => undefined)),
    );
  }
}

/** Readable for people, and unlike for whatever is not the same. */
function fileName({ key, service, source }: CacheTarget): string {
  const plain = service.replaceAll(/[^A-Za-z0-9_-]+/gu, "_").slice(0, 64);
  const digest = hash("sha256", JSON.stringify([source, key, service])).slice(0, 16);
  return `proxyless-${plain}-${digest}.json`;
}

/**
 * Writes piece by piece: a list of ten thousand as one text would hold up the process.
 * @returns how many were written; undefined where they do not fit
 */
async function writeList(
  file: FileHandle,
  head: string,
  endpoints: readonly unknown[],
  maxBytes: number,
): Promise<number | undefined> {
  let bytes = 0;
  let written = 0;
  const put = async (text: string): Promise<boolean> => {
    bytes += Buffer.byteLength(text);
    if (bytes > maxBytes) return false;
    await file.writeFile(text);
    return true;
  };
  if (!(await put(head))) return undefined;
  for (let i = 0; i < endpoints.length; i += CHUNK) {
    const lines = endpoints
      .slice(i, i + CHUNK)
      .map(writeEndpoint)
      .filter(isText);
    if (lines.length === 0) continue;
    const text = lines.join(",\n");
    // eslint-disable-next-line no-await-in-loop -- the order of a file
    if (!(await put(written === 0 ? text : `,\n${text}`))) return undefined;
    written += lines.length;
  }
  return (await put(cacheTail)) ? written : undefined;
}

function isText(line: string | undefined): line is string {
  return line !== undefined;
}

function isForeign({ mode, uid }: { readonly mode: number; readonly uid: number }): boolean {
  // Windows has neither.
  const own = process.getuid?.();
  return own !== undefined && (uid !== own || (mode & FOREIGN_WRITE) !== 0);
}

function codeOf(error: unknown): string {
  if (error instanceof Error && "code" in error && typeof error.code === "string") return error.code;
  return error instanceof Error ? error.name : "unknown";
}
