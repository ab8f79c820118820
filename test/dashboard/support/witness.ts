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

/** What happened to calls within a second. */
export interface Second {
  readonly calls: number;
  /** Those that failed or were refused. */
  readonly failed: number;
  /** Retries and hedges. */
  readonly extra: number;
  /** Of the duration of those that were sent, in milliseconds; undefined where none was. */
  readonly percentile: (percent: number) => number | undefined;
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

  /** The second that ends now, or did `at` that time of the clock. */
  second(at: number = this.#clock.now()): Second {
    const calls = within(this.#calls, at, pointMs);
    const durations = calls
      .filter(({ wasSent }) => wasSent)
      .map(({ durationMs }) => durationMs)
      .toSorted((a, b) => a - b);
    return {
      calls: calls.length,
      failed: calls.filter(({ isFailed }) => isFailed).length,
      extra: within(this.#extra, at, pointMs).length,
      percentile: (percent) => durations[Math.max(0, Math.ceil((percent / 100) * durations.length) - 1)],
    };
  }

  /** The part of the attempts of the last ten seconds that went to an endpoint. */
  share(endpoint: string): number {
    const attempts = within(this.#attempts, this.#clock.now(), shareMs);
    const own = attempts.filter((attempt) => attempt.endpoint === endpoint).length;
    return attempts.length === 0 ? 0 : own / attempts.length;
  }
}

function within<S extends Seen>(seen: readonly S[], end: number, ms: number): readonly S[] {
  return seen.filter(({ at }) => at >= end - ms && at < end);
}
