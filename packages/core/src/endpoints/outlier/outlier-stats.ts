import type { AttemptResult } from "../attempt-result.ts";
import { STRIDE } from "../load-table.ts";
import type { ResolvedOutlierDetection } from "./outlier-policy.ts";

/** What can find that an endpoint misbehaves. */
export type Detector =
  | "consecutive5xx"
  | "consecutiveGatewayFailure"
  | "consecutiveLocalOriginFailure"
  | "consecutiveSlow"
  | "successRate"
  | "failurePercentage"
  | "latency";

// Columns of a row: bad answers in a row, then what the running interval brought.
const SERVER_RUN = 0;
const GATEWAY_RUN = 1;
const LOCAL_RUN = 2;
const SLOW_RUN = 3;
const TOTAL = 4;
const FAILED = 5;
const MEASURED = 6;
/** Intervals in a row in which the endpoint was slower than its peers. */
const SLOW_INTERVALS = 7;
const COLUMNS = 8;

/** Half an octave each, from 1/16 ms to 65 s. */
const BUCKETS = 40;

/** Before so many answers nobody knows what is typical. */
const MATURE = 1_000;

/** How fast what is typical follows the answers: by this factor for each of them, up or down. */
const TYPICAL_STEP = 1.02;
/** An attempt that a hedge has beaten counts as slow when it had so many times the typical latency. */
const BEATEN_RATIO = 1.5;

/**
 * What outlier detection remembers of each endpoint of a service, in flat arrays by row: counting a result takes some
 * nanoseconds, and an idle endpoint costs some forty bytes.
 */
export class OutlierStats {
  /**
   * What most answers of the service take, in milliseconds; 0 before the first. A median that walks towards each answer by a
   * fixed factor (frugal streaming, Ma et al. 2013), so that a few very slow ones do not move it.
   */
  typicalMs = 0;
  #answers = 0;
  #policy: ResolvedOutlierDetection;
  #counts = new Uint32Array(COLUMNS * 8);
  /** The rows with a result in the running interval: the others need no look at its end, and no histogram. */
  readonly #heard: number[] = [];
  /** For each row 1 + its place among those heard; 0 where nothing was. */
  #places = new Int32Array(8);
  /** By place among those heard. */
  #histograms = new Uint16Array(BUCKETS * 8);

  constructor(policy: ResolvedOutlierDetection) {
    this.#policy = policy;
  }

  /** Takes another policy. What was counted stays. */
  update(policy: ResolvedOutlierDetection): void {
    this.#policy = policy;
  }

  /** Makes a row as good as new. */
  clear(offset: number): void {
    const row = offset / STRIDE;
    if (row >= this.#places.length) {
      const rows = Math.ceil(1.5 * row);
      this.#counts = grown(this.#counts, new Uint32Array(COLUMNS * rows));
      this.#places = grown(this.#places, new Int32Array(rows));
      return;
    }
    this.#counts.fill(0, row * COLUMNS, (row + 1) * COLUMNS);
    const place = this.#places[row]! - 1;
    if (place >= 0) this.#histograms.fill(0, place * BUCKETS, (place + 1) * BUCKETS);
  }

  /** Counts a result. @returns the detector that has seen enough; undefined for none */
  record(offset: number, result: AttemptResult): Detector | undefined {
    const { outcome, status } = result;
    if (status === 429 || (outcome === "ignored" && !result.isSuperseded)) return undefined;
    const row = offset / STRIDE;
    const at = row * COLUMNS;
    const counts = this.#counts;
    if (this.#places[row] === 0) this.#hear(row);
    // It would have taken longer than this: that says something where this is much already.
    if (result.isSuperseded) {
      return result.latencyMs > this.typicalMs ? this.#measure(offset, result.latencyMs, true) : undefined;
    }
    if (outcome === "success") {
      counts[at + SERVER_RUN] = counts[at + GATEWAY_RUN] = counts[at + LOCAL_RUN] = 0;
      counts[at + TOTAL]!++;
      return result.latencyMs >= 0 ? this.#measure(offset, result.latencyMs) : undefined;
    }
    const policy = this.#policy;
    const isLocal = status === 0;
    if (isLocal && policy.splitExternalLocalOriginErrors) {
      return reached(policy.consecutiveLocalOriginFailure, ++counts[at + LOCAL_RUN]!)
        ? "consecutiveLocalOriginFailure"
        : undefined;
    }
    counts[at + TOTAL]!++;
    counts[at + FAILED]!++;
    counts[at + LOCAL_RUN] = 0;
    const run = ++counts[at + SERVER_RUN]!;
    const gatewayRun = (counts[at + GATEWAY_RUN] =
      isLocal || (status >= 502 && status <= 504) ? counts[at + GATEWAY_RUN]! + 1 : 0);
    const isServer = reached(policy.consecutive5xx, run);
    const isGateway = gatewayRun > 0 && reached(policy.consecutiveGatewayFailure, gatewayRun);
    // Where both have seen enough, the one that only reports must not stand before the one that ejects.
    if (isServer && isGateway) {
      return enforcing(policy.consecutiveGatewayFailure) > enforcing(policy.consecutive5xx)
        ? "consecutiveGatewayFailure"
        : "consecutive5xx";
    }
    if (isServer) return "consecutive5xx";
    return isGateway ? "consecutiveGatewayFailure" : undefined;
  }

  /** Slow answers in a row. */
  slowRun(offset: number): number {
    return this.#counts[(offset / STRIDE) * COLUMNS + SLOW_RUN]!;
  }

  /** Requests of the running interval that say something of the endpoint. */
  total(offset: number): number {
    return this.#counts[(offset / STRIDE) * COLUMNS + TOTAL]!;
  }

  failed(offset: number): number {
    return this.#counts[(offset / STRIDE) * COLUMNS + FAILED]!;
  }

  /** Latencies measured in the running interval, and before it as long as they were too few. */
  measured(offset: number): number {
    return this.#counts[(offset / STRIDE) * COLUMNS + MEASURED]!;
  }

  /** The median latency of the running interval in milliseconds; only where something was measured. */
  medianMs(offset: number): number {
    const row = offset / STRIDE;
    const half = this.#counts[row * COLUMNS + MEASURED]! / 2;
    const start = (this.#places[row]! - 1) * BUCKETS;
    let below = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      const inside = this.#histograms[start + bucket]!;
      if (below + inside >= half && inside > 0) return 2 ** ((bucket - 8 + (half - below) / inside) / 2);
      below += inside;
    }
    return 0;
  }

  /**
   * Notes whether an endpoint was slower than its peers in the running interval. One without enough answers is not noted: to be
   * avoided by the balancer does not make up for having been slow.
   * @returns in how many intervals in a row it was
   */
  noteInterval(offset: number, isSlow: boolean): number {
    const at = (offset / STRIDE) * COLUMNS + SLOW_INTERVALS;
    return (this.#counts[at] = isSlow ? this.#counts[at]! + 1 : 0);
  }

  /** The rows with a result in the running interval. */
  get heard(): readonly number[] {
    return this.#heard;
  }

  /**
   * Begins a new interval. Latencies that are too few to be compared are kept until there are enough: the balancer avoids a slow
   * endpoint, which must not keep it from ever being found.
   */
  endInterval(): void {
    const counts = this.#counts;
    const { latency } = this.#policy;
    const enough = latency === false ? 0 : latency.requestVolume;
    const histograms = this.#histograms;
    let kept = 0;
    for (const [place, row] of this.#heard.entries()) {
      const at = row * COLUMNS;
      counts[at + TOTAL] = counts[at + FAILED] = 0;
      const measured = counts[at + MEASURED]!;
      if (measured > 0 && measured < enough) {
        histograms.copyWithin(kept * BUCKETS, place * BUCKETS, (place + 1) * BUCKETS);
        this.#heard[kept++] = row;
        this.#places[row] = kept;
        continue;
      }
      this.#places[row] = counts[at + MEASURED] = 0;
    }
    histograms.fill(0, kept * BUCKETS, this.#heard.length * BUCKETS);
    this.#heard.length = kept;
  }

  /** The first result of a row in the running interval. */
  #hear(row: number): void {
    this.#places[row] = this.#heard.push(row);
    const wanted = this.#heard.length * BUCKETS;
    if (wanted > this.#histograms.length) {
      this.#histograms = grown(this.#histograms, new Uint16Array(Math.ceil(1.5 * wanted)));
    }
  }

  #measure(offset: number, latencyMs: number, isLeast = false): Detector | undefined {
    const row = offset / STRIDE;
    const counts = this.#counts;
    const at = row * COLUMNS;
    counts[at + MEASURED]!++;
    const bucket = Math.max(0, Math.min(BUCKETS - 1, Math.floor(2 * Math.log2(latencyMs) + 8)));
    const cell = (this.#places[row]! - 1) * BUCKETS + bucket;
    // Saturates instead of wrapping; a median does not need more.
    if (this.#histograms[cell]! < 65_535) this.#histograms[cell]!++;
    const typical = this.typicalMs;
    this.#answers++;
    if (typical === 0) this.typicalMs = latencyMs;
    else if (latencyMs > typical) this.typicalMs = Math.min(latencyMs, typical * TYPICAL_STEP);
    else this.typicalMs = Math.max(latencyMs, typical / TYPICAL_STEP);
    const { consecutiveSlow } = this.#policy;
    // Beaten by another endpoint that began later: that alone is rare, and what is left of the answer's time nobody knows.
    const ratio = isLeast ? BEATEN_RATIO : consecutiveSlow === false ? 0 : consecutiveSlow.ratio;
    if (
      consecutiveSlow === false ||
      latencyMs <= ratio * typical ||
      latencyMs - typical < consecutiveSlow.minimumDifferenceMs ||
      this.#answers < MATURE
    ) {
      if (!isLeast) counts[at + SLOW_RUN] = 0;
      return undefined;
    }
    return reached(consecutiveSlow, ++counts[at + SLOW_RUN]!) ? "consecutiveSlow" : undefined;
  }
}

/** Again and again where the first finding was not followed, but not with each further answer. */
function reached(policy: { readonly count: number } | false, run: number): boolean {
  return policy !== false && run > 0 && run % policy.count === 0;
}

function enforcing(policy: { readonly enforcing: number } | false): number {
  return policy === false ? 0 : policy.enforcing;
}

function grown<T extends Uint32Array | Uint16Array | Int32Array>(from: T, to: T): T {
  to.set(from);
  return to;
}
