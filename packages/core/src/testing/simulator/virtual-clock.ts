import type { Clock, TimerHandle } from "../../clock.ts";

interface VirtualTimer {
  readonly at: number;
  readonly order: number;
  fire: (() => void) | undefined;
  /** What it fires may go on in promises, which must settle before time moves on. */
  readonly settles: boolean;
}

/**
 * A clock whose time jumps from one event to the next. Events at the same time fire in the order in which they were set, so a
 * run is the same every time. Stopped timers stay in the heap until their time comes: stopping one must not cost a search.
 */
export class VirtualClock implements Clock {
  #now = 0;
  #order = 0;
  readonly #heap: VirtualTimer[] = [];
  readonly #stoppable = new Map<number, VirtualTimer>();

  now(): number {
    return this.#now;
  }

  wallNow(): number {
    return this.#now;
  }

  setTimer<T>(fn: (arg: T) => void, ms: number, arg: T): TimerHandle {
    const timer = this.#push(
      this.#now + Math.max(0, ms),
      () => {
        fn(arg);
      },
      true,
    );
    this.#stoppable.set(timer.order, timer);
    return timer.order;
  }

  clearTimer(handle: TimerHandle): void {
    const timer = this.#stoppable.get(Number(handle));
    if (timer === undefined) return;
    timer.fire = undefined;
    this.#stoppable.delete(timer.order);
  }

  /** An event of the model. `settles` where what it does may go on in promises. */
  at(time: number, fire: () => void, settles = false): void {
    this.#push(time, fire, settles);
  }

  /**
   * Fires events until `until` says so after one of them, or there are none left. Rests for promises only where an event may
   * have set some going.
   */
  async run(until: () => boolean): Promise<void> {
    await settle();
    for (let next = this.#pop(); next !== undefined; next = this.#pop()) {
      const { fire } = next;
      if (fire === undefined) continue;
      this.#now = Math.max(this.#now, next.at);
      next.fire = undefined;
      this.#stoppable.delete(next.order);
      fire();
      // eslint-disable-next-line no-await-in-loop -- the promises of one event come before the next event
      if (next.settles || this.#mustSettle) await settle();
      this.#mustSettle = false;
      if (until()) return;
    }
  }

  /** What just happened may go on in promises. */
  settleNext(): void {
    this.#mustSettle = true;
  }

  #mustSettle = false;

  #push(at: number, fire: () => void, settles: boolean): VirtualTimer {
    const timer = { at, order: this.#order++, fire, settles };
    const heap = this.#heap;
    let index = heap.length;
    heap.push(timer);
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (isBefore(heap[parent]!, timer)) break;
      heap[index] = heap[parent]!;
      index = parent;
    }
    heap[index] = timer;
    return timer;
  }

  #pop(): VirtualTimer | undefined {
    const heap = this.#heap;
    const [first] = heap;
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first;
    let index = 0;
    for (let child = 1; child < heap.length; child = 2 * index + 1) {
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++;
      if (isBefore(last, heap[child]!)) break;
      heap[index] = heap[child]!;
      index = child;
    }
    heap[index] = last;
    return first;
  }
}

function isBefore(a: VirtualTimer, b: VirtualTimer): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}

/** Lets every promise that can settle now do so. */
function settle(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
