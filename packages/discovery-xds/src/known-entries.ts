import type { Endpoint, Health } from "@proxyless/core";
import type { Sliceable } from "@proxyless/core/discovery";

import { codecOf } from "./codec.ts";
import { readEndpointAddress } from "./endpoint-address.ts";
import type { EndpointAddress } from "./endpoint-address.ts";
import { readHealth, readLabels } from "./endpoint-labels.ts";
import type { EndpointLabels } from "./endpoint-labels.ts";

/** An entry of a locality, read. */
export interface KnownEntry {
  readonly bytes: Uint8Array;
  /** Absent where HTTP cannot reach it. */
  readonly address: EndpointAddress | undefined;
  /** Its own weight, 1 where it has none. */
  readonly weight: number;
  readonly health: Health;
  readonly labels: EndpointLabels;
  /** What it was made into last, which it is again as long as its locality says the same. */
  endpoint: Endpoint | undefined;
}

/** So many entries are looked at in one piece. */
const PIECE = 512;
/** How many entries that left are passed over before one is taken for new. */
const lookAhead = 32;

/**
 * The entries of an assignment as it came last. A control plane sends all of them when one has changed, in the order of the time
 * before: one whose bytes are where they were expected is not read again.
 */
export class KnownEntries {
  #before: readonly KnownEntry[] = [];
  #now: KnownEntry[] = [];
  /** Which of `#before` are there again, and who is not of them. */
  #isAgain = new Uint8Array(0);
  #fresh: KnownEntry[] = [];
  /** Where those of `#before` are. */
  #addresses = new Set<string>();
  /** Which of them are gone, and which are new. */
  #gone: string[] = [];
  #come = new Set<string>();
  /** Where the entry stands in `#before` that probably comes next. */
  #next = 0;

  /**
   * Reads the entry that stands there.
   * @throws Error for bytes that are no entry
   */
  read(bytes: Uint8Array, from: number, to: number): KnownEntry {
    let entry = this.#known(bytes, from, to);
    if (entry === undefined) {
      entry = readEntry(bytes.subarray(from, to));
      this.#fresh.push(entry);
    }
    this.#now.push(entry);
    return entry;
  }

  /** Once all entries were read: an address that is there twice. Only who is new can bring one. */
  *repeated(): Sliceable<string | undefined> {
    const gone = new Set<string>();
    for (let at = 0; at < this.#isAgain.length; at++) {
      const address = this.#isAgain[at] === 1 ? undefined : this.#before[at]!.address;
      if (address !== undefined) gone.add(address.id);
      if (at % PIECE === 0) yield;
    }
    for (const [i, { address }] of this.#fresh.entries()) {
      if (i % PIECE === 0) yield;
      if (address === undefined) continue;
      const { id } = address;
      if (this.#come.has(id) || (this.#addresses.has(id) && !gone.has(id))) return id;
      this.#come.add(id);
    }
    this.#gone = [...gone];
    return undefined;
  }

  /** The assignment is read to its end, or makes no sense: the next one is held against it, or against the one before. */
  end(isGood: boolean): void {
    if (isGood) {
      this.#before = this.#now;
      for (const id of this.#gone) this.#addresses.delete(id);
      if (this.#addresses.size === 0) this.#addresses = this.#come;
      else for (const id of this.#come) this.#addresses.add(id);
    }
    this.#now = [];
    this.#fresh = [];
    this.#gone = [];
    this.#come = new Set();
    this.#isAgain = new Uint8Array(this.#before.length);
    this.#next = 0;
  }

  #known(bytes: Uint8Array, from: number, to: number): KnownEntry | undefined {
    const last = Math.min(this.#before.length, this.#next + lookAhead);
    for (let at = this.#next; at < last; at++) {
      const entry = this.#before[at]!;
      if (entry.bytes.length !== to - from || !isSame(entry.bytes, bytes, from)) continue;
      this.#next = at + 1;
      this.#isAgain[at] = 1;
      return entry;
    }
    return undefined;
  }
}

/** Entries are short: a call out of this code would cost more than the comparison. */
function isSame(entry: Uint8Array, bytes: Uint8Array, from: number): boolean {
  // What tells one entry from another stands rather at the end.
  for (let at = entry.length - 1; at >= 0; at--) if (entry[at] !== bytes[from + at]) return false;
  return true;
}

function readEntry(bytes: Uint8Array): KnownEntry {
  const message = codecOf("LbEndpoint").decode(bytes);
  return {
    // A copy: what was cut out of a response keeps the whole of it.
    bytes: Buffer.from(bytes),
    address: readEndpointAddress(message.endpoint?.address),
    weight: message.loadBalancingWeight?.value ?? 1,
    health: readHealth(message.healthStatus),
    labels: readLabels(message),
    endpoint: undefined,
  };
}
