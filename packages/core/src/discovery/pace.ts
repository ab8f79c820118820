import type { Clock } from "../clock.ts";
import { Alarm } from "./alarm.ts";

/** A shorter list costs so little that nobody has to wait for it. */
const SMALL_LIST = 500;
/** From so many on, reading a list and telling it are apart, and each goes on over several turns where it takes milliseconds. */
const LONG_LIST = 2_000;
/** Taking in a list, telling it and building pickers over it takes up to a microsecond per endpoint: 5 % of this. */
const GAP_MS_PER_ENDPOINT = 0.02;
const MAX_GAP_MS = 1_000;

/** Whether so many entries are worth turns of the event loop of their own. */
export function isLongList(entries: number): boolean {
  return entries >= LONG_LIST;
}

/**
 * When the next list may be taken in. Changes of a short list are collected for a moment. A long list is costly to take
 * in, so that the next one has to wait in proportion to its length, whatever its news: however often a registry of ten
 * thousand endpoints changes, following it takes a twentieth of the processor's time.
 */
export class Pace {
  readonly #clock: Clock;
  readonly #debounceMs: number;
  readonly #alarm: Alarm;
  #freeAt = -Infinity;

  /** @param due called when what was waiting has waited long enough */
  constructor(clock: Clock, debounceMs: number, due: () => void) {
    this.#clock = clock;
    this.#debounceMs = debounceMs;
    this.#alarm = new Alarm(clock, due);
  }

  /** Whether the last list was so long, and so lately, that the next one waits unread. */
  get isBusy(): boolean {
    return this.#clock.now() < this.#freeAt;
  }

  /** Whether anything is collected at all. */
  get collects(): boolean {
    return this.#debounceMs > 0;
  }

  /** Something waits from now on, or waits already. */
  wait(): void {
    if (this.#alarm.armed) return;
    this.#alarm.set(Math.max(this.#debounceMs, this.#freeAt - this.#clock.now()));
  }

  /** What waits from now on waits no longer than for the next turn. What waits already is not put off. */
  nextTurn(): void {
    if (!this.#alarm.armed) this.#alarm.set(0);
  }

  /** A list of so many entries was taken in. */
  took(entries: number): void {
    if (entries < SMALL_LIST) return;
    this.#freeAt = this.#clock.now() + Math.min(MAX_GAP_MS, entries * GAP_MS_PER_ENDPOINT);
  }

  /** Nothing waits any more. */
  clear(): void {
    this.#alarm.clear();
  }
}
