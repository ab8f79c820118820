import type { CircuitOpening } from "../policies/circuit/circuit-types.ts";
import type { CallOutcome } from "./outcome-log.ts";

/** What happened, and what would have happened. */
export interface Compared {
  readonly recorded: number;
  readonly would: number;
}

/** What a policy would have done to the calls that are on record. */
export interface DryRunReport {
  readonly service: string;
  /** Calls on record, and the time from the beginning of the first to that of the last, in milliseconds. */
  readonly calls: number;
  readonly spanMs: number;
  readonly succeeded: Compared;
  readonly failed: Compared;
  /** Calls that were not sent: by the circuit or by a limit. */
  readonly refused: Compared;
  /** Calls whose end the record cannot tell: they would have been tried once more. */
  readonly undecided: number;
  readonly timeouts: { readonly attempt: Compared; readonly total: Compared };
  readonly retries: Compared & {
    /** Retries that were made and would not have been. */
    readonly dropped: number;
    /** Retries that were not made and would have been; how they would have ended nobody knows. */
    readonly added: number;
    /** Retries that the budget would have refused. */
    readonly overBudget: number;
  };
  readonly hedges: Compared & { readonly overBudget: number };
  readonly circuits: {
    readonly refused: Compared;
    readonly opens: readonly {
      readonly route: string | undefined;
      /** Milliseconds after the first call. */
      readonly afterMs: number;
      readonly cause: CircuitOpening["cause"];
    }[];
  };
  readonly limits: { readonly refused: Compared; readonly queued: number };
  /** The same in sentences. */
  readonly findings: readonly string[];
  /** What a replay of this record cannot know. */
  readonly unknown: readonly string[];
}

/** Counts of a replay. */
export class Tally {
  succeeded = 0;
  failed = 0;
  ignored = 0;
  undecided = 0;
  attemptTimeouts = 0;
  totalTimeouts = 0;
  retries = 0;
  dropped = 0;
  added = 0;
  overBudget = 0;
  hedges = 0;
  hedgesOverBudget = 0;
  circuitRefused = 0;
  limitRefused = 0;
  queued = 0;
  /** Attempts that an old limit ended before the new one would have. */
  cutOff = 0;
  /** Calls that were refused then and would have been sent. */
  letThrough = 0;
  /** The policies of some route limit what the record does not tell. */
  hasKeys = false;
  readsHeaders = false;
  classifies = false;
  learns = false;
  hasLayers = false;
  readonly opens: { route: string | undefined; afterMs: number; cause: CircuitOpening["cause"] }[] = [];
}

export function reportDryRun(service: string, calls: readonly CallOutcome[], tally: Tally): DryRunReport {
  const of = (is: (call: CallOutcome) => boolean): number => calls.filter(is).length;
  const attempts = calls.flatMap((call) => call.attempts);
  const circuitRefused = of(({ flag }) => flag === "UO");
  const limitRefused = of(({ shed }) => shed !== undefined);
  const totalTimeouts = of(({ flag }) => flag === "DT");
  const retried = calls.map((call) => Math.max(0, call.attempts.filter(({ hedge }) => !hedge).length - 1));
  const report = {
    service,
    calls: calls.length,
    spanMs: (calls.at(-1)?.at ?? 0) - (calls[0]?.at ?? 0),
    succeeded: compared(
      of(({ outcome }) => outcome === "success"),
      tally.succeeded,
    ),
    failed: compared(
      of((call) => isFailed(call)),
      tally.failed,
    ),
    refused: compared(circuitRefused + limitRefused, tally.circuitRefused + tally.limitRefused),
    undecided: tally.undecided,
    timeouts: {
      attempt: compared(
        Math.max(0, attempts.filter(({ timedOut }) => timedOut).length - totalTimeouts),
        tally.attemptTimeouts,
      ),
      total: compared(totalTimeouts, tally.totalTimeouts),
    },
    retries: {
      ...compared(sum(retried), tally.retries),
      dropped: tally.dropped,
      added: tally.added,
      overBudget: tally.overBudget,
    },
    hedges: {
      ...compared(attempts.filter(({ hedge }) => hedge).length, tally.hedges),
      overBudget: tally.hedgesOverBudget,
    },
    circuits: { refused: compared(circuitRefused, tally.circuitRefused), opens: tally.opens },
    limits: { refused: compared(limitRefused, tally.limitRefused), queued: tally.queued },
  };
  return { ...report, findings: findingsOf(report), unknown: unknownOf(tally) };
}

function findingsOf(report: Omit<DryRunReport, "findings" | "unknown">): readonly string[] {
  const { calls, circuits, failed, hedges, limits, retries, succeeded, timeouts } = report;
  if (calls === 0) return ["No call is on record."];
  const opens = circuits.opens.length;
  return [
    `Of ${calls} calls ${succeeded.would} would have succeeded (${succeeded.recorded} did) and ${failed.would} failed (${failed.recorded} did).`,
    `${times(timeouts.attempt.would, "attempt")} and ${times(timeouts.total.would, "call")} would have run into a time limit (${timeouts.attempt.recorded} and ${timeouts.total.recorded} did).`,
    `${times(retries.would, "retry", "retries")} would have been made (${retries.recorded} were): ${retries.dropped} fewer of those that were, ${retries.added} besides; the budget would have refused ${retries.overBudget}.`,
    `${times(hedges.would, "hedge")} would have been sent (${hedges.recorded} were); the budget, or the slowness of the whole service, would have held back ${hedges.overBudget}.`,
    opens === 0
      ? "No circuit would have opened."
      : `Circuits would have opened ${times(opens, "time")}, and refused ${times(circuits.refused.would, "call")} (${circuits.refused.recorded} were).`,
    `Limits would have refused ${times(limits.refused.would, "call")} (${limits.refused.recorded} were) and had ${limits.queued} wait.`,
  ];
}

function unknownOf(tally: Tally): readonly string[] {
  return [
    "Whether the service would have answered otherwise under another load: every attempt is taken to end as it did.",
    ...some(tally.added, `How ${times(tally.added, "retry", "retries")} that nobody made would have ended.`),
    ...some(
      tally.hedges,
      "Whether hedges would have been quicker than what they were to help: no call is taken to end sooner.",
    ),
    ...some(
      tally.cutOff,
      `How long ${times(tally.cutOff, "attempt")} would have taken that an earlier limit cut off: they are taken to last until the new limit.`,
    ),
    ...some(
      tally.letThrough,
      `What ${times(tally.letThrough, "call")} would have met that were refused then and would be sent now.`,
    ),
    ...some(
      Number(tally.hasKeys),
      "Whose calls they were: the rate limit per key is replayed with one bucket for all.",
    ),
    ...some(
      Number(tally.readsHeaders),
      "What headers answers had besides Retry-After: conditions on them are taken not to hold.",
    ),
    ...some(
      Number(tally.classifies),
      "What your own classifier says of answers it cannot see in full: it is not asked.",
    ),
    ...some(
      Number(tally.learns),
      "What an adaptive limit would have learned from latencies under its own effect.",
    ),
    ...some(
      Number(tally.hasLayers),
      "What injected faults, caches, coalescing and fallbacks would have done: they are not replayed.",
    ),
    "Which endpoint would have been chosen, ejected or probed: balancing is not replayed.",
    "Calls whose route is matched differently: each is taken to be of the route with the path on record.",
  ];
}

function isFailed({ flag, outcome, shed }: CallOutcome): boolean {
  return outcome === "failure" || outcome === "overload" ? flag !== "UO" && shed === undefined : false;
}

function compared(recorded: number, would: number): Compared {
  return { recorded, would };
}

function times(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}

function some(count: number, text: string): readonly string[] {
  return count > 0 ? [text] : [];
}
