/** What the charts draw of one run, in steps of equal length. */
export interface Timeline {
  readonly policy: string;
  readonly stepMs: number;
  /** By step; NaN where no call succeeded. */
  readonly p50Ms: readonly number[];
  readonly p99Ms: readonly number[];
  /** Attempts by endpoint, then by step. */
  readonly sends: Readonly<Record<string, readonly number[]>>;
}
