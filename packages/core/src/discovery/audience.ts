import type { Diff, Resolution } from "./resolution.ts";
import type { DirectorySubscription } from "./subscription.ts";

interface Change {
  readonly sequence: number;
  readonly resolution: Resolution;
  readonly diff: Diff;
}

/**
 * The users of a watch. Everybody hears of every change once and in order, even when a listener causes the next
 * change while the last one is still being told.
 */
export class Audience {
  readonly #users = new Set<DirectorySubscription>();
  readonly #changes: Change[] = [];
  readonly #told: (resolution: Resolution, diff: Diff) => void;
  #sequence = 0;
  #telling = false;

  /** @param told called after all listeners, once per change */
  constructor(told: (resolution: Resolution, diff: Diff) => void) {
    this.#told = told;
  }

  get size(): number {
    return this.#users.size;
  }

  /** The number of changes so far. */
  get sequence(): number {
    return this.#sequence;
  }

  get hasWaiters(): boolean {
    for (const user of this.#users) if (user.hasWaiters) return true;
    return false;
  }

  add(user: DirectorySubscription): void {
    this.#users.add(user);
  }

  delete(user: DirectorySubscription): boolean {
    return this.#users.delete(user);
  }

  tell(resolution: Resolution, diff: Diff): void {
    this.#changes.push({ sequence: ++this.#sequence, resolution, diff });
    for (const user of this.#users) user.settle();
    if (this.#telling) return;
    this.#telling = true;
    for (let change = this.#changes.shift(); change !== undefined; change = this.#changes.shift()) {
      for (const user of this.#users) user.deliver(change.sequence, change.resolution, change.diff);
      this.#told(change.resolution, change.diff);
    }
    this.#telling = false;
  }

  /** Sends everybody away; what was still to be told is not. */
  end(): void {
    this.#changes.length = 0;
    for (const user of this.#users) user.end();
    this.#users.clear();
  }
}
