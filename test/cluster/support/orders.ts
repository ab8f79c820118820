/** What a worker is told to do. */
export interface Order {
  readonly id?: number;
  /** `hang`: a call that is not waited for. `block`: the event loop, for `times` milliseconds. `lie`: from now on. */
  readonly op: "call" | "hang" | "block" | "nonsense" | "lie" | "leave" | "count";
  readonly path?: string;
  readonly times?: number;
}

/** What a worker has counted of itself. */
export interface WorkerCounts {
  calls: number;
  readonly byStatus: Record<string, number>;
  seconds: number;
  /** How often it was asked for its metrics. */
  collections: number;
  /** Of its server; 0 for none. */
  port: number;
}

/** What the primary is told to do. */
export interface PrimaryOrder {
  readonly id?: number;
  readonly op: "start" | "tell" | "kill" | "again" | "page" | "workers" | "lines";
  /** `cluster`, `thread`, `process`; or the name of a worker. */
  readonly worker?: string;
  readonly order?: Order;
}
