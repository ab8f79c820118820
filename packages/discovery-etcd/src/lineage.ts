import type { Header } from "./answers.ts";

/**
 * Follows a cluster's history. A member that lags behind, or was restored from an old copy, tells an older one, and
 * taking that for the present would bring back who is gone.
 */
export class Lineage {
  #clusterId = "";
  #revision = 0n;
  #setbacks = 0;

  /**
   * Weighs an answer. `forward`: it may be taken. `other`: another cluster's, which has a history of its own. `restored`:
   * an older one, that a quorum has confirmed twice. `behind`: an older one that may not be taken.
   * @param isConfirmed a quorum stands behind the answer (a linearizable read)
   */
  judge({ clusterId, revision }: Header, isConfirmed: boolean): "forward" | "other" | "restored" | "behind" {
    const isFirst = this.#revision === 0n;
    if (isFirst || (clusterId === this.#clusterId && revision >= this.#revision)) return "forward";
    if (clusterId !== this.#clusterId) return "other";
    if (isConfirmed) this.#setbacks++;
    return this.#setbacks >= 2 ? "restored" : "behind";
  }

  /** What was taken. */
  take({ clusterId, revision }: Header): void {
    this.#clusterId = clusterId;
    this.#revision = revision;
    this.#setbacks = 0;
  }

  /** A watch told of a later revision. */
  advance(revision: bigint): void {
    if (revision > this.#revision) this.#revision = revision;
  }

  /** For errors. */
  get revision(): bigint {
    return this.#revision;
  }
}
