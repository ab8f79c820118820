/** Columns of {@link LoadTable.data}, which every pick reads: calls in flight. */
export const PENDING = 0;
/** What a call cost when the last result came, but for those in flight: latency / success². */
export const PRICE = 1;
/** Until when the price holds as it is; minus infinity when the endpoint was never measured. */
export const FRESH_UNTIL = 2;
/** How far the success ratio was from 1 when the last result came. */
const FAULT = 3;

/** Columns of {@link LoadTable.details}: moving average of successful latencies in milliseconds; 0 means never measured. */
export const LATENCY = 0;
/** Moving success ratio in (0, 1]. */
const SUCCESS = 1;
/** Relative weight. */
const WEIGHT = 2;
/** When the last result came. */
const SAMPLED_AT = 3;

/** Numbers per row. */
export const STRIDE = 4;

/** How many beginnings and ends of calls are remembered. */
export const LOGGED = 128;

/** A latency below this is taken as this: differences under it are noise. */
const MIN_LATENCY_MS = 0.05;
/** A success ratio below this is taken as this, so that the price stays finite. */
const MIN_SUCCESS = 0.05;
/** An endpoint with a larger fault (one that failed twice running, say) is no alternative to another. */
const HOPELESS_FAULT = 0.15;

/** A success counts this much at least, however soon it follows the one before. */
const MIN_ALPHA = 0.05;
/** Time constant of the latency average, in milliseconds (as Finagle's `decayTime` and Tower's `decay`). */
const LATENCY_TAU = 10_000;
/** Weight of one result in the success ratio. */
const SUCCESS_ALPHA = 0.1;
/** Time constant with which a bad success ratio heals without traffic, in milliseconds. */
const SUCCESS_TAU = 3_000;
/** A result counts in full this long; after that the endpoint looks better and better until it is measured again. */
const FRESH_MS = 3_000;
/** The same after failures: an endpoint that is well again must be found out soon. */
const FAILING_FRESH_MS = 1_000;
/** How far a median moves with each sample. */
const MEDIAN_STEP = 1.02;

/**
 * The load of every endpoint of a service in flat arrays: comparing two endpoints out of ten thousand must not cost
 * two chases through the heap. What a pick reads of an endpoint is half a cache line, so that ten thousand of them stay
 * in a core's own cache; the rest stands in `details`, under the same offset.
 */
export class LoadTable {
  /** Replaced when it grows, so read it anew for each pick. */
  data: Float64Array = new Float64Array(STRIDE * 8);
  details: Float64Array = new Float64Array(STRIDE * 8);
  /** Median latency over all endpoints, by steps of 2 % (the frugal estimate of Ma, Muthukrishnan and Sandler, 2013); 0 before the first. */
  typicalMs = 0;
  /** Average latency over all endpoints: what an endpoint that was never measured is taken to cost. */
  reference = 1;
  /** How many rows are hopeless or closed (twice, where both): while there are none, a pick need not look at each. */
  troubled = 0;
  /** How often a call began or ended, on whatever endpoint. */
  turns = 0;
  /** On which endpoint the last {@link LOGGED} of them were: its offset, or `~offset` where a call ended. */
  readonly log: Int32Array = new Int32Array(LOGGED);
  /** When a neglected endpoint was last picked for no other reason than to be measured again. */
  remeasuredAt: number = -Infinity;
  /** 1 where the gate is closed. */
  #closed = new Uint8Array(8);
  /** Median latencies, by the same steps as `typicalMs`; 0 where nothing was measured. */
  #medians = new Float32Array(8);
  #rows = 0;
  readonly #free: number[] = [];

  /** Reserves a row and returns its offset in both arrays. */
  allocate(weight: number, now: number): number {
    const offset = this.#free.pop() ?? this.#rows++ * STRIDE;
    if (offset >= this.data.length) {
      this.data = grown(this.data);
      this.details = grown(this.details);
      const closed = new Uint8Array(this.#closed.length * 2);
      closed.set(this.#closed);
      this.#closed = closed;
      const medians = new Float32Array(this.#medians.length * 2);
      medians.set(this.#medians);
      this.#medians = medians;
    }
    this.data.fill(0, offset, offset + STRIDE);
    this.#medians[offset / STRIDE] = 0;
    this.data[offset + FRESH_UNTIL] = -Infinity;
    this.details[offset + LATENCY] = 0;
    this.details[offset + SUCCESS] = 1;
    this.details[offset + WEIGHT] = weight;
    this.details[offset + SAMPLED_AT] = now;
    return offset;
  }

  release(offset: number): void {
    if (this.isHopeless(offset)) this.troubled--;
    this.data[offset + FAULT] = 0;
    this.setClosed(offset, false);
    this.#free.push(offset);
  }

  /** Changes the weight of an endpoint that keeps everything measured. */
  reweigh(offset: number, weight: number): void {
    this.details[offset + WEIGHT] = weight;
  }

  /** It failed so often of late that comparing another endpoint with it says nothing about the other. */
  isHopeless(offset: number): boolean {
    return this.data[offset + FAULT]! > HOPELESS_FAULT;
  }

  /** The gate is closed: pickers that still hold the endpoint pass it over. */
  isClosed(offset: number): boolean {
    return this.#closed[offset / STRIDE] === 1;
  }

  setClosed(offset: number, closed: boolean): void {
    if (this.isClosed(offset) === closed) return;
    this.#closed[offset / STRIDE] = Number(closed);
    this.troubled += closed ? 1 : -1;
  }

  /** No alternative to another endpoint: hopeless or closed. */
  isTroubled(offset: number): boolean {
    return this.isHopeless(offset) || this.isClosed(offset);
  }

  /** The weight that balancers go by: the source's, less while the endpoint warms up. */
  weight(offset: number): number {
    return this.details[offset + WEIGHT]!;
  }

  started(offset: number): void {
    this.data[offset + PENDING]! += 1;
    this.log[this.turns++ % LOGGED] = offset;
  }

  finished(offset: number): void {
    this.data[offset + PENDING]! -= 1;
    this.log[this.turns++ % LOGGED] = ~offset;
  }

  /** `latencyMs` is NaN where the time says nothing of the endpoint. */
  succeeded(offset: number, latencyMs: number, now: number): void {
    const { details } = this;
    if (latencyMs >= 0) this.#measured(offset, latencyMs, now);
    if (details[offset + SUCCESS]! < 1) {
      const healed = healedSuccess(this, offset, now);
      // Close enough to 1 becomes 1, so that a healthy endpoint needs no exponential.
      details[offset + SUCCESS] = healed > 0.999 ? 1 : healed + SUCCESS_ALPHA * (1 - healed);
    }
    details[offset + SAMPLED_AT] = now;
    this.#sum(offset);
  }

  /** It was given up for another one that was quicker: what it would have taken is not known, but that it is more than this. */
  tookAtLeast(offset: number, latencyMs: number, now: number): void {
    const { details } = this;
    if (!(latencyMs > details[offset + LATENCY]!)) return;
    this.#measured(offset, latencyMs, now);
    details[offset + SUCCESS] = healedSuccess(this, offset, now);
    details[offset + SAMPLED_AT] = now;
    this.#sum(offset);
  }

  failed(offset: number, now: number): void {
    this.details[offset + SUCCESS] = healedSuccess(this, offset, now) * (1 - SUCCESS_ALPHA);
    this.details[offset + SAMPLED_AT] = now;
    this.#sum(offset);
  }

  #measured(offset: number, latencyMs: number, now: number): void {
    const { details } = this;
    const known = details[offset + LATENCY]!;
    const alpha = Math.max(MIN_ALPHA, 1 - Math.exp(-(now - details[offset + SAMPLED_AT]!) / LATENCY_TAU));
    details[offset + LATENCY] =
      known === 0 ? Math.max(latencyMs, Number.MIN_VALUE) : known + alpha * (latencyMs - known);
    this.reference += 0.05 * (latencyMs - this.reference);
    this.typicalMs = towardsMedian(this.typicalMs, latencyMs);
    const row = offset / STRIDE;
    this.#medians[row] = towardsMedian(this.#medians[row]!, latencyMs);
  }

  /** The median latency in milliseconds; 0 where nothing was measured in the last seconds. */
  medianMs(offset: number, now: number): number {
    return now < this.data[offset + FRESH_UNTIL]! ? this.#medians[offset / STRIDE]! : 0;
  }

  /** Works out once per result what would otherwise be worked out twice per pick. */
  #sum(offset: number): void {
    const { data, details } = this;
    const latency = details[offset + LATENCY]!;
    const success = details[offset + SUCCESS]!;
    data[offset + PRICE] = priceOf(latency, success);
    data[offset + FRESH_UNTIL] =
      latency === 0
        ? -Infinity
        : details[offset + SAMPLED_AT]! + (success === 1 ? FRESH_MS : FAILING_FRESH_MS);
    this.troubled -= Number(this.isHopeless(offset));
    data[offset + FAULT] = 1 - success;
    this.troubled += Number(this.isHopeless(offset));
  }
}

function grown(array: Float64Array): Float64Array {
  const larger = new Float64Array(array.length * 2);
  larger.set(array);
  return larger;
}

function towardsMedian(median: number, sample: number): number {
  if (median === 0) return sample;
  return median * (sample > median ? MEDIAN_STEP : 1 / MEDIAN_STEP);
}

/** The success ratio at `now`: it heals towards 1 while nothing is heard, so that a bad endpoint is tried again. */
export function healedSuccess({ details }: LoadTable, offset: number, now: number): number {
  const success = details[offset + SUCCESS]!;
  return success === 1
    ? 1
    : 1 - (1 - success) * Math.exp(-(now - details[offset + SAMPLED_AT]!) / SUCCESS_TAU);
}

/** The latency to expect at `now`; undefined for an endpoint that was never measured. */
export function expectedLatency(
  { data, details }: LoadTable,
  offset: number,
  now: number,
): number | undefined {
  const latency = details[offset + LATENCY]!;
  if (latency === 0) return undefined;
  const idle = now - details[offset + SAMPLED_AT]! - FRESH_MS;
  return idle <= 0 || data[offset + PENDING] !== 0 ? latency : latency * Math.exp(-idle / LATENCY_TAU);
}

/** What a call to an endpoint with nothing in flight costs, given its latency and success ratio. */
export function priceOf(latency: number, success: number): number {
  const ratio = Math.max(success, MIN_SUCCESS);
  return Math.max(latency, MIN_LATENCY_MS) / (ratio * ratio);
}
