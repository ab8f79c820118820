/** One figure and what it is held against. */
export interface Row {
  /** Stable: scripts look figures up by it. */
  readonly name: string;
  /** `cpu`: client CPU per call in µs. `p99` and `p50`: milliseconds. `ns`: nanoseconds per operation. */
  readonly metric: "cpu" | "ns" | "p50" | "p99";
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

const units = { cpu: "µs CPU", ns: "ns", p50: "ms p50", p99: "ms p99" } as const;

/** The rows as a table for people. */
export function table(rows: readonly Row[]): string {
  const lines = rows.map((row) => [
    row.name,
    `${row.value.toFixed(row.metric === "p50" || row.metric === "p99" ? 3 : 1)} ${units[row.metric]}`,
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
