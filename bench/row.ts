/** One figure and what it is held against. */
export interface Row {
  /** Stable: scripts look figures up by it. */
  readonly name: string;
  /**
   * `cpu`: client CPU per call in µs. `p99`, `p50` and `ms`: milliseconds. `ns`: nanoseconds per operation. `bytes` and
   * `timers`: for each of many. `core`: percent of one core. `left`: how many there still are.
   */
  readonly metric: "cpu" | "ns" | "p50" | "p99" | "ms" | "bytes" | "timers" | "core" | "left";
  readonly value: number;
  /** The median, over the rounds, of this figure divided by that of `against` in the same round. */
  readonly ratio: number | null;
  /** The name of the row the ratio is to. */
  readonly against: string | null;
  /** What is asked for: at most this ratio, or this value where there is no ratio. Null: shown for comparison. */
  readonly target: number | null;
  /** What the table says besides. */
  readonly note?: string;
}

/** Whether the row misses its target. */
export function isOver({ ratio, target, value }: Row): boolean {
  return target !== null && (ratio ?? value) > target;
}

const units = {
  cpu: { unit: "µs CPU", digits: 1 },
  ns: { unit: "ns", digits: 1 },
  p50: { unit: "ms p50", digits: 3 },
  p99: { unit: "ms p99", digits: 3 },
  ms: { unit: "ms", digits: 2 },
  bytes: { unit: "bytes", digits: 0 },
  timers: { unit: "timers", digits: 2 },
  core: { unit: "% of a core", digits: 2 },
  left: { unit: "left", digits: 0 },
} as const satisfies Record<Row["metric"], { readonly unit: string; readonly digits: number }>;

/** The rows as a table for people. */
export function table(rows: readonly Row[]): string {
  const lines = rows.map((row) => [
    row.name,
    `${row.value.toFixed(units[row.metric].digits)} ${units[row.metric].unit}`,
    row.ratio === null ? "" : `${row.ratio.toFixed(3)}x`,
    row.against ?? "",
    row.target === null ? "" : `<= ${row.target}${row.ratio === null ? "" : "x"}`,
    row.target === null ? "" : isOver(row) ? "OVER" : "ok",
    row.note ?? "",
  ]);
  const all = [["name", "figure", "ratio", "against", "target", "", ""], ...lines];
  const widths = all[0]!.map((_, column) => Math.max(...all.map((line) => line[column]!.length)));
  return all
    .map((line) =>
      line
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

/** The rows as scripts read them: one line. */
export function json(rows: readonly Row[]): string {
  const round = (value: number): number => Number(value.toPrecision(6));
  return JSON.stringify({
    rows: rows.map(({ name, metric, value, ratio, against, target }) => ({
      name,
      metric,
      value: round(value),
      ratio: ratio === null ? null : round(ratio),
      against,
      target,
    })),
  });
}
