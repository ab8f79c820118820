import type { SliceEndpoint } from "./slice.ts";

/**
 * The endpoints of a slice that was read again, those that did not change as the same objects: of a slice with a hundred
 * endpoints usually one changes, and nobody has to look at the others.
 */
export function keepSame(
  before: readonly SliceEndpoint[],
  now: readonly SliceEndpoint[],
): readonly SliceEndpoint[] {
  const here = new Set(now);
  const left = before.filter((each) => !here.has(each));
  if (left.length === 0) return now;
  const there = new Set(before);
  const known = new Map(left.map((each) => [nameOf(each), each]));
  return now.map((each) => {
    if (there.has(each)) return each;
    const name = nameOf(each);
    const old = known.get(name);
    // What is listed twice stays two.
    if (old === undefined || !isSame(old, each)) return each;
    known.delete(name);
    return old;
  });
}

function nameOf({ identity, address }: SliceEndpoint): string {
  return identity ?? address;
}

function isSame(a: SliceEndpoint, b: SliceEndpoint): boolean {
  return (
    a.identity === b.identity &&
    a.address === b.address &&
    a.family === b.family &&
    a.health === b.health &&
    a.zone === b.zone &&
    a.region === b.region &&
    a.node === b.node &&
    areSame(a.hintedZones, b.hintedZones) &&
    areSame(a.hintedNodes, b.hintedNodes) &&
    areSameTexts(a.metadata, b.metadata)
  );
}

function areSame(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((each, i) => each === b[i]);
}

/** Without a list of keys in between: this runs for every endpoint that is read. */
function areSameTexts(a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean {
  let more = 0;
  for (const key in a) {
    if (a[key] !== b[key]) return false;
    more++;
  }
  for (const _ in b) more--;
  return more === 0;
}
