/**
 * Turns the changes that a registry tells into the whole lists that a sink wants: entries under their registry keys,
 * each with what it was read as. Nothing outside sees it half filled: `replace` swaps everything at once.
 */
export class KeyedStore<T> {
  #entries = new Map<string, Entry<T>>();
  /** In the order of the keys, also some that are gone. */
  #sorted: readonly Entry<T>[] = [];
  /** What came since they were put in order. */
  #fresh: Entry<T>[] = [];
  #hasGone = false;
  /** How often `keep` was called. */
  #round = 0;

  /** How many keys there are. */
  get size(): number {
    return this.#entries.size;
  }

  get(key: string): readonly T[] | undefined {
    return this.#entries.get(key)?.values;
  }

  keys(): IterableIterator<string> {
    return this.#entries.keys();
  }

  /** What one key holds; an empty list is a key that holds nothing usable. */
  set(key: string, values: readonly T[]): void {
    const known = this.#entries.get(key);
    if (known === undefined) this.#add(key, values);
    else known.values = values;
  }

  /** @returns whether the key was there */
  delete(key: string): boolean {
    const entry = this.#entries.get(key);
    if (entry === undefined) return false;
    entry.isGone = true;
    this.#hasGone = true;
    return this.#entries.delete(key);
  }

  /** Forgets everything else: a list that was read from the start. */
  replace(entries: Iterable<readonly [string, readonly T[]]>): void {
    this.#entries = new Map();
    this.#sorted = [];
    this.#fresh = [];
    this.#hasGone = false;
    for (const [key, values] of entries) this.set(key, values);
  }

  has(key: string): boolean {
    return this.#entries.has(key);
  }

  /**
   * Makes these its keys: the others are forgotten, those that are new hold nothing yet.
   * @returns the new ones
   */
  keep(keys: readonly string[]): readonly string[] {
    const fresh: string[] = [];
    const round = ++this.#round;
    let kept = 0;
    for (const key of keys) {
      let entry = this.#entries.get(key);
      if (entry === undefined) {
        entry = this.#add(key, []);
        fresh.push(key);
      }
      if (entry.keptIn !== round) kept++;
      entry.keptIn = round;
    }
    if (this.#entries.size > kept) {
      for (const { key, keptIn } of this.#entries.values()) if (keptIn !== round) this.delete(key);
    }
    return fresh;
  }

  /** Everything, in the order of the keys, so that the same content gives the same list. */
  values(): readonly T[] {
    if (this.#fresh.length > 0 || this.#hasGone) this.#sort();
    const all: T[] = [];
    for (const { values } of this.#sorted) for (const value of values) all.push(value);
    return all;
  }

  #add(key: string, values: readonly T[]): Entry<T> {
    const entry = { key, values, isGone: false, keptIn: 0 };
    this.#entries.set(key, entry);
    this.#fresh.push(entry);
    return entry;
  }

  /** Puts the few that are new between the many that are in order. */
  #sort(): void {
    const fresh = this.#fresh.filter(isHere).toSorted(byKey);
    const merged: Entry<T>[] = [];
    let next = 0;
    for (const entry of this.#sorted) {
      if (entry.isGone) continue;
      while (next < fresh.length && fresh[next]!.key < entry.key) merged.push(fresh[next++]!);
      merged.push(entry);
    }
    this.#sorted = [...merged, ...fresh.slice(next)];
    this.#fresh = [];
    this.#hasGone = false;
  }
}

interface Entry<T> {
  readonly key: string;
  values: readonly T[];
  isGone: boolean;
  /** The last round of `keep` that named it. */
  keptIn: number;
}

function isHere({ isGone }: Entry<unknown>): boolean {
  return !isGone;
}

function byKey(a: Entry<unknown>, b: Entry<unknown>): number {
  return a.key < b.key ? -1 : 1;
}
