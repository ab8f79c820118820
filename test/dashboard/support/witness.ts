import type { Mesh } from "@proxyless/core";
import type { ManualClock } from "@proxyless/core/testing";

/** How far the page looks back for shares, and for everything that is per second, in milliseconds. */
const shareMs = 10_000;
const pointMs = 1_000;

interface Seen {
  readonly at: number;
}
interface SeenCall extends Seen {
  readonly durationMs: number;
  readonly isFailed: boolean;
  readonly wasSent: boolean;
}
interface SeenAttempt extends Seen {
  readonly endpoint: string;
}

/** Counts the calls and attempts of a mesh by itself, for what `mesh.inspect()` does not say. */
export class Witness {
  readonly #clock: ManualClock;
  readonly #calls: SeenCall[] = [];
  readonly #attempts: SeenAttempt[] = [];
  readonly #extra: Seen[] = [];

  constructor(mesh: Mesh, clock: ManualClock) {
    this.#clock = clock;
    mesh.on("call.completed", ({ attempts, durationMs, outcome, error }) => {
      const isFailed = outcome !== "success" && (outcome !== "ignored" || error !== undefined);
      this.#calls.push({ at: clock.now(), durationMs, isFailed, wasSent: attempts > 0 });
    });
    mesh.on("attempt.completed", ({ endpoint, reason }) => {
      if (reason !== "superseded") this.#attempts.push({ at: clock.now(), endpoint });
    });
    for (const type of ["call.retried", "call.hedged"] as const) {
      mesh.on(type, () => this.#extra.push({ at: clock.now() }));
    }
  }

  /** Calls of the last second. */
  get calls(): number {
    return this.#within(this.#calls, pointMs).length;
  }

  /** The share of them that failed or were refused. */
  get failed(): number {
    const calls = this.#within(this.#calls, pointMs);
    return calls.length === 0 ? 0 : calls.filter(({ isFailed }) => isFailed).length / calls.length;
  }

  /** Retries and hedges, per call. */
  get extra(): number {
    return this.calls === 0 ? 0 : this.#within(this.#extra, pointMs).length / this.calls;
  }

  /** Of the duration of those that were sent, in milliseconds. */
  percentile(percent: number): number | undefined {
    const durations = this.#within(this.#calls, pointMs)
      .filter(({ wasSent }) => wasSent)
      .map(({ durationMs }) => durationMs)
      .toSorted((a, b) => a - b);
    return durations[Math.max(0, Math.ceil((percent / 100) * durations.length) - 1)];
  }

  /** The part of the attempts of the last ten seconds that went to an endpoint. */
  share(endpoint: string): number {
    const attempts = this.#within(this.#attempts, shareMs);
    const own = attempts.filter((attempt) => attempt.endpoint === endpoint).length;
    return attempts.length === 0 ? 0 : own / attempts.length;
  }

  #within<S extends Seen>(seen: readonly S[], ms: number): readonly S[] {
    const now = this.#clock.now();
    return seen.filter(({ at }) => at >= now - ms && at < now);
  }
}
