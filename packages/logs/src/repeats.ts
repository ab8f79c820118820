import type { Clock, TimerHandle } from "@proxyless/core";

/** What was said, and what came after it and was not. */
interface Window<T> {
  since: number;
  held: number;
  last: T;
}

/** Hears of what was held back: the last of it, how many there were, and in how many milliseconds. */
export type SumUp<T> = (last: T, held: number, overMs: number) => void;

/**
 * Lets the first of several that are the same through, and sums the others up when its window ends. A new window begins with
 * the sum, so that what never stops is said once per window. One timer for all, which keeps no process alive; no more than
 * `maxKeys` windows: the oldest gives way.
 */
export class Repeats<T> {
  readonly #clock: Clock;
  readonly #windowMs: number;
  readonly #maxKeys: number;
  readonly #sumUp: SumUp<T>;
  /** Oldest first: all windows are equally long. */
  readonly #windows = new Map<string, Window<T>>();
  #timer: TimerHandle | undefined;

  constructor(clock: Clock, windowMs: number, maxKeys: number, sumUp: SumUp<T>) {
    this.#clock = clock;
    this.#windowMs = windowMs;
    this.#maxKeys = maxKeys;
    this.#sumUp = sumUp;
  }

  /** How many windows are open. */
  get size(): number {
    return this.#windows.size;
  }

  /** @returns whether it is to be said now; otherwise it is held back */
  admit(key: string, item: T): boolean {
    const now = this.#clock.now();
    this.#endOld(now);
    const open = this.#windows.get(key);
    if (open !== undefined) {
      open.held++;
      open.last = item;
      return false;
    }
    for (const [oldest, window] of this.#windows) {
      if (this.#windows.size < this.#maxKeys) break;
      this.#windows.delete(oldest);
      this.#end(window, now);
    }
    this.#windows.set(key, { since: now, held: 0, last: item });
    this.#arm(now);
    return true;
  }

  /** Sums up what is held back, and ends. */
  close(): void {
    if (this.#timer !== undefined) this.#clock.clearTimer(this.#timer);
    this.#timer = undefined;
    const now = this.#clock.now();
    const windows = [...this.#windows.values()];
    this.#windows.clear();
    for (const window of windows) this.#end(window, now);
  }

  #endOld(now: number): void {
    for (const [key, window] of this.#windows) {
      if (now - window.since < this.#windowMs) return;
      this.#windows.delete(key);
      if (window.held === 0) continue;
      this.#windows.set(key, { since: now, held: 0, last: window.last });
      this.#end(window, now);
    }
  }

  #end({ held, last, since }: Window<T>, now: number): void {
    if (held > 0) this.#sumUp(last, held, now - since);
  }

  #arm(now: number): void {
    if (this.#timer !== undefined) return;
    const [first] = this.#windows.values();
    if (first === undefined) return;
    const ms = Math.max(0, first.since + this.#windowMs - now);
    this.#timer = this.#clock.setTimer(Repeats.#due<T>, ms, this, true);
  }

  static #due<T>(this: void, repeats: Repeats<T>): void {
    repeats.#timer = undefined;
    const now = repeats.#clock.now();
    repeats.#endOld(now);
    repeats.#arm(now);
  }
}
