import type { EndpointState } from "../endpoint-state.ts";
import type { Detector } from "../outlier/outlier-stats.ts";

/** An ejection, or one that was found to be due and not made. */
export interface Ejection {
  readonly detector: Detector | "probe";
  readonly text: string;
  readonly ejectionMs: number;
  /** Ejections in a row. */
  readonly ejections: number;
}

/** Hears what the gate does; called only where something changed. */
export interface GateReporter {
  ejected(state: EndpointState, ejection: Ejection): void;
  /** What was found was not followed, and why. */
  skipped(
    state: EndpointState,
    detector: Detector | "retryAfter",
    text: string,
    why: "shadow" | "enforcing" | "limit",
  ): void;
  returned(state: EndpointState, how: "probes" | "health check" | "limit"): void;
}
