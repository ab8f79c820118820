import type { Health } from "@proxyless/core";
import type { Sliceable } from "@proxyless/core/discovery";

import type { Candidate } from "./candidate.ts";

const rank: Readonly<Record<Health, number>> = {
  healthy: 0,
  degraded: 1,
  unknown: 2,
  starting: 3,
  draining: 4,
  unhealthy: 5,
};

/** So many ids are looked at in one piece. */
const PIECE = 512;

/** One who was listed when the list was told last, and who is listed now. */
export interface Turn {
  readonly before: Candidate | undefined;
  readonly now: Candidate | undefined;
}

/**
 * Who is listed of those with the same id: what is in several slices (while it moves from one to the other, or under both
 * of its addresses) is listed once, at its preferred address, and there as ready as anybody says.
 */
export class Contest {
  readonly #preferred: 4 | 6;
  /** Best first. */
  readonly #ranked = new Map<string, readonly Candidate[]>();
  /** Of every id that was touched since the list was told, who was listed then. */
  readonly #before = new Map<string, Candidate | undefined>();

  constructor(preferred: 4 | 6) {
    this.#preferred = preferred;
  }

  add(candidate: Candidate): void {
    const others = this.#touch(candidate.id);
    const at = others.findIndex((other) => this.#isBetter(candidate, other));
    this.#ranked.set(candidate.id, others.toSpliced(at < 0 ? others.length : at, 0, candidate));
  }

  remove(candidate: Candidate): void {
    const others = this.#touch(candidate.id).filter((other) => other !== candidate);
    if (others.length > 0) this.#ranked.set(candidate.id, others);
    else this.#ranked.delete(candidate.id);
  }

  isListed(candidate: Candidate): boolean {
    return this.#ranked.get(candidate.id)?.[0] === candidate;
  }

  /** What changed since the list was told. */
  *turns(): Sliceable<readonly Turn[]> {
    const turns: Turn[] = [];
    let count = 0;
    for (const [id, before] of this.#before) {
      if (++count % PIECE === 0) yield;
      const now = this.#ranked.get(id)?.[0];
      if (before !== now) turns.push({ before, now });
    }
    return turns;
  }

  /** The list is told. */
  told(): void {
    this.#before.clear();
  }

  #touch(id: string): readonly Candidate[] {
    const ranked = this.#ranked.get(id) ?? [];
    if (!this.#before.has(id)) this.#before.set(id, ranked[0]);
    return ranked;
  }

  /** Of two that are equally good, the one of the first slice is listed, whichever came first. */
  #isBetter(a: Candidate, b: Candidate): boolean {
    const difference = this.#order(a) - this.#order(b);
    return difference < 0 || (difference === 0 && a.part.name < b.part.name);
  }

  #order({ endpoint }: Candidate): number {
    return (endpoint.family === this.#preferred ? 0 : 10) + rank[endpoint.health];
  }
}
