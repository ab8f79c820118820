import type { SliceJson } from "./slices.ts";

/** A slice as the server keeps it. */
export interface Stored extends SliceJson {
  readonly namespace: string;
  readonly revision: number;
}

/** One change. */
export interface Change {
  readonly revision: number;
  readonly before: Stored | undefined;
  readonly after: Stored | undefined;
}

/**
 * What etcd is to an API server: slices, every change with a revision of its own, and a point before which nothing is
 * remembered.
 */
export class SliceHistory {
  #changes: Change[] = [];
  #now = new Map<string, Stored>();
  #revision: number;
  /** Watches and continued lists from before this are refused. */
  compacted: number;
  readonly #watchers = new Set<(change: Change) => void>();

  constructor(firstRevision = 1000) {
    this.#revision = firstRevision;
    this.compacted = firstRevision;
  }

  get revision(): number {
    return this.#revision;
  }

  get(namespace: string, name: string): Stored | undefined {
    return this.#now.get(`${namespace}/${name}`);
  }

  /** Writes a slice, or removes it. @returns the new revision */
  write(namespace: string, name: string, slice: SliceJson | undefined): number {
    const key = `${namespace}/${name}`;
    const before = this.#now.get(key);
    const revision = ++this.#revision;
    const after = slice === undefined ? undefined : { ...slice, namespace, revision };
    if (after === undefined) this.#now.delete(key);
    else this.#now.set(key, after);
    const change = { revision, before, after };
    this.#changes.push(change);
    for (const watcher of this.#watchers) watcher(change);
    return revision;
  }

  /** Moves the revision on without a change, as writes of other kinds of object do. */
  touch(): void {
    this.#revision++;
  }

  /** Forgets what was before now. */
  compact(): void {
    this.compacted = this.#revision;
  }

  /** What was there at a revision, in the order of the names. */
  at(revision: number): readonly Stored[] {
    const found = new Map(this.#now);
    for (const { revision: when, before, after } of this.#changes.toReversed()) {
      if (when <= revision) break;
      const { namespace, metadata } = before ?? after ?? never();
      const key = `${namespace}/${metadata.name}`;
      if (before === undefined) found.delete(key);
      else found.set(key, before);
    }
    return [...found].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, slice]) => slice);
  }

  /** The changes after a revision. */
  since(revision: number): readonly Change[] {
    return this.#changes.filter((change) => change.revision > revision);
  }

  /** Tells every change from now on. @returns what ends that */
  watch(tell: (change: Change) => void): () => void {
    this.#watchers.add(tell);
    return () => {
      this.#watchers.delete(tell);
    };
  }

  /** Loses everything, as a new etcd does; revisions begin low again. */
  wipe(): void {
    this.#changes = [];
    this.#now = new Map();
    this.#revision = 1;
    this.compacted = 1;
  }
}

function never(): never {
  throw new Error("a change has one side at least");
}
