import { events } from "./protocol.ts";
import type { WatchEvent } from "./protocol.ts";

/** Hears of changes at a node and its children. */
export type TreeListener = (event: WatchEvent) => void;

/** The watches that shoot once: data, existence, children. */
export interface OneShotWatches {
  readonly data: Set<string>;
  readonly exists: Set<string>;
  readonly children: Set<string>;
}

/** Who wants to hear of what, and which one-shot watches are armed for it: what a new connection has to be told again. */
export class WatchRegister {
  readonly #listeners = new Map<string, Set<TreeListener>>();
  readonly oneShot: OneShotWatches = { data: new Set(), exists: new Set(), children: new Set() };

  /** Every node that somebody listens at. */
  get paths(): readonly string[] {
    return [...this.#listeners.keys()];
  }

  add(path: string, listener: TreeListener): void {
    const known = this.#listeners.get(path);
    if (known === undefined) this.#listeners.set(path, new Set([listener]));
    else known.add(listener);
  }

  /** @returns whether nobody listens there any more */
  delete(path: string, listener: TreeListener): boolean {
    const known = this.#listeners.get(path);
    if (known?.delete(listener) !== true || known.size > 0) return false;
    this.#listeners.delete(path);
    for (const set of Object.values(this.oneShot)) {
      for (const watched of set) if (watched === path || parentOf(watched) === path) set.delete(watched);
    }
    return true;
  }

  /** Tells those who listen at the node or at its parent; a watch that shoots once has shot. */
  dispatch(event: WatchEvent): void {
    const { path, type } = event;
    if (type === events.childrenChanged || type === events.deleted) this.oneShot.children.delete(path);
    if (type === events.created || type === events.dataChanged || type === events.deleted) {
      this.oneShot.data.delete(path);
      this.oneShot.exists.delete(path);
    }
    for (const place of [path, parentOf(path)]) {
      for (const listener of this.#listeners.get(place) ?? []) listener(event);
    }
  }
}

/** The path of the node above; the root's is itself. */
export function parentOf(path: string): string {
  const slash = path.lastIndexOf("/");
  return slash <= 0 ? "/" : path.slice(0, slash);
}
