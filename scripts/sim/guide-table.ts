import { markdownTable } from "../markdown-table.ts";
import type { Row } from "./row.ts";
import type { Study } from "./study.ts";
import { shareOf } from "./table.ts";

/** A column that a page asks for: what stands above it, and the figure below. */
export interface Column {
  readonly title: string;
  readonly figure: string;
}

/** `; title = figure` any number of times; nothing for the columns that every scenario has. */
export function columnsIn(text: string): readonly Column[] {
  return text
    .split(";")
    .map((part) => part.split("=").map((word) => word.trim()))
    .flatMap(([title, figure]) => (title === undefined || figure === undefined ? [] : [{ title, figure }]));
}

function usual({ affected, okWithinMs }: Study): readonly Column[] {
  return [
    { title: `within ${okWithinMs} ms`, figure: "ok" },
    { title: "p50", figure: "p50" },
    { title: "p99", figure: "p99" },
    { title: "p99.9", figure: "p99.9" },
    ...(affected.length === 0 ? [] : [{ title: `to ${affected[0]}`, figure: "affected" }]),
    { title: "busiest", figure: "busiest" },
  ];
}

/** The rows of a scenario as a Markdown table, aligned as the formatter does it. */
export function guideTable(study: Study, rows: readonly Row[], wanted: readonly Column[]): string {
  const columns = wanted.length === 0 ? usual(study) : wanted;
  const body = rows.map((row) => [
    `\`${row.policy}\``,
    ...columns.map(({ figure }) => cellOf(study, row, figure)),
  ]);
  return markdownTable([["policy", ...columns.map(({ title }) => title)], ...body]);
}

function cellOf({ affected, name }: Study, row: Row, figure: string): string {
  switch (figure) {
    case "ok":
      return `${(100 * row.okRatio).toFixed(2)} %`;
    case "p50":
      return ms(row.p50Ms);
    case "p99":
      return ms(row.p99Ms);
    case "p99.9":
      return ms(row.p999Ms);
    case "sends":
      return row.sendsPerCall.toFixed(3);
    case "affected":
      return `${(100 * shareOf(row, affected.slice(0, 1))).toFixed(1)} %`;
    case "busiest":
      return `${row.maxOverMean.toFixed(2)} ×`;
    default: {
      const value = row.extra[figure];
      if (value === undefined) throw new Error(`${name} has no figure ${figure} for ${row.policy}`);
      return value === null ? "never" : extra(figure, value);
    }
  }
}

/** By the unit in which the name ends. */
function extra(figure: string, value: number): string {
  if (!Number.isFinite(value)) return "-";
  if (/Percent(?:\d|$|[A-Z])/.test(figure)) return `${value.toFixed(2)} %`;
  if (/PerCall/.test(figure)) return value.toFixed(3);
  if (figure.endsWith("S")) return `${value.toFixed(1)} s`;
  if (/^busiest|ByUnloaded$/.test(figure)) return `${value.toFixed(2)} ×`;
  return Number.isInteger(value) ? value.toLocaleString("en-US") : value.toFixed(value < 10 ? 3 : 0);
}

function ms(value: number): string {
  return `${value < 100 ? value.toFixed(1) : value.toFixed(0)} ms`;
}
