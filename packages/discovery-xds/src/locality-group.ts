import type { Sliceable } from "@proxyless/core/discovery";

import { codecOf } from "./codec.ts";
import type { LocalityLbEndpoints } from "./endpoint-messages.ts";
import type { KnownEntries, KnownEntry } from "./known-entries.ts";
import { RepeatedField } from "./repeated-field.ts";

/** A locality with its entries, read. */
export interface Group extends LocalityLbEndpoints {
  readonly entries: readonly KnownEntry[];
  /** Of the weights of its entries. */
  readonly sum: number;
  /** The largest of them; 0 without entries. */
  readonly heaviest: number;
}

const entriesField = 2;
/** So many entries are read in one piece. */
const PIECE = 64;

/**
 * Reads one `LocalityLbEndpoints`, entry by entry.
 * @param known the entries of the assignment before
 * @throws Error with what is wrong
 */
export function* readGroup(bytes: Uint8Array, known: KnownEntries): Sliceable<Group> {
  const field = new RepeatedField(bytes, entriesField);
  const entries: KnownEntry[] = [];
  let sum = 0;
  let heaviest = 0;
  while (field.next()) {
    if (entries.length % PIECE === 0) yield;
    const entry = known.read(bytes, field.from, field.to);
    const { weight } = entry;
    if (weight === 0) throw new Error("the weight of an endpoint is 0");
    sum += weight;
    if (weight > heaviest) heaviest = weight;
    entries.push(entry);
  }
  const { loadBalancingWeight, locality, priority } = codecOf("LocalityLbEndpoints").decode(field.rest());
  return { loadBalancingWeight, locality, priority, entries, sum, heaviest };
}
