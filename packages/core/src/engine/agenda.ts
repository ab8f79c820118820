import type { Clock, TimerHandle } from "../clock.ts";

interface Entry {
  readonly id: number;
  readonly at: number;
  readonly run: () => void;
}

/** Time that passes as fast as there is something to do: what happens is run in its order, and nothing waits. */
export class Agenda implements Clock {
  #now: number;
  #lastId = 0;
  /** A binary heap: what comes first is at its top; of the same time, what was entered first. */
  readonly #heap: Entry[] = [];
  readonly #cleared = new Set<number>();

  constructor(now: number) {
    this.#now = now;
  }

  now(): number {
    return this.#now;
  }

  wallNow(): number {
    return this.#now;
  }

  setTimer<T>(fn: (arg: T) => void, ms: number, arg: T): TimerHandle {
    return this.at(this.#now + ms, () => {
      fn(arg);
    });
  }

  clearTimer(timer: TimerHandle): void {
    if (typeof timer === "number") this.#cleared.add(timer);
  }

  /** Has something done at a time. */
  at(at: number, run: () => void): number {
    const entry = { id: ++this.#lastId, at: Math.max(at, this.#now), run };
    const heap = this.#heap;
    let index = heap.push(entry) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!isBefore(entry, heap[parent]!)) break;
      heap[index] = heap[parent]!;
      index = parent;
    }
    heap[index] = entry;
    return entry.id;
  }

  /** Runs everything, also what is entered meanwhile. */
  run(): void {
    for (let entry = this.#take(); entry !== undefined; entry = this.#take()) {
      if (this.#cleared.delete(entry.id)) continue;
      this.#now = entry.at;
      entry.run();
    }
    this.#cleared.clear();
  }

  #take(): Entry | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++;
      if (!isBefore(heap[child]!, last)) break;
      heap[index] = heap[child]!;
      index = child;
    }
    heap[index] = last;
    return first;
  }
}

function isBefore(one: Entry, other: Entry): boolean {
  return one.at < other.at || (one.at === other.at && one.id < other.id);
}
