import type { Endpoint, Snapshot } from "@proxyless/core";
import { KeyedStore } from "@proxyless/core/discovery";
import type { Sliceable } from "@proxyless/core/discovery";

import type { Header, KeyValue, RangeAnswer, WatchEvent } from "./answers.ts";

/** Reads one entry. */
export type Decode = (kv: KeyValue) => readonly Endpoint[] | "skip";

/** As many entries as are read in one piece. */
const piece = 64;

/** A whole list, read. */
export interface EntryList {
  readonly header: Header;
  readonly store: EntryStore;
}

/** What one key holds. */
interface Entry {
  readonly key: string;
  /** A character for each byte: a buffer would keep 8 KiB of the pool that buffers share. */
  readonly value: string;
  readonly read: readonly Endpoint[] | "skip";
}

/** By the names of their keys. */
type EntryStore = KeyedStore<Entry, Endpoint>;

/** What a service's keys hold, kept up by lists and changes in whatever order they come. */
export class Entries {
  readonly #decode: Decode;
  #store: EntryStore = newStore();
  /** Everything up to here is in the store. */
  #revision = 0n;
  /** Since the last snapshot somebody went, and whether all who did had said goodbye. */
  #farewell: "none" | "all" | "some" = "none";

  constructor(decode: Decode) {
    this.#decode = decode;
  }

  get revision(): bigint {
    return this.#revision;
  }

  get size(): number {
    return this.#store.size;
  }

  /** Reads a whole list, of which what is known already need not be read; {@link replace} takes it. */
  *read({ header, kvs }: RangeAnswer): Sliceable<EntryList> {
    const store = newStore();
    for (const [i, kv] of kvs.entries()) {
      if (i % piece === 0) yield;
      store.set(kv.name, this.#known(kv) ?? this.#read(kv));
    }
    return { header, store };
  }

  /** Takes a whole list. @returns whether it differs from what is known */
  replace({ header, store }: EntryList): boolean {
    const before = this.#store;
    this.#store = store;
    this.#revision = header.revision;
    this.#farewell = "none";
    return !isSame(before, store);
  }

  /** Takes changes, in order; those that a list brought already are left out. @returns whether anything changed */
  apply(events: readonly WatchEvent[]): boolean {
    let hasChanged = false;
    for (const { isDelete, kv } of events) {
      // Changes of one transaction share a revision, so only a list can be ahead of one.
      if (kv.modRevision <= this.#revision) continue;
      if (isDelete) {
        this.#note(this.#store.get(kv.name));
        hasChanged = this.#store.delete(kv.name) || hasChanged;
      } else if (this.#known(kv) === undefined) {
        this.#store.set(kv.name, this.#read(kv));
        hasChanged = true;
      }
    }
    const last = events.at(-1)?.kv.modRevision ?? 0n;
    if (last > this.#revision) this.#revision = last;
    return hasChanged;
  }

  /** The present list, or why there is none: entries, and none of them makes sense. */
  snapshot(): Snapshot | string {
    const endpoints = this.#store.values();
    const bad = senseless(this.#store);
    const explicitRemovals = this.#farewell === "all";
    this.#farewell = "none";
    if (endpoints.length === 0 && bad.length > 0) {
      return `none of ${bad.length} entries can be read (the first is ${JSON.stringify(bad[0]?.key.slice(0, 200))})`;
    }
    return {
      kind: this.#store.size === 0 ? "absent" : "bound",
      endpoints,
      trust: "authoritative",
      revision: this.#revision.toString(),
      ...(explicitRemovals ? { explicitRemovals } : {}),
      ...(bad.length === 0 ? {} : { skipped: bad.length }),
    };
  }

  /** A delete does not say whether somebody left or a lease ran out; only who was draining before meant to go. */
  #note(entry: Entry | undefined): void {
    if (entry === undefined || entry.read === "skip" || entry.read.length === 0) return;
    const saidGoodbye = entry.read.every(({ health }) => health === "draining");
    if (!saidGoodbye) this.#farewell = "some";
    else if (this.#farewell === "none") this.#farewell = "all";
  }

  /** What a key was read as, if it still holds the same. */
  #known({ name, value }: KeyValue): Entry | undefined {
    const entry = this.#store.get(name);
    return entry?.value === textOf(value) ? entry : undefined;
  }

  #read(kv: KeyValue): Entry {
    return { key: kv.key, value: textOf(kv.value), read: this.#decode(kv) };
  }
}

function textOf({ buffer, byteLength, byteOffset }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString("latin1");
}

function newStore(): EntryStore {
  return new KeyedStore(({ read }) => (read === "skip" ? [] : read));
}

/** The entries that cannot be read, in the order of their keys' names. */
function senseless(store: EntryStore): readonly Entry[] {
  return store.unlisted().filter(({ read }) => read === "skip");
}

/** Whether two stores hold the same. What was known already is the very object it was. */
function isSame(a: EntryStore, b: EntryStore): boolean {
  const before = a.held();
  const after = b.held();
  return before.length === after.length && before.every((entry, i) => entry === after[i]);
}
