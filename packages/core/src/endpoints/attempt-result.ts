import type { Phase } from "../errors.ts";
import type { Outcome } from "../events.ts";

/** How an attempt on an endpoint ended: the one thing that statistics, gate and balancers read. */
export interface AttemptResult {
  readonly outcome: Outcome;
  /** 0 where no answer came. */
  readonly status: number;
  /** How far the attempt got. */
  readonly phase: Phase;
  readonly timedOut: boolean;
  /** That it was a success was counted when the head of its answer came. */
  readonly isAnswered: boolean;
  /** It was given up because another attempt of its call was quicker. */
  readonly isSuperseded: boolean;
  /**
   * Milliseconds to the answer (its head where it is streamed), or to the failure. NaN where they say nothing of the endpoint: a long poll,
   * an event loop that stood still.
   */
  readonly latencyMs: number;
  /** Of the answer; empty where none came. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
}
