/**
 * Turns the changes that a registry tells into the whole lists that a sink wants: entries under their registry keys,
 * each with what it was read as. Nothing outside sees it half filled: `replace` swaps everything at once.
 */
export class KeyedStore<T> {
  #entries = new Map<string, readonly T[]>();
  /** The keys in order, also some that are gone; undefined when one came since. */
  #sorted: readonly string[] | undefined;

  /** How many keys there are. */
  get size(): number {
    return this.#entries.size;
  }

  get(key: string): readonly T[] | undefined {
    return this.#entries.get(key);
  }

  keys(): IterableIterator<string> {
    return this.#entries.keys();
  }

  /** What one key holds; an empty list is a key that holds nothing usable. */
  set(key: string, values: readonly T[]): void {
    if (!this.#entries.has(key)) this.#sorted = undefined;
    this.#entries.set(key, values);
  }

  /** @returns whether the key was there */
  delete(key: string): boolean {
    return this.#entries.delete(key);
  }

  /** Forgets everything else: a list that was read from the start. */
  replace(entries: Iterable<readonly [string, readonly T[]]>): void {
    this.#entries = new Map(entries);
    this.#sorted = undefined;
  }

  /** Everything, in the order of the keys, so that the same content gives the same list. */
  values(): readonly T[] {
    this.#sorted ??= [...this.#entries.keys()].toSorted();
    const all: T[] = [];
    for (const key of this.#sorted) for (const value of this.#entries.get(key) ?? []) all.push(value);
    return all;
  }
}
