/** What there is to see, or to say, of `orders`. */
export interface Appearance {
  /**
   * Each endpoint: its address, its state in a word, why in words, success, attempts in flight, the weight it has now, its share of the
   * attempts, its latency and its cost.
   */
  readonly endpoints: readonly (readonly string[])[];
  /** Beside each: its address, the last latency that is drawn, and whether it is painted where it belongs. */
  readonly sparklines: readonly (readonly [address: string, ms: unknown, isPainted: boolean])[];
  /** Each circuit: of what, its state, what it counted, and when the next try is. */
  readonly circuits: readonly (readonly string[])[];
  readonly inFlight: string;
  /** Of the last second: calls, the share that failed, what retries and hedges added. */
  readonly traffic: readonly string[];
  /** p50 and p99, in milliseconds; `undefined` where nothing was sent. The page is right to within 4 %. */
  readonly latency: readonly unknown[];
  /** What stands over the charts: percentiles in milliseconds as above, calls as texts. */
  readonly legend: Readonly<Record<string, unknown>>;
  /**
   * What the charts draw, second by second: when that was, in seconds since 1970, and then p99, p90 and p50; calls, those that failed,
   * and what was added to them.
   */
  readonly charts: readonly (readonly (readonly unknown[])[])[];
  readonly balancer: string;
  readonly budget: string;
  /** What limits it and how it is retried and hedged, by what the page calls it. */
  readonly guards: Readonly<Record<string, string>>;
  /** Its own line, and the edge to it. */
  readonly upstream: {
    readonly rate: string;
    readonly failed: string;
    readonly p99: unknown;
    /** How many endpoints are open. */
    readonly fleet: string;
    /** The endpoints by how they stand: open, by choice not, ill. */
    readonly bar: readonly string[];
    readonly edge: readonly [width: string, tone: string];
  };
  /** This process, and what it registered itself as. */
  readonly self: string;
}
