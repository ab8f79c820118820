import type { SimulatedSecond } from "./scenario.ts";

/** Collects how the calls of a run fared; exact, since a run has a million of them and not a billion. */
export class Recorder {
  calls = 0;
  ok = 0;
  failed = 0;
  #latencies = new Float64Array(1_024);
  #count = 0;
  readonly #servers: number;
  readonly #seconds: { calls: number; ok: number; sends: number[]; latencies: number[] }[] = [];

  constructor(servers: number) {
    this.#servers = servers;
  }

  began(atMs: number): void {
    this.calls++;
    this.#second(atMs).calls++;
  }

  sent(server: number, atMs: number): void {
    this.#second(atMs).sends[server]!++;
  }

  /** @param begunMs when the call began; it counts for that second */
  ended(begunMs: number, tookMs: number, isOk: boolean, hasFailed: boolean): void {
    if (this.#count === this.#latencies.length) {
      const larger = new Float64Array(this.#count * 2);
      larger.set(this.#latencies);
      this.#latencies = larger;
    }
    this.#latencies[this.#count++] = tookMs;
    const second = this.#second(begunMs);
    second.latencies.push(tookMs);
    if (hasFailed) this.failed++;
    if (!isOk) return;
    this.ok++;
    second.ok++;
  }

  /** The latencies of all calls that have ended, shortest first. */
  sorted(): Float64Array {
    return this.#latencies.slice(0, this.#count).toSorted();
  }

  seconds(): readonly SimulatedSecond[] {
    return this.#seconds.map(({ calls, latencies, ok, sends }) => {
      const sorted = latencies.toSorted((a, b) => a - b);
      return { calls, ok, sends, p50Ms: quantile(sorted, 0.5), p99Ms: quantile(sorted, 0.99) };
    });
  }

  #second(atMs: number): { calls: number; ok: number; sends: number[]; latencies: number[] } {
    const index = Math.max(0, Math.floor(atMs / 1_000));
    while (this.#seconds.length <= index) {
      const sends = Array.from({ length: this.#servers }, () => 0);
      this.#seconds.push({ calls: 0, ok: 0, sends, latencies: [] });
    }
    return this.#seconds[index]!;
  }
}

/** The value below which a share `at` of the sorted values lies; NaN where there are none. */
export function quantile(sorted: ArrayLike<number>, at: number): number {
  return sorted.length === 0 ? NaN : sorted[Math.min(sorted.length - 1, Math.floor(at * sorted.length))]!;
}
