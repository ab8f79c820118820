import type { Labels } from "./rule.ts";
import type { StateAlertName } from "./state-alerts.ts";

/** Which calls are fast enough, and how many have to be. */
export interface LatencyObjective {
  /** Share of the successful calls, 0.5 to 0.99999. */
  readonly objective: number;
  /** Upper bound in seconds. It has to be a boundary of the histogram: one of 5 ms to 10 s as `@proxyless/metrics` has them. */
  readonly seconds: number;
}

/** What is promised of one service. */
export interface ServiceObjective {
  /** Share of the calls that go well, 0.5 to 0.99999. */
  readonly objective?: number | undefined;
  /** `false` for none. */
  readonly latency?: LatencyObjective | false | undefined;
}

/** One pair of windows: fires while the error budget burns this fast in both. */
export interface BurnWindow {
  /** How many times as fast as would use up the budget in just its time, 1 to 1,000. */
  readonly burnRate: number;
  /** Says that it matters. */
  readonly long: string;
  /** Says that it still goes on; shorter than `long`. */
  readonly short: string;
  readonly severity: "page" | "ticket";
}

/** What is promised, and when the promise is in danger. */
export interface SloOptions extends ServiceObjective {
  /** Services of which something else is promised, by name; what they leave out is as for the others. */
  readonly services?: Readonly<Record<string, ServiceObjective>> | undefined;
  /** Calls that there have to be in the long window, 0 to 1,000,000: one failure of three says little. Default: 20. */
  readonly minCalls?: number | undefined;
  /** Default: those of Google's SRE workbook for a budget of 30 days: 14.4 in 1h/5m and 6 in 6h/30m page, 3 in 1d/2h and 1 in 3d/6h are tickets. */
  readonly windows?: readonly BurnWindow[] | undefined;
}

/** How an alert differs from its default; the default of each is in `docs/alerts.md`. */
export interface AlertTuning {
  /** It fires above this, in the unit of the alert. */
  readonly threshold?: number | undefined;
  /** How long it has to be above: `0s` to `90d`. */
  readonly for?: string | undefined;
  readonly severity?: "page" | "ticket" | undefined;
}

/** What the rules are made for. Durations are as Prometheus writes them, with one unit: `30s`, `5m`, `6h`, `3d`. */
export interface RulesOptions {
  /** Labels that every series has to have: `{ job: "shop" }`. Default: none, all that there is. */
  readonly selector?: Labels | undefined;
  /** Labels that are kept apart besides the service: `["job"]` for alerts per caller. Default: none, all callers together. */
  readonly by?: readonly string[] | undefined;
  /** Labels of every alert: what Alertmanager routes by. Default: none. */
  readonly labels?: Labels | undefined;
  /** What is in the label `severity`. Default: `page` and `ticket`. */
  readonly severities?:
    | { readonly page?: string | undefined; readonly ticket?: string | undefined }
    | undefined;
  /**
   * Where your copy of the runbook is, `http://` or `https://`: each alert has the address of its section there, `#` and its name in lower
   * case, as `runbook_url`. Default: none, and alerts have no such annotation.
   */
  readonly runbookUrl?: string | undefined;
  /** Over which time rates are taken, but for those of the SLO; four scrapes at least. Default: `5m`. */
  readonly window?: string | undefined;
  /** `false` for none. Default: 99.9 % of the calls of each service go well. */
  readonly slo?: SloOptions | false | undefined;
  /** By name of the alert; `false` takes it out. */
  readonly alerts?: Readonly<Partial<Record<StateAlertName, AlertTuning | false>>> | undefined;
}

/** {@link ServiceObjective}, complete. */
export interface ResolvedObjective {
  readonly objective: number;
  readonly latency: LatencyObjective | undefined;
}

/** {@link SloOptions}, checked and complete. */
export interface ResolvedSlo extends ResolvedObjective {
  readonly services: Readonly<Record<string, ResolvedObjective>>;
  readonly minCalls: number;
  readonly windows: readonly BurnWindow[];
}

/** {@link AlertTuning}, checked and complete. */
export interface ResolvedTuning {
  readonly threshold: number;
  readonly for: string;
  readonly severity: "page" | "ticket";
}

/** {@link RulesOptions}, checked and complete. */
export interface ResolvedRules {
  readonly selector: Labels;
  readonly by: readonly string[];
  readonly labels: Labels;
  readonly severities: Readonly<Record<"page" | "ticket", string>>;
  readonly runbookUrl: string | undefined;
  readonly window: string;
  readonly slo: ResolvedSlo | undefined;
  readonly alerts: ReadonlyMap<StateAlertName, ResolvedTuning>;
}
