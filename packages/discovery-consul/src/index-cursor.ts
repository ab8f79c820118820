/** What an answer's index says about the one before it. */
export type IndexStep = "first" | "same" | "forward" | "back" | "unknown";

/**
 * The position of a blocking query. Indexes are 64-bit, so they are kept as BigInt. An index that goes back (a
 * restored snapshot, a wiped agent, another follower) starts over from none, because waiting on the old one would miss
 * every change until it is reached again; one below 1 counts as 1, because waiting on 0 never waits.
 * Rules: Consul's documentation of blocking queries, "Implementation Details".
 */
export class IndexCursor {
  #index: bigint | undefined;
  #backend: string | undefined;

  /** What to wait on; `undefined` asks for an answer at once. */
  get current(): string | undefined {
    return this.#index?.toString();
  }

  /**
   * Takes `X-Consul-Index` of an answer with status 200, and of no other.
   * @param backend `X-Consul-Query-Backend`: an agent answers from its own streamed view or by asking a server, and the
   *   two count differently, so that a lower index from the other one is no step back
   */
  accept(header: string | readonly string[] | undefined, backend?: string | readonly string[]): IndexStep {
    const answeredBy = typeof backend === "string" ? backend : undefined;
    if (answeredBy !== this.#backend) this.#index = undefined;
    this.#backend = answeredBy;
    if (typeof header !== "string" || !/^\d{1,20}$/.test(header)) {
      this.#index = undefined;
      return "unknown";
    }
    const received = BigInt(header);
    const next = received < 1n ? 1n : received;
    const before = this.#index;
    this.#index = before !== undefined && next < before ? undefined : next;
    if (before === undefined) return "first";
    if (next < before) return "back";
    return next === before ? "same" : "forward";
  }

  /** The next query asks for an answer at once: after trouble nobody knows whose index it was. */
  reset(): void {
    this.#index = undefined;
  }
}
