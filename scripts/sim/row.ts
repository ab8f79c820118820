/** What one policy did in one scenario; one line of the table and of `--json`. */
export interface Row {
  readonly policy: string;
  /** Calls that ended. */
  readonly calls: number;
  /** The part of them that succeeded within the scenario's time limit. */
  readonly okRatio: number;
  /** Percentiles of the calls that succeeded, however late; NaN where none did. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly p9999Ms: number;
  /** Attempts per call: 1 without retries and hedges. */
  readonly sendsPerCall: number;
  /** The part of all attempts that each endpoint got, by its name. */
  readonly shares: Readonly<Record<string, number>>;
  /** Attempts on the busiest endpoint, over the mean of all. */
  readonly maxOverMean: number;
  /** What else this scenario is about. Null: it never happened. */
  readonly extra: Readonly<Record<string, number | null>>;
}

/** The rows of one scenario. */
export interface ScenarioRows {
  readonly name: string;
  readonly seed: number;
  readonly rows: readonly Row[];
}

/** Everything that ran, as scripts read it: one line. Numbers that are none become null. */
export function json(scenarios: readonly ScenarioRows[]): string {
  return JSON.stringify({ scenarios }, (_, value: unknown) =>
    typeof value === "number" && !Number.isInteger(value) ? rounded(value) : value,
  );
}

/** Seven digits: enough to tell 60,000 calls of 60,000 from one fewer. */
function rounded(value: number): number | null {
  return Number.isFinite(value) ? Number(value.toPrecision(7)) : null;
}
