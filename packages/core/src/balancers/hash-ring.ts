import { isBefore } from "./hash-members.ts";
import type { HashMembers } from "./hash-members.ts";
import { mixed } from "./mix.ts";

/** Index of a member that is no longer there. */
const GONE = -1;

/** What rings of the same keys share. */
interface Layout {
  /** How many points each member has. */
  readonly counts: Int32Array;
  /** Position and member of each point, side by side: a pick among millions waits for one place in memory, not for two. */
  readonly points: Uint32Array;
  /** For each possible beginning of a hash, the first point at or after it. */
  readonly starts: Int32Array;
  /** Bits of a hash behind its beginning. */
  readonly shift: number;
}

/**
 * Points of all members on a circle of 2^32 positions. A member's points follow from its key alone, and one with fewer points
 * has the first ones of those it would have with more: when the list changes, nothing moves but what has to.
 */
export class HashRing {
  readonly members: HashMembers;
  /** How many points there are. */
  readonly size: number;
  readonly #points: Uint32Array;
  readonly #starts: Int32Array;
  readonly #shift: number;
  readonly #layout: Layout;

  private constructor(members: HashMembers, layout: Layout) {
    this.members = members;
    this.size = layout.points.length / 2;
    this.#points = layout.points;
    this.#starts = layout.starts;
    this.#shift = layout.shift;
    this.#layout = layout;
  }

  /**
   * @param counts how many points each member gets
   * @param previous a ring of the same balancer: the points of members that have not changed are taken from it
   */
  static build(members: HashMembers, counts: Int32Array, previous: HashRing | undefined): HashRing {
    const kept = new Int32Array(previous?.members.keys.length ?? 0).fill(GONE);
    const fresh =
      previous === undefined ? counts.map((_, index) => index) : previous.#compare(members, counts, kept);
    const added = scatter(members, counts, fresh);
    const size = counts.reduce((sum, count) => sum + count, 0);
    const points = previous === undefined ? added : merge(previous.#points, kept, added, size);
    const bits = bitsFor(size);
    const shift = 32 - bits;
    return new HashRing(members, { counts, points, starts: indexOf(points, 2 ** bits, shift), shift });
  }

  /** The same ring for the same members in new records. */
  renewed(members: HashMembers): HashRing {
    return new HashRing(members, this.#layout);
  }

  /** The first point at or after a hash, round and round. */
  find(hash: number): number {
    const position = hash >>> 0;
    const points = this.#points;
    let place = this.#starts[position >>> this.#shift]! * 2;
    while (place < points.length && points[place]! < position) place += 2;
    return place === points.length ? 0 : place >>> 1;
  }

  /** Index of the member at a point. */
  memberAt(place: number): number {
    return this.#points[place * 2 + 1]!;
  }

  /**
   * Fills `kept` with what becomes of the index of each of this ring's members whose points stay as they are.
   * @returns the members of the next ring that have to be placed anew
   */
  #compare(members: HashMembers, counts: Int32Array, kept: Int32Array): Int32Array {
    const { keys, hi, lo } = this.members;
    const fresh: number[] = [];
    let old = 0;
    for (let i = 0; i < members.keys.length; i++) {
      // Both lists are in the order of their hashes.
      while (old < keys.length && isBefore(hi[old]!, lo[old]!, members.hi[i]!, members.lo[i]!)) old++;
      const isKept = keys[old] === members.keys[i] && this.#layout.counts[old] === counts[i];
      if (isKept) kept[old++] = i;
      else fresh.push(i);
    }
    return Int32Array.from(fresh);
  }
}

/** As many beginnings as a ring of this size needs so that one or two points have each. */
function bitsFor(size: number): number {
  return Math.max(1, Math.floor(Math.log2(Math.max(size, 1))) - 1);
}

/** The points of some members, in order: into buckets by the beginning of their position, then in order inside each. */
function scatter(members: HashMembers, counts: Int32Array, which: Int32Array): Uint32Array {
  let size = 0;
  for (let i = 0; i < which.length; i++) size += counts[which[i]!]!;
  const bits = bitsFor(size);
  const shift = 32 - bits;
  const ends = new Int32Array(2 ** bits + 1);
  const positions = new Uint32Array(size);
  let at = 0;
  for (let i = 0; i < which.length; i++) {
    const index = which[i]!;
    const hi = members.hi[index]!;
    const lo = members.lo[index]!;
    for (let turn = 0; turn < counts[index]!; turn++) {
      const position = mixed(hi, lo, turn) >>> 0;
      positions[at++] = position;
      ends[(position >>> shift) + 1]! += 1;
    }
  }
  for (let bucket = 1; bucket < ends.length; bucket++) ends[bucket]! += ends[bucket - 1]!;
  // From here on an end is how far its bucket is filled.
  const begins = ends.slice();
  const points = new Uint32Array(size * 2);
  at = 0;
  for (let i = 0; i < which.length; i++) {
    const index = which[i]!;
    for (let turn = 0; turn < counts[index]!; turn++) {
      const position = positions[at++]!;
      const bucket = position >>> shift;
      let place = ends[bucket]!++;
      for (; place > begins[bucket]! && points[place * 2 - 2]! > position; place--) {
        points[place * 2] = points[place * 2 - 2]!;
        points[place * 2 + 1] = points[place * 2 - 1]!;
      }
      points[place * 2] = position;
      points[place * 2 + 1] = index;
    }
  }
  return points;
}

/** The points of an older ring whose members are kept, under their new index, and those that came; `size` in all. */
function merge(older: Uint32Array, kept: Int32Array, added: Uint32Array, size: number): Uint32Array {
  const points = new Uint32Array(size * 2);
  let at = 0;
  let next = 0;
  for (let i = 0; i < older.length; i += 2) {
    const member = kept[older[i + 1]!]!;
    if (member === GONE) continue;
    const position = older[i]!;
    for (; next < added.length; next += 2) {
      const other = added[next]!;
      if (other > position || (other === position && added[next + 1]! > member)) break;
      points[at++] = other;
      points[at++] = added[next + 1]!;
    }
    points[at++] = position;
    points[at++] = member;
  }
  points.set(added.subarray(next), at);
  return points;
}

function indexOf(points: Uint32Array, buckets: number, shift: number): Int32Array {
  const starts = new Int32Array(buckets);
  const size = points.length >> 1;
  let bucket = 0;
  for (let place = 0; place < size; place++) {
    const own = points[place * 2]! >>> shift;
    while (bucket <= own) starts[bucket++] = place;
  }
  return starts.fill(size, bucket);
}
