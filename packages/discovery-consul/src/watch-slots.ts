/**
 * Who may keep a long poll open. An agent closes connections beyond its limit per client without a word, so the
 * number is bounded here: the first come hold a slot for as long as they watch, the others poll in turn until one is free.
 */
export class WatchSlots {
  #free: number;

  constructor(slots: number) {
    this.#free = slots;
  }

  /** Takes a slot; `false` when all are taken. */
  take(): boolean {
    if (this.#free === 0) return false;
    this.#free--;
    return true;
  }

  /** Gives a slot back. */
  release(): void {
    this.#free++;
  }
}
