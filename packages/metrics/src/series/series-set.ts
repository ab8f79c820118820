import type { Attributes } from "@opentelemetry/api";

const overflow = "otel.metric.overflow";

/**
 * What the measurements are counted in that get no series of their own; OpenTelemetry's name for it.
 * @param shared what all series have, so that those of two meshes are told apart
 */
export function overflowAttributes(shared: Attributes = {}): Attributes {
  return Object.freeze({ ...shared, [overflow]: true });
}

export function isOverflow(attributes: Attributes): boolean {
  return attributes[overflow] === true;
}

/** One combination of attributes. */
export interface Series {
  /** Always the same object: others remember what they made of it. */
  readonly attributes: Attributes;
}

/**
 * The series of one instrument, so many and no more. What comes beyond shares one, the last, until others have gone.
 */
export class SeriesSet<S extends Series> {
  readonly #max: number;
  readonly #make: (attributes: Attributes) => S;
  readonly #shared: Attributes;
  readonly #all = new Set<S>();
  #overflow: S | undefined;

  /**
   * @param max 1 or more, without the shared one
   * @param shared the attributes that all of them have
   */
  constructor(max: number, shared: Attributes, make: (attributes: Attributes) => S) {
    this.#max = max;
    this.#shared = shared;
    this.#make = make;
  }

  /** There is no room for another one, and {@link SeriesSet.overflow} has to do. */
  get isFull(): boolean {
    return this.#all.size >= this.#max;
  }

  /** A new series, whether there is room or not. */
  open(attributes: Attributes): S {
    const series = this.#make(attributes);
    this.#all.add(series);
    return series;
  }

  /** The series that all share that have none of their own. */
  get overflow(): S {
    this.#overflow ??= this.#make(overflowAttributes(this.#shared));
    return this.#overflow;
  }

  close(series: S): void {
    this.#all.delete(series);
  }

  get size(): number {
    return this.#all.size + (this.#overflow === undefined ? 0 : 1);
  }

  *[Symbol.iterator](): IterableIterator<S> {
    yield* this.#all;
    if (this.#overflow !== undefined) yield this.#overflow;
  }
}
