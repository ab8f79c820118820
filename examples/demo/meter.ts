/** One side of the comparison: something that can fetch an order. */
export interface Caller {
  /** Resolves with the answer's order; rejects when there is no answer or one with a status of 500 or more. */
  call(id: string): Promise<{ readonly id: string }>;
}

/** What one side did. */
export interface Result {
  readonly calls: number;
  readonly failed: number;
  /** Of the calls that were answered, from the moment the call was due. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/**
 * Counts and times the calls of one side. Time runs from the moment the schedule wanted the call, not from when the
 * process got round to it: a stall then counts for every call that it delayed.
 */
export class Meter {
  readonly #caller: Caller;
  readonly #latencies: number[] = [];
  readonly #pending = new Set<Promise<void>>();
  /** The first errors, as proof. */
  readonly failures: unknown[] = [];
  failed = 0;

  constructor(caller: Caller) {
    this.#caller = caller;
  }

  /** Calls that ended. */
  get calls(): number {
    return this.#latencies.length + this.failed;
  }

  start(id: string, dueAt: number): void {
    const call = this.#measure(id, dueAt);
    this.#pending.add(call);
    void call.finally(() => this.#pending.delete(call));
  }

  /** Resolves when no call is in flight. */
  async settled(): Promise<void> {
    await Promise.all(this.#pending);
  }

  result(): Result {
    const sorted = Float64Array.from(this.#latencies).toSorted();
    return {
      calls: this.calls,
      failed: this.failed,
      p50Ms: percentile(sorted, 0.5),
      p99Ms: percentile(sorted, 0.99),
      maxMs: percentile(sorted, 1),
    };
  }

  async #measure(id: string, dueAt: number): Promise<void> {
    try {
      const order = await this.#caller.call(id);
      if (order.id !== id) throw new Error(`asked for order ${id}, got order ${order.id}`);
      this.#latencies.push(performance.now() - dueAt);
    } catch (error) {
      this.failed++;
      if (this.failures.length < 5) this.failures.push(error);
    }
  }
}

/** Nearest rank, of ascending numbers; NaN of none. */
export function percentile(sorted: ArrayLike<number>, ratio: number): number {
  return sorted[Math.max(0, Math.ceil(ratio * sorted.length) - 1)] ?? Number.NaN;
}
