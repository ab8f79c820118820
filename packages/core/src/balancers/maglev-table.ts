import type { HashMembers } from "./hash-members.ts";

/** No member. */
const NOBODY = -1;

/**
 * A table in which every member takes the slots of a sequence of its own, in turns, until all are taken (Eisenbud et al., "Maglev: A
 * Fast and Reliable Software Network Load Balancer", NSDI 2016, section 3.4). A member of half the weight has a turn half as often.
 */
export class MaglevTable {
  readonly members: HashMembers;
  /** How many slots there are; a prime. */
  readonly size: number;
  readonly #slots: Int32Array;

  /** @param previous a table of the same size: it is taken over where the members have not changed */
  constructor(members: HashMembers, size: number, previous?: Int32Array) {
    this.members = members;
    this.size = size;
    this.#slots = previous ?? fill(members, size);
  }

  /** The same table for the same members in new records. */
  renewed(members: HashMembers): MaglevTable {
    return new MaglevTable(members, this.size, this.#slots);
  }

  /** The slot of a hash. */
  find(hash: number): number {
    return (hash >>> 0) % this.size;
  }

  /** Index of the member in a slot. */
  memberAt(place: number): number {
    return this.#slots[place]!;
  }
}

function fill({ hi, lo, weights }: HashMembers, size: number): Int32Array {
  const count = weights.length;
  const slots = new Int32Array(size);
  // A bit for each slot: what is looked at ten times for each slot stays in the fastest cache.
  const isTaken = new Int32Array((size >> 5) + 1);
  // Steps shorter than the table, which is a prime long: each sequence meets every slot.
  const cursors = hi.map((half) => (half >>> 0) % size);
  const steps = lo.map((half) => ((half >>> 0) % (size - 1)) + 1);
  let heaviest = 0;
  for (const weight of weights) heaviest = Math.max(heaviest, weight);
  const gaps = weights.map((weight) => heaviest / weight);
  const dues = new Float64Array(count);
  // A calendar: for each round those whose turn it is, as a linked list, so that light members cost nothing between their turns.
  const firsts = new Int32Array(size + 1).fill(NOBODY);
  const lasts = new Int32Array(size + 1).fill(NOBODY);
  const nexts = new Int32Array(count).fill(NOBODY);
  const schedule = (member: number, round: number): void => {
    nexts[member] = NOBODY;
    if (firsts[round] === NOBODY) firsts[round] = member;
    else nexts[lasts[round]!] = member;
    lasts[round] = member;
  };
  for (let member = 0; member < count; member++) schedule(member, 0);
  let taken = 0;
  for (let round = 0; taken < size; round++) {
    let member = firsts[round]!;
    while (member !== NOBODY && taken < size) {
      const next = nexts[member]!;
      const step = steps[member]!;
      let slot = cursors[member]!;
      while ((isTaken[slot >> 5]! & (1 << (slot & 31))) !== 0) {
        slot += step;
        if (slot >= size) slot -= size;
      }
      isTaken[slot >> 5]! |= 1 << (slot & 31);
      slots[slot] = member;
      cursors[member] = slot;
      taken++;
      dues[member]! += gaps[member]!;
      const due = Math.ceil(dues[member]!);
      if (due <= size) schedule(member, due);
      member = next;
    }
  }
  return slots;
}
