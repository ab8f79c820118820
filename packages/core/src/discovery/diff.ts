import { sameEndpoint } from "./equal.ts";
import type { Diff, DirectoryEndpoint } from "./resolution.ts";

/** What became of a list. */
export interface Change {
  readonly from: readonly DirectoryEndpoint[];
  readonly to: readonly DirectoryEndpoint[];
  readonly diff: Diff;
}

/** Compares two lists sorted by id. */
export function changeOf(from: readonly DirectoryEndpoint[], to: readonly DirectoryEndpoint[]): Change {
  return { from, to, diff: diffEndpoints(from, to) };
}

/** The difference of two lists sorted by id, in one walk over both. */
export function diffEndpoints(
  previous: readonly DirectoryEndpoint[],
  next: readonly DirectoryEndpoint[],
): Diff {
  const added: DirectoryEndpoint[] = [];
  const updated: [DirectoryEndpoint, DirectoryEndpoint][] = [];
  const removed: DirectoryEndpoint[] = [];
  let i = 0;
  let j = 0;
  for (let a = previous[i], b = next[j]; a !== undefined || b !== undefined; a = previous[i], b = next[j]) {
    // Identity first: an unchanged endpoint keeps its object from one list to the next, and need not be looked into.
    if (a === b) {
      i++;
      j++;
    } else if (b === undefined || (a !== undefined && a.id < b.id)) {
      if (a !== undefined) removed.push(a);
      i++;
    } else if (a === undefined || b.id < a.id) {
      added.push(b);
      j++;
    } else {
      if (a.held !== b.held || !sameEndpoint(a, b)) updated.push([a, b]);
      i++;
      j++;
    }
  }
  return { added, updated, removed };
}

export function isEmptyDiff(diff: Diff): boolean {
  return diff.added.length === 0 && diff.updated.length === 0 && diff.removed.length === 0;
}

/** Orders endpoints by id, by code unit: the same everywhere, whatever the locale. */
export function byId(a: DirectoryEndpoint, b: DirectoryEndpoint): number {
  if (a.id === b.id) return 0;
  return a.id < b.id ? -1 : 1;
}
