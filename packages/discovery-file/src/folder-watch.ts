import { watch } from "node:fs";
import type { FSWatcher } from "node:fs";
import { stat } from "node:fs/promises";
import { basename, dirname } from "node:path";

import { reasonOf } from "./read-file.ts";

/** What happened in a folder: a name came, went or was replaced (`rename`), or a file was written to (`change`). */
export type FolderEvent = (kind: "rename" | "change", name: string | undefined) => void;

/** Node's own `fs.watch`, or what stands in for a system that has none left. */
export type WatchFolder = (folder: string, options: { readonly persistent: false }) => FSWatcher;

/**
 * Watches a folder, not its files: a watch on a file goes blind with the first replacement of the file, be it a rename or a
 * ConfigMap's swap of links. The folder above is watched too, for the folder itself may be a link or be made anew.
 */
export class FolderWatch {
  readonly folder: string;
  readonly #onEvent: FolderEvent;
  readonly #watchFolder: WatchFolder;
  #watchers: FSWatcher[] = [];
  /** Which folder the watch is on: its name may mean another one by now. */
  #identity = "";
  /** Why there is no watch; `undefined` while there is one, or the folder is not there. */
  problem: string | undefined;

  constructor(folder: string, onEvent: FolderEvent, watchFolder: WatchFolder = watch) {
    this.folder = folder;
    this.#watchFolder = watchFolder;
    this.#onEvent = onEvent;
  }

  /** Makes sure that what is watched is the folder of that name; cheap when it is. */
  async ensure(): Promise<void> {
    const identity = await identityOf(this.folder);
    if (identity === this.#identity) return;
    this.close();
    this.#identity = identity;
    if (identity === "") return;
    const name = basename(this.folder);
    const own = this.#open(this.folder, (kind, changed) => {
      // It may be the folder's own end; a new one may get the same identity.
      if (kind === "rename" && changed === name) this.#identity = "";
      this.#onEvent(kind, changed);
    });
    if (own === undefined) {
      // Rights and watches may come back: the next reading tries again.
      this.#identity = "";
      return;
    }
    const above = dirname(this.folder);
    // Without it a folder that is replaced is found out by the next poll.
    if (above !== this.folder) {
      const problem = this.problem;
      this.#open(above, (kind, changed) => {
        if (kind !== "rename" || changed !== name) return;
        this.#identity = "";
        this.#onEvent("rename", undefined);
      });
      this.problem = problem;
    }
  }

  close(): void {
    for (const watcher of this.#watchers) watcher.close();
    this.#watchers = [];
    this.#identity = "";
  }

  #open(folder: string, onEvent: FolderEvent): FSWatcher | undefined {
    try {
      const watcher = this.#watchFolder(folder, { persistent: false });
      watcher.on("change", (kind, name) => {
        onEvent(kind === "change" ? "change" : "rename", typeof name === "string" ? name : undefined);
      });
      watcher.on("error", (error) => {
        this.problem = `watching ${folder} ended (${reasonOf(error)})`;
        this.close();
        this.#onEvent("rename", undefined);
      });
      this.#watchers.push(watcher);
      this.problem = undefined;
      return watcher;
    } catch (error) {
      this.problem = `cannot watch ${folder} (${reasonOf(error)})`;
      return undefined;
    }
  }
}

async function identityOf(folder: string): Promise<string> {
  try {
    const { birthtimeMs, dev, ino } = await stat(folder);
    return `${dev}:${ino}:${birthtimeMs}`;
  } catch {
    return "";
  }
}
