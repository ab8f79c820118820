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
  const sequences = new Sequences(hi, lo, size);
  const first = weights[0]!;
  if (weights.every((weight) => weight === first)) takeTurns(sequences, weights.length);
  else takeWeightedTurns(sequences, weights);
  return sequences.slots;
}

/** In which order each member would like to have the slots. */
class Sequences {
  readonly slots: Int32Array;
  free: number;
  readonly #size: number;
  /** A bit for each slot: what is looked at ten times for each slot stays in the fastest cache. */
  readonly #isTaken: Int32Array;
  readonly #cursors: Int32Array;
  readonly #steps: Int32Array;

  constructor(hi: Int32Array, lo: Int32Array, size: number) {
    this.slots = new Int32Array(size);
    this.free = size;
    this.#size = size;
    this.#isTaken = new Int32Array((size >> 5) + 1);
    this.#cursors = new Int32Array(hi.length);
    this.#steps = new Int32Array(hi.length);
    // Steps shorter than the table, which is a prime long: each sequence meets every slot.
    for (let member = 0; member < hi.length; member++) {
      this.#cursors[member] = (hi[member]! >>> 0) % size;
      this.#steps[member] = ((lo[member]! >>> 0) % (size - 1)) + 1;
    }
  }

  /** Gives a member the first slot of its sequence that is still free; there must be one. */
  take(member: number): void {
    const size = this.#size;
    const isTaken = this.#isTaken;
    const step = this.#steps[member]!;
    let slot = this.#cursors[member]!;
    while ((isTaken[slot >> 5]! & (1 << (slot & 31))) !== 0) {
      slot += step;
      if (slot >= size) slot -= size;
    }
    isTaken[slot >> 5]! |= 1 << (slot & 31);
    this.slots[slot] = member;
    this.#cursors[member] = slot;
    this.free--;
  }
}

function takeTurns(sequences: Sequences, count: number): void {
  for (let member = 0; sequences.free > 0; member = member + 1 === count ? 0 : member + 1) {
    sequences.take(member);
  }
}

/** A calendar: for each round those whose turn it is, as a linked list, so that light members cost nothing between their turns. */
function takeWeightedTurns(sequences: Sequences, weights: Float64Array): void {
  const rounds = sequences.free;
  let heaviest = 0;
  for (const weight of weights) heaviest = Math.max(heaviest, weight);
  const dues = new Float64Array(weights.length);
  const firsts = new Int32Array(rounds + 1).fill(NOBODY);
  const lasts = new Int32Array(rounds + 1).fill(NOBODY);
  const nexts = new Int32Array(weights.length).fill(NOBODY);
  const schedule = (member: number, round: number): void => {
    nexts[member] = NOBODY;
    if (firsts[round] === NOBODY) firsts[round] = member;
    else nexts[lasts[round]!] = member;
    lasts[round] = member;
  };
  for (let member = 0; member < weights.length; member++) schedule(member, 0);
  for (let round = 0; sequences.free > 0; round++) {
    let member = firsts[round]!;
    while (member !== NOBODY && sequences.free > 0) {
      const next = nexts[member]!;
      sequences.take(member);
      dues[member]! += heaviest / weights[member]!;
      const due = Math.ceil(dues[member]!);
      if (due <= rounds) schedule(member, due);
      member = next;
    }
  }
}
