/** `12,345`. */
export function count(value: number): string {
  return value.toLocaleString("en-US");
}

/** `9.8 ms`, `104 ms`; a dash when there is nothing to tell. */
export function ms(value: number): string {
  if (Number.isNaN(value)) return "-";
  return `${value < 100 ? value.toFixed(1) : value.toFixed(0)} ms`;
}

/** `33 %`, from 0.33. */
export function percent(ratio: number): string {
  return `${(ratio * 100).toFixed(0)} %`;
}

/** Rows as lines of aligned columns; `align` has an `l` or `r` for each column. */
export function columns(rows: readonly (readonly string[])[], align: string): readonly string[] {
  const widths = Array.from(align, (_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)));
  return rows.map((row) =>
    row
      .map((cell, i) => (align[i] === "l" ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0)))
      .join("  ")
      .trimEnd(),
  );
}
