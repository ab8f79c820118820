import type { Row } from "./row.ts";

/** What the table of a scenario needs to know besides its rows. */
export interface TableOptions {
  /** Success is counted within this time. */
  readonly okWithinMs: number;
  /** Endpoints that something happens to; the table tells their share apart. */
  readonly affected: readonly string[];
}

/** The rows of a scenario as lines of text, then what is special of the scenario. */
export function table(rows: readonly Row[], { affected, okWithinMs }: TableOptions): readonly string[] {
  const head = [
    "policy",
    "calls",
    `ok@${duration(okWithinMs)}`,
    "p50",
    "p99",
    "p99.9",
    "p99.99",
    "sends/call",
    "share min/med/max",
    ...(affected.length === 0 ? [] : [affectedTitle(affected)]),
    "max/mean",
  ];
  const body = rows.map((row) => [
    row.policy,
    row.calls.toLocaleString("en-US"),
    percent(row.okRatio, 3),
    ms(row.p50Ms),
    ms(row.p99Ms),
    ms(row.p999Ms),
    ms(row.p9999Ms),
    row.sendsPerCall.toFixed(3),
    spread(Object.values(row.shares)),
    ...(affected.length === 0 ? [] : [percent(shareOf(row, affected), 2)]),
    row.maxOverMean.toFixed(2),
  ]);
  return [...columns([head, ...body]), ...extras(rows)];
}

/** The figures that only this scenario has, one line for each policy. */
function extras(rows: readonly Row[]): readonly string[] {
  const keys = [...new Set(rows.flatMap((row) => Object.keys(row.extra)))];
  if (keys.length === 0) return [];
  const body = rows.map((row) => [row.policy, ...keys.map((key) => figure(row.extra[key]))]);
  return ["", ...columns([["policy", ...keys], ...body])];
}

/** What all of `endpoints` got together. */
export function shareOf(row: Row, endpoints: readonly string[]): number {
  return endpoints.reduce((sum, endpoint) => sum + (row.shares[endpoint] ?? 0), 0);
}

function affectedTitle(affected: readonly string[]): string {
  const [first = ""] = affected;
  return affected.length === 1 ? first : `${first}+${affected.length - 1}`;
}

function spread(shares: readonly number[]): string {
  const sorted = shares.toSorted((a, b) => a - b);
  const at = (ratio: number): number => sorted[Math.floor(ratio * (sorted.length - 1))] ?? Number.NaN;
  return `${[0, 0.5, 1].map((ratio) => (100 * at(ratio)).toPrecision(3)).join("/")} %`;
}

function ms(value: number): string {
  if (Number.isNaN(value)) return "-";
  return `${value < 100 ? value.toFixed(1) : value.toFixed(0)} ms`;
}

function percent(ratio: number, digits: number): string {
  return `${(100 * ratio).toFixed(digits)} %`;
}

function duration(limitMs: number): string {
  return limitMs % 1000 === 0 ? `${limitMs / 1000}s` : `${limitMs}ms`;
}

function figure(value: number | null | undefined): string {
  if (value === undefined) return "";
  if (value === null || Number.isNaN(value)) return "-";
  return Number.isInteger(value) ? value.toLocaleString("en-US") : String(Number(value.toPrecision(4)));
}

/** Aligned columns: the first to the left, the others to the right. */
function columns(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)));
  return rows.map((row) =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join("  "),
  );
}
