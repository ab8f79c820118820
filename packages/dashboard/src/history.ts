import { slotMs } from "./call-counter.ts";
import { emptyRecord } from "./merge-patch.ts";
import { rounded } from "./rounded.ts";
import type { Point } from "./state.ts";
import type { Tally } from "./tally.ts";

/** Points that are kept of each service. */
const maxPoints = 180;

/** The last minutes of each service, look by look, as far as somebody watched. */
export class History {
  readonly #points = new Map<string, Point[]>();

  get all(): Readonly<Record<string, readonly Point[]>> {
    const all = emptyRecord<readonly Point[]>();
    for (const [service, points] of this.#points) all[service] = points;
    return all;
  }

  /**
   * Adds to each service what happened since the last look, which was `seconds` ago.
   * @param at seconds since 1970
   */
  add(
    services: readonly string[],
    tally: Tally,
    at: number,
    seconds: number,
  ): Readonly<Record<string, Point>> {
    const points = emptyRecord<Point>();
    const known = new Set(services);
    for (const service of this.#points.keys()) if (!known.has(service)) this.#points.delete(service);
    for (const service of known) {
      const point = pointOf(tally, service, at, seconds);
      points[service] = point;
      const kept = this.#points.get(service) ?? [];
      kept.push(point);
      if (kept.length > maxPoints) kept.shift();
      this.#points.set(service, kept);
    }
    return points;
  }
}

function pointOf(tally: Tally, service: string, at: number, seconds: number): Point {
  const { counts, latencies } = tally.of(service).sum(Math.max(1, Math.round((seconds * 1000) / slotMs)));
  const failed = counts.failure + counts.timeout + counts.circuit + counts.refused;
  return {
    at: rounded(at, 10),
    rate: perSecond(failed + counts.success + counts.ignored, seconds),
    failed: perSecond(failed, seconds),
    extra: perSecond(counts.retry + counts.hedge, seconds),
    p50: percentile(50),
    p90: percentile(90),
    p99: percentile(99),
  };

  function percentile(percent: number): number | null {
    const ms = latencies.percentile(percent);
    return ms === undefined ? null : rounded(ms, 100);
  }
}

function perSecond(count: number, seconds: number): number {
  return rounded(count / seconds, 10);
}
