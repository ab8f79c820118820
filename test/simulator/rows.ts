import type { Row } from "../../scripts/sim/row.ts";
import type { Study } from "../../scripts/sim/study.ts";

const seeds = [1, 2, 3, 4, 5] as const;

/**
 * What a policy does in a scenario of `pnpm sim`, with five seeds.
 * @param count fewer of them, where a run takes seconds
 */
export async function rowsOf(study: Study, policy: string, count = 5): Promise<readonly Row[]> {
  const rows: Row[] = [];
  for (const seed of seeds.slice(0, count)) rows.push((await study.run(policy, seed)).row);
  return rows;
}

/**
 * A figure that only this scenario has, of each row. "Never" is infinitely late.
 * @throws Error where the scenario has no such figure
 */
export function extras(rows: readonly Row[], name: string): readonly number[] {
  return rows.map(({ extra }) => {
    const value = extra[name];
    if (value === undefined) {
      throw new Error(`there is no figure ${name}; there are ${Object.keys(extra).join(", ")}`);
    }
    return value ?? Infinity;
  });
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
