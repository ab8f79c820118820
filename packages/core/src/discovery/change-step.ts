import type { Change } from "./diff.ts";
import { hostPort } from "./host.ts";
import type { Diff, DirectoryEndpoint } from "./resolution.ts";

/** So many endpoints come, change or go in the first step: code that never ran takes many times as long. */
const FIRST_STEP = 125;
/** A step is never smaller, for each ends with pickers over the whole list. */
const MIN_STEP = 50;
/** With this many, a step takes a millisecond or two from here to the pickers. */
const MAX_STEP = 500;
/** What one turn of the event loop may take for a step, in milliseconds. */
const MAX_STEP_MS = 4;
/** Who takes whose place is looked through so often; beyond that everything is one step. */
const MAX_PASSES = 8;

/** How large steps are: half of the last one where that took too long, else twice as large. */
export class StepSize {
  #size = FIRST_STEP;

  /** In endpoints. */
  get value(): number {
    return this.#size;
  }

  /** A step took so many milliseconds. */
  took(ms: number): void {
    this.#size = ms > MAX_STEP_MS ? Math.max(MIN_STEP, this.#size >> 1) : Math.min(MAX_STEP, this.#size * 2);
  }
}

/**
 * The first step of a change that is too large for one turn of the event loop; the change itself where it is not. A step has
 * a like part of those that come, that change and that go, so that there are never fewer endpoints than before or after, and an
 * address is never taken before it is free: what is told in between is a list like any other, unique by id and by address.
 * @param most how many may come, change and go in it
 */
export function firstStep(change: Change, most: number): Change {
  const { diff, from } = change;
  const size = diff.added.length + diff.updated.length + diff.removed.length;
  if (size <= most) return change;
  const step = withVacated(diff, {
    added: part(diff.added, most, size),
    updated: part(diff.updated, most, size),
    removed: part(diff.removed, most, size),
  });
  return step === diff ? change : { from, to: applied(from, step), diff: step };
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

  add({ host, port }: DirectoryEndpoint): void {
    this.#hosts.add(host);
    this.#addresses.add(hostPort(host, port));
  }

  has({ host, port }: DirectoryEndpoint): boolean {
    return this.#hosts.has(host) && this.#addresses.has(hostPort(host, port));
  }
}

function applied(
  from: readonly DirectoryEndpoint[],
  { added, removed, updated }: Diff,
): readonly DirectoryEndpoint[] {
  const gone = new Set(removed);
  const changed = new Map(updated);
  const isGrowing = gone.size === 0 && changed.size === 0;
  const to: DirectoryEndpoint[] = [];
  let next = 0;
  for (const endpoint of from) {
    while (next < added.length && added[next]!.id < endpoint.id) to.push(added[next++]!);
    if (isGrowing) to.push(endpoint);
    else if (!gone.has(endpoint)) to.push(changed.get(endpoint) ?? endpoint);
  }
  while (next < added.length) to.push(added[next++]!);
  return Object.freeze(to);
}
