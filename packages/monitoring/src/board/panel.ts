import type { Series } from "../series.ts";

/** One query of a panel, and how its series are called. */
export interface BoardQuery {
  readonly expr: string;
  /** With labels in double braces. */
  readonly legend: string;
}

/** A panel: series over time. */
export interface BoardPanel {
  readonly title: string;
  readonly description: string;
  /** As Grafana calls it: `s`, `reqps`, `percentunit`, `short`. */
  readonly unit: string;
  /** The series add up to something. */
  readonly isStacked?: true;
  readonly queries: readonly BoardQuery[];
}

/** A row of the board, with what is under it. */
interface BoardRow {
  readonly title: string;
  readonly panels: readonly BoardPanel[];
}

/** Writes a row. @param window of rates */
export type RowWriter = (series: Series, window: string) => BoardRow;

/** The rate of a counter, per service and further labels. */
export function rateBy(series: Series, window: string, metric: string, ...labels: readonly string[]): string {
  return `sum ${series.by(...labels)} (rate(${series.of(metric)}[${window}]))`;
}

/** The quantiles of a histogram of durations, per service. */
export function quantiles(series: Series, window: string, metric: string): readonly BoardQuery[] {
  return [0.5, 0.9, 0.99].map((quantile) => ({
    expr: `histogram_quantile(${quantile}, ${rateBy(series, window, `${metric}_bucket`, "le")})`,
    legend: `{{server_address}} p${quantile * 100}`,
  }));
}

/** A counter that has no series before something rare happens for the first time: until then it is at 0. */
export function zeroUntil(series: Series, expr: string): string {
  return `${expr} or 0 * sum ${series.by()} (${series.of("proxyless_lb_subset_size")})`;
}
