const MAX_WEIGHT = 65_535;
/** A weight that is so much smaller than the largest would make most rounds go by without a pick. */
const MIN_RATIO = 0.01;

/**
 * Whose turn it is, in proportion to weights: gRPC's static stride scheduler. A counter goes round the endpoints; in each round
 * an endpoint is passed over unless its weight, times the number of the round, has moved past another whole `MAX_WEIGHT`; each
 * endpoint has another phase in that, so that equal ones take turns. Constant time on average, at most as many steps as the
 * largest weight is above the mean; no state but the counter.
 */
export class StaticStride {
  readonly #weights: Uint16Array;
  #turn: number;

  /**
   * @param weights above 0; those under a hundredth of the largest count as that
   * @param start where to begin: another number for each process, so that they do not march in step
   */
  constructor(weights: readonly number[], start: number) {
    const largest = weights.reduce((max, weight) => Math.max(max, weight), 0);
    this.#weights = Uint16Array.from(weights, (weight) =>
      largest === 0 ? MAX_WEIGHT : Math.round(Math.max(weight / largest, MIN_RATIO) * MAX_WEIGHT),
    );
    this.#turn = start;
  }

  /** To go on from with other weights. */
  get turn(): number {
    return this.#turn;
  }

  /** The index of the next one. */
  next(): number {
    const count = this.#weights.length;
    for (;;) {
      const turn = this.#turn;
      this.#turn = turn + 1 === Number.MAX_SAFE_INTEGER ? 0 : turn + 1;
      const index = turn % count;
      const round = Math.floor(turn / count);
      const weight = this.#weights[index]!;
      // Half a weight from one endpoint to the next keeps equal ones from skipping the same round.
      const phase = (index & 1) * (MAX_WEIGHT >> 1);
      // In whole numbers, cut to what stays exact: only the remainder matters.
      const passed = ((round % MAX_WEIGHT) * weight + phase) % MAX_WEIGHT;
      if (passed >= MAX_WEIGHT - weight) return index;
    }
  }
}
