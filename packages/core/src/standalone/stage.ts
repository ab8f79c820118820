import type { Clock } from "../clock.ts";
import type { RetryBudget } from "../policies/retry/retry-budget.ts";
import type { Execution } from "./execution.ts";
import type { PolicyView } from "./policy.ts";

/**
 * What a policy stands around: the rest of the way, down to the function itself. Returns a result or a promise of it, and throws or
 * rejects: where there is nothing to wait for no promise is made.
 */
export type Next = (execution: Execution) => unknown;

/** A time that somebody asked for, and that makes no sense where less time is left. */
export interface Span {
  /** The option, as the user wrote it. */
  readonly field: string;
  readonly ms: number;
}

/** One policy on the way of a call. */
export interface Stage {
  readonly clock: Clock;
  /** What must fit into a timeout further out. */
  readonly spans?: readonly Span[];
  /** A timeout: nothing further in can last longer. */
  readonly limit?: Span;
  /** Makes attempts, and pays for them with this. */
  readonly budget?: RetryBudget;
  inspect(): PolicyView;
  /** Goes through it, and on; see {@link Next}. What is taken on the way in is given back on the way out, whatever comes. */
  run(execution: Execution, next: Next): unknown;
}
