import { Writable } from "node:stream";

import type { cacheStores } from "undici";

type Store = InstanceType<typeof cacheStores.MemoryCacheStore>;
type Key = Parameters<Store["get"]>[0];
type Value = Parameters<Store["createWriteStream"]>[1];
type Kept = Exclude<ReturnType<Store["get"]>, Promise<unknown> | undefined>;

/** Tells users apart in the keys of the store; never on the wire. */
export const partitionHeader = "x-proxyless-partition";

/** How much a store may hold. */
export interface StoreLimits {
  readonly maxEntries: number;
  readonly maxBytes: number;
  readonly maxEntryBytes: number;
}

interface Entry {
  readonly url: string;
  readonly method: string;
  readonly partition: string;
  readonly value: Value;
  readonly body: Buffer;
  readonly bytes: number;
}

/** What is counted for an entry besides its bytes. */
const OVERHEAD = 512;
const safeMethods: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "TRACE"]);

/**
 * Where a cache of undici keeps responses: in memory, users apart, headers counted, and each body in memory of its own, not as a piece of a
 * socket's buffer. It only stores; what may be stored, and for how long, is undici's to say.
 */
export class ResponseStore {
  #limits: StoreLimits;
  readonly #wallNow: () => number;
  readonly #byUrl = new Map<string, Set<Entry>>();
  /** The one that was used longest ago comes first. */
  readonly #all = new Set<Entry>();
  #bytes = 0;

  /** @param wallNow milliseconds since the Unix epoch, of the clock that undici goes by */
  constructor(limits: StoreLimits, wallNow: () => number) {
    this.#limits = limits;
    this.#wallNow = wallNow;
  }

  /** Changes how much it may hold; what is too much goes when the next response comes. */
  limit(limits: StoreLimits): void {
    this.#limits = limits;
  }

  /** Responses that are kept. */
  get size(): number {
    return this.#all.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get(key: Key): Kept | undefined {
    const entry = this.#find(key);
    if (entry === undefined) return undefined;
    this.#all.delete(entry);
    if (entry.value.deleteAt <= this.#wallNow()) {
      this.#all.add(entry);
      this.#remove(entry);
      return undefined;
    }
    this.#all.add(entry);
    const { cacheControlDirectives = {}, ...value } = entry.value;
    return { ...value, cacheControlDirectives, body: entry.body.length === 0 ? [] : [entry.body] };
  }

  createWriteStream(key: Key, value: Value): Writable {
    const chunks: Buffer[] = [];
    let length = 0;
    return new Writable({
      write: (chunk: Buffer, _, done) => {
        length += chunk.length;
        if (length > this.#limits.maxEntryBytes) {
          done(new Error("the response is too long to be kept"));
          return;
        }
        chunks.push(chunk);
        done();
      },
      final: (done) => {
        this.#put(key, value, Buffer.concat(chunks, length));
        done();
      },
    });
  }

  /** Forgets a URL: of everybody after a request that changes it, else only what is kept for the same user. */
  delete(key: Key): void {
    const partition = partitionOf(key);
    for (const entry of this.#byUrl.get(urlOf(key)) ?? []) {
      if (!safeMethods.has(key.method) || entry.partition === partition) this.#remove(entry);
    }
  }

  #put(key: Key, value: Value, body: Buffer): void {
    const before = this.#find(key);
    if (before !== undefined) this.#remove(before);
    // Made for one caller, whatever else it says.
    if ("set-cookie" in value.headers) return;
    const url = urlOf(key);
    const bytes = body.length + 2 * url.length + sizeOf(value.headers) + OVERHEAD;
    if (bytes > this.#limits.maxBytes) return;
    const entry = { url, method: key.method, partition: partitionOf(key), value, body, bytes };
    let ofUrl = this.#byUrl.get(url);
    if (ofUrl === undefined) this.#byUrl.set(url, (ofUrl = new Set()));
    ofUrl.add(entry);
    this.#all.add(entry);
    this.#bytes += bytes;
    for (const oldest of this.#all) {
      if (this.#all.size <= this.#limits.maxEntries && this.#bytes <= this.#limits.maxBytes) break;
      this.#remove(oldest);
    }
  }

  #find(key: Key): Entry | undefined {
    const partition = partitionOf(key);
    for (const entry of this.#byUrl.get(urlOf(key)) ?? []) {
      if (entry.method === key.method && entry.partition === partition && fits(entry.value.vary, key))
        return entry;
    }
    return undefined;
  }

  #remove(entry: Entry): void {
    if (!this.#all.delete(entry)) return;
    this.#bytes -= entry.bytes;
    const ofUrl = this.#byUrl.get(entry.url);
    ofUrl?.delete(entry);
    if (ofUrl?.size === 0) this.#byUrl.delete(entry.url);
  }
}

function urlOf({ origin, path }: Key): string {
  return origin + path;
}

function partitionOf({ headers }: Key): string {
  return String(headers?.[partitionHeader] ?? "");
}

/** Whether a request has the headers that an answer varies by. */
function fits(vary: Value["vary"], { headers }: Key): boolean {
  if (vary === undefined) return true;
  return Object.entries(vary).every(([name, value]) => String(headers?.[name] ?? "") === String(value ?? ""));
}

function sizeOf(headers: Value["headers"]): number {
  let size = 0;
  for (const [name, value] of Object.entries(headers)) size += 2 * (name.length + String(value).length);
  return size;
}
