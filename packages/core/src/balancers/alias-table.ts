import type { Random } from "../random.ts";

/**
 * Draws indices with a chance in proportion to weights: the alias method (Walker 1977, built as Vose 1991 does). A draw picks a
 * column, and what is left of it one of the two indices that share the column. Constant time for any weights.
 */
export class AliasTable {
  /** The chance of a column's own index, and its other one, in turn: both are read at once. */
  readonly #columns: Float64Array;

  /** @param weights 0 and above; all alike where they add up to 0 */
  constructor(weights: Float64Array) {
    const count = weights.length;
    const columns = (this.#columns = new Float64Array(2 * count));
    const mean = weights.reduce((sum, weight) => sum + weight, 0) / count;
    const small: number[] = [];
    const large: number[] = [];
    for (let index = 0; index < count; index++) {
      const chance = mean > 0 ? weights[index]! / mean : 1;
      columns[2 * index] = chance;
      (chance < 1 ? small : large).push(index);
    }
    while (small.length > 0 && large.length > 0) {
      const less = small.pop()!;
      const more = large.at(-1)!;
      columns[2 * less + 1] = more;
      columns[2 * more]! -= 1 - columns[2 * less]!;
      if (columns[2 * more]! < 1) small.push(large.pop()!);
    }
    // What is left is 1 but for rounding.
    for (const index of [...small, ...large]) columns[2 * index] = 1;
  }

  draw(random: Random): number {
    const columns = this.#columns;
    const draw = random() * (columns.length / 2);
    const column = Math.floor(draw);
    return draw - column < columns[2 * column]! ? column : columns[2 * column + 1]!;
  }
}

/** The weights that balancers go by, in the order of the endpoints. */
export function weightsOf(endpoints: readonly { readonly weight: number }[]): Float64Array {
  const weights = new Float64Array(endpoints.length);
  for (let i = 0; i < weights.length; i++) weights[i] = endpoints[i]!.weight;
  return weights;
}
