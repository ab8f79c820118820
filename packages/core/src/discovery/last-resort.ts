import { addressOf } from "./host.ts";
import type { DirectoryEndpoint } from "./resolution.ts";
import { heldPriorityOffset } from "./resolution.ts";

interface Held {
  readonly endpoint: DirectoryEndpoint;
  readonly until: number;
}

/** Endpoints that went together with most of the others, each kept for a while below all that are listed. */
export class LastResort {
  readonly #held = new Map<string, Held>();

  get size(): number {
    return this.#held.size;
  }

  get endpoints(): readonly DirectoryEndpoint[] {
    return Array.from(this.#held.values(), ({ endpoint }) => endpoint);
  }

  /** When the next one goes; infinity without one. */
  get deadline(): number {
    let first = Infinity;
    for (const { until } of this.#held.values()) first = Math.min(first, until);
    return first;
  }

  keep(endpoint: DirectoryEndpoint, until: number): void {
    const priority = endpoint.priority + heldPriorityOffset;
    this.#held.set(endpoint.id, { endpoint: Object.freeze({ ...endpoint, priority, held: true }), until });
  }

  /** Lets go of those whose time is over. @returns whether there were any */
  expire(now: number): boolean {
    let changed = false;
    for (const [id, { until }] of this.#held) if (until <= now) changed = this.#held.delete(id);
    return changed;
  }

  /** Lets go of what is listed again, and of the oldest ones where all of them do not fit beside what is. */
  makeRoom(listed: readonly DirectoryEndpoint[], maxEndpoints: number): void {
    if (this.#held.size === 0) return;
    const ids = new Set(listed.map(({ id }) => id));
    const addresses = new Set(listed.map(addressOf));
    let excess = listed.length + this.#held.size - maxEndpoints;
    for (const [id, { endpoint }] of this.#held) {
      if (excess <= 0 && !ids.has(id) && !addresses.has(addressOf(endpoint))) continue;
      this.#held.delete(id);
      excess--;
    }
  }

  clear(): void {
    this.#held.clear();
  }
}
