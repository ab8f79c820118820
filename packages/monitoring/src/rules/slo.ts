import { counted, failed } from "../outcomes.ts";
import { is, isNone, selected, service } from "../series.ts";
import type { Series } from "../series.ts";
import type { BurnWindow, ResolvedObjective, ResolvedSlo } from "./options.ts";
import type { RecordingRule } from "./rule.ts";

const calls = "proxyless_client_calls_total";
const duration = "http_client_request_duration_seconds";
const succeeded = 'error_type=""';

/** What can be promised of calls. */
export type Promised = "errors" | "latency";

const recorded = { errors: "service:proxyless_call_errors", latency: "service:proxyless_call_slow" };

/** Services of which the same is promised. */
interface Scope {
  readonly matcher: readonly string[];
  readonly objective: ResolvedObjective;
}

/** An alert on how fast the budget burns. */
export interface BurnAlert {
  readonly what: Promised;
  readonly window: BurnWindow;
  readonly expr: string;
}

/** The share of calls that broke the promise, for every window that an alert looks at. */
export function sloRecordings(slo: ResolvedSlo, series: Series): readonly RecordingRule[] {
  const windows = [...new Set(slo.windows.flatMap(({ long, short }) => [short, long]))];
  const errors = windows.map((window) => ({
    record: `${recorded.errors}:ratio_rate${window}`,
    expr: `${series.rate(window, calls, failed, counted)} / ${series.rate(window, calls, counted)}`,
  }));
  if (!promises(slo).includes("latency")) return errors;
  const slow = windows.map((window) => ({
    record: `${recorded.latency}:ratio_rate${window}`,
    expr: slowShare(slo, series, window),
  }));
  return [...errors, ...slow];
}

/** The alerts on each promise, the fastest burn first. */
export function burnAlerts(slo: ResolvedSlo, series: Series): readonly BurnAlert[] {
  return promises(slo).flatMap((what) =>
    slo.windows.map((window) => ({ what, window, expr: burnExpression(what, window, slo, series) })),
  );
}

function promises(slo: ResolvedSlo): readonly Promised[] {
  const hasLatency = scopesOf(slo).some(({ objective }) => objective.latency !== undefined);
  return hasLatency ? ["errors", "latency"] : ["errors"];
}

function slowShare(slo: ResolvedSlo, series: Series, window: string): string {
  const parts = scopesOf(slo).flatMap(({ matcher, objective: { latency } }) => {
    if (latency === undefined) return [];
    const fast = series.rate(window, `${duration}_bucket`, le(latency.seconds), succeeded, ...matcher);
    return `1 - ${fast} / ${series.rate(window, `${duration}_count`, succeeded, ...matcher)}`;
  });
  return parts.join(" or ");
}

/** Prometheus 3 writes whole numbers with a decimal. */
function le(seconds: number): string {
  return Number.isInteger(seconds) ? `le=~"${seconds}([.]0)?"` : is("le", String(seconds));
}

function burnExpression(
  what: Promised,
  { burnRate, long, short }: BurnWindow,
  slo: ResolvedSlo,
  series: Series,
): string {
  const burns = (window: string): string => {
    const parts = scopesOf(slo).flatMap(({ matcher, objective: promised }) => {
      const objective = what === "errors" ? promised.objective : promised.latency?.objective;
      if (objective === undefined) return [];
      // What was recorded has none of the labels that it was selected by.
      return `${selected(`${recorded[what]}:ratio_rate${window}`, matcher)} > ${burnRate} * ${budget(objective)}`;
    });
    return parts.length > 1 ? `(${parts.join(" or ")})` : parts.join("");
  };
  const enough = `sum ${series.by()} (increase(${series.of(calls, counted)}[${long}])) >= ${slo.minCalls}`;
  return [burns(long), burns(short), ...(slo.minCalls > 0 ? [enough] : [])].join(" and ");
}

/** What may fail, without the digits that are the computer's. */
function budget(objective: number): number {
  return Number((1 - objective).toPrecision(6));
}

/** The services of which something else is promised, one by one, and all the others. */
function scopesOf({ services, ...common }: ResolvedSlo): readonly Scope[] {
  const names = Object.keys(services);
  const others = names.length === 0 ? [] : [isNone(service, names)];
  return [
    { matcher: others, objective: common },
    ...Object.entries(services).map(([name, objective]) => ({ matcher: [is(service, name)], objective })),
  ];
}
