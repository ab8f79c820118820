import { lowerBound } from "../lower-bound.ts";

/** So many changes are worked in at a time, so that taking a long list and telling a short change are both little work at once. */
const MOST_CHANGES = 512;

/**
 * Turns the changes that a registry tells into the whole lists that a sink wants: what each registry key holds, and what that is
 * read as. A change costs what it changes; of the others nothing but their places in the list is touched.
 */
export class KeyedStore<Held, Listed> {
  readonly #listedOf: (held: Held) => readonly Listed[];
  readonly #entries = new Map<string, Entry<Held>>();
  /** In the order of the keys, without what has changed since. */
  #sorted: readonly Entry<Held>[] = [];
  /** What they list, and where in it each one's part ends. */
  #all: readonly Listed[] = [];
  #ends: readonly number[] = [];
  /** In the order of time. */
  #changed: Entry<Held>[] = [];

  /** @param listedOf what is listed of what a key holds; an empty list for what cannot be used */
  constructor(listedOf: (held: Held) => readonly Listed[]) {
    this.#listedOf = listedOf;
  }

  /** How many keys there are. */
  get size(): number {
    return this.#entries.size;
  }

  get(key: string): Held | undefined {
    return this.#entries.get(key)?.held;
  }

  has(key: string): boolean {
    return this.#entries.has(key);
  }

  set(key: string, held: Held): void {
    const known = this.#entries.get(key);
    if (known !== undefined) {
      known.held = held;
      this.#note(known);
      return;
    }
    const entry = { key, held, isGone: false, isNoted: false };
    this.#entries.set(key, entry);
    this.#note(entry);
  }

  /** @returns whether the key was there */
  delete(key: string): boolean {
    const entry = this.#entries.get(key);
    if (entry === undefined) return false;
    entry.isGone = true;
    this.#note(entry);
    return this.#entries.delete(key);
  }

  /** In no order. */
  keys(): IterableIterator<string> {
    return this.#entries.keys();
  }

  /** What the keys hold, in their order. */
  held(): readonly Held[] {
    this.#settle();
    return this.#sorted.map(({ held }) => held);
  }

  /** Everything that is listed, in the order of the keys, so that the same content gives the same list. */
  values(): readonly Listed[] {
    this.#settle();
    return this.#all;
  }

  /** What those keys hold of which nothing is listed, in their order. */
  unlisted(): readonly Held[] {
    this.#settle();
    const ends = this.#ends;
    const found: Held[] = [];
    for (let i = 0, end = 0; i < ends.length; end = ends[i++]!) {
      if (ends[i] === end) found.push(this.#sorted[i]!.held);
    }
    return found;
  }

  #note(entry: Entry<Held>): void {
    if (entry.isNoted) return;
    entry.isNoted = true;
    this.#changed.push(entry);
    if (this.#changed.length === MOST_CHANGES) this.#settle();
  }

  /** Puts the few that have changed between the many that have not, which stay together in runs. */
  #settle(): void {
    if (this.#changed.length === 0) return;
    const before = this.#sorted;
    const listedBefore = this.#all;
    const endsBefore = this.#ends;
    const sorted: Entry<Held>[] = [];
    const all: Listed[] = [];
    const ends: number[] = [];
    let next = 0;
    const copyUpTo = (place: number): void => {
      const from = next === 0 ? 0 : endsBefore[next - 1]!;
      const to = place === 0 ? 0 : endsBefore[place - 1]!;
      const shift = all.length - from;
      for (let i = next; i < place; i++) {
        sorted.push(before[i]!);
        ends.push(endsBefore[i]! + shift);
      }
      for (let i = from; i < to; i++) all.push(listedBefore[i]!);
      next = place;
    };
    // A key that went and came again is here twice, and stays in the order of time.
    for (const entry of this.#changed.toSorted(byKey)) {
      copyUpTo(lowerBound(before, ({ key }) => key < entry.key, next));
      if (before[next] === entry) next++;
      entry.isNoted = false;
      if (entry.isGone) continue;
      sorted.push(entry);
      for (const value of this.#listedOf(entry.held)) all.push(value);
      ends.push(all.length);
    }
    copyUpTo(before.length);
    this.#sorted = sorted;
    this.#all = all;
    this.#ends = ends;
    this.#changed = [];
  }
}

interface Entry<Held> {
  readonly key: string;
  held: Held;
  isGone: boolean;
  /** It stands among those that have changed. */
  isNoted: boolean;
}

function byKey(a: Entry<unknown>, b: Entry<unknown>): number {
  if (a.key === b.key) return 0;
  return a.key < b.key ? -1 : 1;
}
