import type { Clock, TimerHandle } from "../../clock.ts";
import { levels } from "./criticality.ts";

/** One that waits. Made by a {@link WaitingLine}, which alone moves it. */
export interface Waiter<T> {
  /** What waits. */
  readonly of: T;
  /** Its criticality; see `levelOf`. */
  readonly level: number;
  /** Monotonic milliseconds at which it gives up; Infinity for never. */
  readonly expiresAt: number;
}

interface Place<T> extends Waiter<T> {
  before: Place<T> | undefined;
  behind: Place<T> | undefined;
  waiting: boolean;
}

/** The waiters of one level, in order of arrival. */
interface Row<T> {
  head: Place<T> | undefined;
  tail: Place<T> | undefined;
  size: number;
}

/**
 * Those who wait, by criticality and, inside that, by arrival. Joining and leaving take constant time. One timer serves them all,
 * and only while somebody waits who may give up.
 */
export class WaitingLine<T> {
  readonly #clock: Clock;
  readonly #expired: (of: T, now: number) => void;
  readonly #rows: readonly Row<T>[];
  #size = 0;
  #timer: TimerHandle | undefined;
  #timerAt = Infinity;

  /** @param expired is told who has given up; the waiter is gone by then */
  constructor(clock: Clock, expired: (of: T, now: number) => void) {
    this.#clock = clock;
    this.#expired = expired;
    this.#rows = Array.from({ length: levels }, () => ({ head: undefined, tail: undefined, size: 0 }));
  }

  get size(): number {
    return this.#size;
  }

  /** How many wait at one level. */
  sizeOf(level: number): number {
    return this.#rows[level]!.size;
  }

  /** The least important level at which somebody waits; -1 where nobody does. */
  get lowest(): number {
    for (let level = levels - 1; level >= 0; level--) if (this.#rows[level]!.size > 0) return level;
    return -1;
  }

  join(of: T, level: number, expiresAt: number, now: number): Waiter<T> {
    const row = this.#rows[level]!;
    const place: Place<T> = { of, level, expiresAt, before: row.tail, behind: undefined, waiting: true };
    if (row.tail === undefined) row.head = place;
    else row.tail.behind = place;
    row.tail = place;
    row.size++;
    this.#size++;
    if (expiresAt < this.#timerAt) this.#arm(expiresAt, now);
    return place;
  }

  /** Takes somebody out; `false` where that one no longer waits. */
  leave(waiter: Waiter<T>): boolean {
    if (!isPlace(waiter) || !waiter.waiting) return false;
    this.#remove(waiter);
    return true;
  }

  /**
   * Takes out who is next: of the most important level the one that came first, though never anybody behind whom more than
   * `window` others wait at that level.
   */
  next(window: number): T | undefined {
    for (const row of this.#rows) {
      if (row.size === 0) continue;
      let place = row.head!;
      if (row.size > window) {
        place = row.tail!;
        for (let i = 1; i < window; i++) place = place.before!;
      }
      this.#remove(place);
      return place.of;
    }
    return undefined;
  }

  /** Takes out the one of the least important level that came first. */
  oldestOfLowest(): T | undefined {
    const { lowest } = this;
    return lowest === -1 ? undefined : this.#remove(this.#rows[lowest]!.head!);
  }

  /** Takes out the one of the least important level that came last. */
  newestOfLowest(): T | undefined {
    const { lowest } = this;
    return lowest === -1 ? undefined : this.#remove(this.#rows[lowest]!.tail!);
  }

  #remove(place: Place<T>): T {
    const row = this.#rows[place.level]!;
    if (place.before === undefined) row.head = place.behind;
    else place.before.behind = place.behind;
    if (place.behind === undefined) row.tail = place.before;
    else place.behind.before = place.before;
    place.before = undefined;
    place.behind = undefined;
    place.waiting = false;
    row.size--;
    this.#size--;
    if (this.#size === 0) this.#disarm();
    return place.of;
  }

  #arm(at: number, now: number): void {
    this.#disarm();
    this.#timerAt = at;
    this.#timer = this.#clock.setTimer(sweep, Math.max(0, at - now), this);
  }

  #disarm(): void {
    if (this.#timer !== undefined) this.#clock.clearTimer(this.#timer);
    this.#timer = undefined;
    this.#timerAt = Infinity;
  }

  /** Puts out everybody whose time is over. The timer may come early, for somebody who has left since. */
  sweep(): void {
    this.#timer = undefined;
    this.#timerAt = Infinity;
    const now = this.#clock.now();
    const over: T[] = [];
    let first = Infinity;
    for (const row of this.#rows) {
      for (let place = row.head; place !== undefined;) {
        const { behind } = place;
        if (place.expiresAt <= now) over.push(this.#remove(place));
        else if (place.expiresAt < first) first = place.expiresAt;
        place = behind;
      }
    }
    if (first !== Infinity) this.#arm(first, now);
    // Told only now: whoever hears it may join or leave.
    for (const of of over) this.#expired(of, now);
  }
}

function sweep<T>(line: WaitingLine<T>): void {
  line.sweep();
}

function isPlace<T>(waiter: Waiter<T>): waiter is Place<T> {
  return "waiting" in waiter;
}
