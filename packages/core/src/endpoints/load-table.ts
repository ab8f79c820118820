/** Columns of a {@link LoadTable} row. */
export const PENDING = 0;
/** Moving average of successful latencies in milliseconds; 0 means never measured. */
export const LATENCY = 1;
/** Moving success ratio in (0, 1]. */
export const SUCCESS = 2;
/** When the last result came. */
export const SAMPLED_AT = 3;
/** Relative weight. */
export const WEIGHT = 4;

const STRIDE = 8;

/** A success counts this much at least, however soon it follows the one before. */
const MIN_ALPHA = 0.1;
/** Time constant of the latency average, in milliseconds (as Finagle's `decayTime` and Tower's `decay`). */
const LATENCY_TAU = 10_000;
/** An endpoint nobody asked for this long starts to look faster, so that it is measured again. */
const IDLE_GRACE = 1_000;
/** Weight of one result in the success ratio. */
const SUCCESS_ALPHA = 0.1;
/** Time constant with which a bad success ratio heals without traffic, in milliseconds. */
const SUCCESS_TAU = 3_000;

/**
 * The load of every endpoint of a service, in one flat array, a cache line for each: comparing two endpoints out of
 * ten thousand must not cost two chases through the heap.
 */
export class LoadTable {
  /** Rows of eight numbers; replaced when it grows, so read it anew for each pick. */
  data: Float64Array = new Float64Array(STRIDE * 8);
  /** Average latency over all endpoints: what an endpoint that was never measured is taken to cost. */
  reference = 1;
  #rows = 0;
  readonly #free: number[] = [];

  /** Reserves a row and returns its offset in `data`. */
  allocate(weight: number, now: number): number {
    const offset = this.#free.pop() ?? this.#rows++ * STRIDE;
    if (offset >= this.data.length) {
      const grown = new Float64Array(this.data.length * 2);
      grown.set(this.data);
      this.data = grown;
    }
    this.data.fill(0, offset, offset + STRIDE);
    this.data[offset + SUCCESS] = 1;
    this.data[offset + SAMPLED_AT] = now;
    this.data[offset + WEIGHT] = weight;
    return offset;
  }

  release(offset: number): void {
    this.#free.push(offset);
  }

  started(offset: number): void {
    this.data[offset + PENDING]! += 1;
  }

  finished(offset: number): void {
    this.data[offset + PENDING]! -= 1;
  }

  succeeded(offset: number, latencyMs: number, now: number): void {
    const { data } = this;
    const known = data[offset + LATENCY]!;
    const alpha = Math.max(MIN_ALPHA, 1 - Math.exp(-(now - data[offset + SAMPLED_AT]!) / LATENCY_TAU));
    data[offset + LATENCY] = known === 0 ? latencyMs : known + alpha * (latencyMs - known);
    this.reference += 0.05 * (latencyMs - this.reference);
    const success = data[offset + SUCCESS]!;
    if (success < 1) {
      const healed = healedSuccess(data, offset, now);
      // Close enough to 1 becomes 1, so that the cost of a healthy endpoint needs no exponential.
      data[offset + SUCCESS] = healed > 0.999 ? 1 : healed + SUCCESS_ALPHA * (1 - healed);
    }
    data[offset + SAMPLED_AT] = now;
  }

  failed(offset: number, now: number): void {
    const { data } = this;
    data[offset + SUCCESS] = healedSuccess(data, offset, now) * (1 - SUCCESS_ALPHA);
    data[offset + SAMPLED_AT] = now;
  }
}

/** The success ratio at `now`: it heals towards 1 while nothing is heard, so that a bad endpoint is tried again. */
export function healedSuccess(data: Float64Array, offset: number, now: number): number {
  const success = data[offset + SUCCESS]!;
  return success === 1 ? 1 : 1 - (1 - success) * Math.exp(-(now - data[offset + SAMPLED_AT]!) / SUCCESS_TAU);
}

/**
 * The latency to expect at `now`. An endpoint that was left alone for a while looks faster and faster until it is
 * measured again; one with calls in flight does not, or a hung endpoint would attract traffic.
 */
export function expectedLatency(data: Float64Array, offset: number, now: number, reference: number): number {
  const latency = data[offset + LATENCY]!;
  if (latency === 0) return reference;
  if (data[offset + PENDING] !== 0) return latency;
  const idle = now - data[offset + SAMPLED_AT]! - IDLE_GRACE;
  return idle <= 0 ? latency : latency * Math.exp(-idle / LATENCY_TAU);
}
