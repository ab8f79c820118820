import type { Change } from "./diff.ts";
import { addressOf } from "./host.ts";
import { isLongList } from "./pace.ts";
import type { Diff, DirectoryEndpoint } from "./resolution.ts";
import { rankOf } from "./sorting.ts";

/** The first step, for code that did not run lately takes many times as long; and the smallest, for each ends with pickers over the whole list. */
const MIN_STEP = 50;
/** So many endpoints may come, change or go at once: a millisecond or two from here to the pickers. */
const MAX_STEP = 250;
/** What one turn of the event loop may take for a step, in milliseconds. */
const MAX_STEP_MS = 4;
/** So many steps are always enough for a turn, also by a clock that stands still while code runs. */
const MAX_STEPS_IN_TURN = 4;
/** Who takes whose place is looked through so often; beyond that everything is one step. */
const MAX_PASSES = 8;

/** How large steps are: half of the last one where that took too long, else twice as large. As many go into a turn as it has time for. */
export class StepSize {
  #size = MIN_STEP;
  #steps = 0;
  #tookMs = 0;

  /** In endpoints. */
  get value(): number {
    return this.#size;
  }

  /** A turn of the event loop begins. */
  beginTurn(): void {
    this.#steps = 0;
    this.#tookMs = 0;
  }

  /** A step took so many milliseconds. @returns whether another one may follow in the same turn */
  took(ms: number): boolean {
    this.#steps++;
    this.#tookMs += ms;
    this.#size = ms > MAX_STEP_MS ? Math.max(MIN_STEP, this.#size >> 1) : Math.min(MAX_STEP, this.#size * 2);
    // The next one is up to twice as large.
    return this.#steps < MAX_STEPS_IN_TURN && this.#tookMs + 2 * ms <= MAX_STEP_MS;
  }
}

/** Whether a change is too large for one turn of the event loop: much of a long list. */
export function isLargeChange({ diff, from, to }: Change): boolean {
  return (isLongList(from.length) || isLongList(to.length)) && sizeOf(diff) > MAX_STEP;
}

function sizeOf({ added, removed, updated }: Diff): number {
  return added.length + updated.length + removed.length;
}

/**
 * The first step of a change that is too large for one turn of the event loop; the change itself where it is not. A step has
 * a like part of those that come, that change and that go, so that there are never fewer endpoints than before or after, and an
 * address is never taken before it is free: what is told in between is a list like any other, unique by id and by address.
 * @param most how many may come, change and go in it
 */
export function firstStep(change: Change, most: number): Change {
  const { diff, from } = change;
  const size = sizeOf(diff);
  if (size <= most) return change;
  const step = withVacated(diff, {
    added: part(diff.added, most, size),
    updated: part(diff.updated, most, size),
    removed: part(diff.removed, most, size),
  });
  return step === diff ? change : { from, to: applied(from, step), diff: step };
}

/** What is left of a change after a step of it. */
export function restOf({ diff, to }: Change, { diff: done, to: from }: Change): Change {
  return {
    from,
    to,
    diff: {
      added: diff.added.slice(done.added.length),
      updated: without(diff.updated, done.updated),
      removed: without(diff.removed, done.removed),
    },
  };
}

function without<T>(all: readonly T[], done: readonly T[]): readonly T[] {
  if (done.length === 0) return all;
  const gone = new Set(done);
  return all.filter((each) => !gone.has(each));
}

function part<T>(all: readonly T[], most: number, size: number): readonly T[] {
  return all.slice(0, Math.ceil((all.length * most) / size));
}

/** Puts into a step also those who have to leave the addresses that others come to. */
function withVacated(diff: Diff, { added, removed, updated }: Diff): Diff {
  const leaving = new Set(removed);
  const moving = new Set(updated);
  const left = diff.removed.filter((endpoint) => !leaving.has(endpoint));
  const moved = diff.updated.filter((pair) => hasMoved(pair) && !moving.has(pair));
  if (left.length === 0 && moved.length === 0) return { added, updated, removed };
  const wanted = new Wanted();
  for (const endpoint of added) wanted.add(endpoint);
  for (const [, next] of updated) wanted.add(next);
  for (let pass = 0; pass < MAX_PASSES; pass++) {
    const before = leaving.size + moving.size;
    for (const endpoint of left) if (wanted.has(endpoint)) leaving.add(endpoint);
    for (const pair of moved) {
      if (moving.has(pair) || !wanted.has(pair[0])) continue;
      moving.add(pair);
      wanted.add(pair[1]);
    }
    if (leaving.size + moving.size === before) return { added, updated: [...moving], removed: [...leaving] };
  }
  return diff;
}

function hasMoved([before, after]: Diff["updated"][number]): boolean {
  return before.host !== after.host || before.port !== after.port;
}

/** Addresses that a step needs. Hosts tell most of those apart that it does not. */
class Wanted {
  readonly #hosts = new Set<string>();
  readonly #addresses = new Set<string>();

  add(endpoint: DirectoryEndpoint): void {
    this.#hosts.add(endpoint.host);
    this.#addresses.add(addressOf(endpoint));
  }

  has(endpoint: DirectoryEndpoint): boolean {
    return this.#hosts.has(endpoint.host) && this.#addresses.has(addressOf(endpoint));
  }
}

/** Most of a long list stays as it is, and is copied in runs. */
function applied(
  from: readonly DirectoryEndpoint[],
  { added, removed, updated }: Diff,
): readonly DirectoryEndpoint[] {
  const edits = [
    // First, so that they come before the one in whose place they come.
    ...added.map((endpoint) => ({ rank: rankOf(from, endpoint.id), out: 0, into: [endpoint] })),
    ...removed.map(({ id }) => ({ rank: rankOf(from, id), out: 1, into: [] })),
    ...updated.map(([{ id }, endpoint]) => ({ rank: rankOf(from, id), out: 1, into: [endpoint] })),
  ].toSorted((a, b) => a.rank - b.rank);
  const runs: (readonly DirectoryEndpoint[])[] = [];
  let at = 0;
  for (const { into, out, rank } of edits) {
    runs.push(from.slice(at, rank), into);
    at = rank + out;
  }
  runs.push(from.slice(at));
  return Object.freeze(runs.flat());
}
