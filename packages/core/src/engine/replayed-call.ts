import { criticalities } from "../context/criticality.ts";
import type { Criticality } from "../context/criticality.ts";
import type { Outcome } from "../events.ts";
import type { Circuit } from "../policies/circuit/circuit.ts";
import type { Hedging } from "../policies/hedge/hedging.ts";
import type { LimitRequest, Limits, Permit, Queued } from "../policies/limit/limits.ts";
import type { Refusal } from "../policies/limit/refusal.ts";
import type { RetryBudget } from "../policies/retry/retry-budget.ts";
import { decideRetry } from "../policies/retry/retry-decision.ts";
import type { ResolvedRetry } from "../policies/retry/retry-policy.ts";
import type { ResolvedTimeout } from "../policies/timeout/timeout-policy.ts";
import type { Random } from "../random.ts";
import type { Agenda } from "./agenda.ts";
import type { Tally } from "./dry-run-report.ts";
import type { AttemptOutcome, CallOutcome } from "./outcome-log.ts";
import { Passes } from "./passes.ts";

/** What replayed calls share. */
export interface Replay {
  readonly agenda: Agenda;
  readonly tally: Tally;
  readonly random: Random;
  readonly budget: RetryBudget;
}

/** The rules that a call is replayed under. */
export interface ReplayRules {
  readonly timeout: ResolvedTimeout;
  readonly retry: ResolvedRetry | false;
  readonly hedging: Hedging | undefined;
  readonly circuits: readonly Circuit[];
  readonly limits: Limits | undefined;
}

/** One call of the record under other rules, by the same steps as a real one. */
export class ReplayedCall implements LimitRequest {
  readonly criticality: Criticality;
  readonly #replay: Replay;
  readonly #rules: ReplayRules;
  readonly #call: CallOutcome;
  /** Its attempts, each with what came of it in the end: hedges are part of what they helped. */
  readonly #recorded: readonly AttemptOutcome[];
  readonly #passes: Passes;
  readonly #deadline: number;
  #permit: Permit | undefined;
  #sent = 0;
  #freeRetryUsed = false;
  #delayMs = 0;
  #latencyMs = NaN;

  constructor(replay: Replay, rules: ReplayRules, call: CallOutcome) {
    this.#replay = replay;
    this.#rules = rules;
    this.#call = call;
    this.#recorded = withoutHedges(call.attempts);
    this.#passes = new Passes(rules.circuits);
    this.#deadline = call.at + rules.timeout.totalMs;
    this.criticality = criticalities[call.level] ?? "critical";
  }

  start(): void {
    const { agenda, tally } = this.#replay;
    const now = agenda.now();
    if (this.#passes.ask(now) !== undefined) {
      tally.circuitRefused++;
      return;
    }
    const { limits } = this.#rules;
    if (limits === undefined) this.#attempt();
    else this.onReady(limits.ask(this, now, this.#deadline - now));
  }

  onReady(answer: Permit | Refusal | Queued): void {
    const { tally } = this.#replay;
    switch (answer.kind) {
      case "permit":
        this.#permit = answer;
        this.#attempt();
        return;
      case "queued":
        tally.queued++;
        return;
      case "refusal":
        tally.limitRefused++;
        this.#close("ignored", 0, 0);
    }
  }

  #attempt(): void {
    const { agenda, tally } = this.#replay;
    const recorded = this.#recorded[this.#sent];
    if (recorded === undefined) {
      // Nobody knows how this one would have ended: it stands for itself, and for nothing else.
      if (this.#call.attempts.length === 0) tally.letThrough += Number(isRefused(this.#call));
      tally.undecided++;
      this.#close("ignored", 0, 0);
      return;
    }
    this.#sent++;
    const now = agenda.now();
    const remaining = this.#deadline - now;
    const limitMs = Math.min(remaining, this.#rules.timeout.attemptMs);
    const isCut = recorded.timedOut && recorded.durationMs < limitMs;
    if (isCut) tally.cutOff++;
    const lastsMs = isCut ? limitMs : Math.min(recorded.durationMs, limitMs);
    const timedOut = recorded.timedOut || recorded.durationMs > limitMs;
    if (timedOut && remaining <= this.#rules.timeout.attemptMs) tally.totalTimeouts++;
    else if (timedOut) tally.attemptTimeouts++;
    this.#hedge(now, lastsMs);
    agenda.at(now + lastsMs, () => {
      this.#ended(timedOut ? timedOutOf(recorded) : recorded, lastsMs, timedOut);
    });
  }

  #hedge(now: number, lastsMs: number): void {
    const { hedging } = this.#rules;
    if (hedging === undefined || !this.#call.repeatable) return;
    const delayMs = hedging.delayMs(now);
    if (delayMs === undefined || lastsMs <= delayMs) return;
    const { agenda, budget, tally } = this.#replay;
    agenda.at(now + delayMs, () => {
      if (hedging.tryHedge(budget, agenda.now())) tally.hedges++;
      else tally.hedgesOverBudget++;
    });
  }

  #ended(attempt: AttemptOutcome, lastsMs: number, timedOut: boolean): void {
    const { agenda, budget, random, tally } = this.#replay;
    const now = agenda.now();
    this.#latencyMs = lastsMs;
    const { outcome, phase, retryAfterMs, status } = attempt;
    if (outcome === "success") {
      this.#rules.hedging?.record(lastsMs, now);
      if (status < 400) {
        this.#close(outcome, status, retryAfterMs ?? 0);
        return;
      }
    }
    const decision = decideRetry({
      retry: this.#rules.retry,
      attempt: this.#sent,
      idempotent: this.#call.repeatable,
      replayable: true,
      refused: false,
      error: undefined,
      headers: {},
      phase,
      status: status === 0 ? undefined : status,
      retryAfterMs,
      previousDelayMs: this.#delayMs,
      typicalMs: 0,
      isRetried: false,
      remainingMs: this.#deadline - now,
      committed: false,
      localShed: outcome === "ignored" && !timedOut,
      aborted: outcome === "ignored" && !timedOut,
      freeRetryUsed: this.#freeRetryUsed || timedOut,
      budget,
      now,
      random,
    });
    const wasRetried = this.#sent < this.#recorded.length;
    if (!decision.retry) {
      if (decision.why === "budget") tally.overBudget++;
      if (wasRetried) tally.dropped += this.#recorded.length - this.#sent;
      this.#close(outcome, status, retryAfterMs ?? 0);
      return;
    }
    tally.retries++;
    if (!wasRetried) tally.added++;
    if (decision.free) this.#freeRetryUsed = true;
    this.#delayMs = decision.delayMs;
    agenda.at(now + decision.delayMs, () => {
      this.#attempt();
    });
  }

  #close(outcome: Outcome, status: number, retryAfterMs: number): void {
    const { agenda, budget, tally } = this.#replay;
    const now = agenda.now();
    if (this.#sent > 0 && outcome === "success") tally.succeeded++;
    else if (outcome === "failure" || outcome === "overload") tally.failed++;
    this.#passes.tell(outcome, status, this.#sent, now, retryAfterMs);
    if (outcome === "success") budget.deposit(now);
    this.#permit?.release(outcome, this.#latencyMs, now, retryAfterMs);
  }
}

function isRefused({ flag, shed }: CallOutcome): boolean {
  return flag === "UO" || shed !== undefined;
}

/** An attempt that would have been given up. */
function timedOutOf(attempt: AttemptOutcome): AttemptOutcome {
  // One that connected would have been given up on the way.
  const phase = attempt.phase === "connect" ? "connect" : "sent";
  return { ...attempt, outcome: "failure", status: 0, phase, retryAfterMs: undefined };
}

/** An attempt that a hedge has beaten ends as that hedge did. */
function withoutHedges(attempts: readonly AttemptOutcome[]): readonly AttemptOutcome[] {
  const winner = attempts.find(({ hedge, superseded }) => hedge && !superseded);
  return attempts
    .filter(({ hedge }) => !hedge)
    .map((attempt) => (attempt.superseded && winner !== undefined ? rescued(attempt, winner) : attempt))
    .toSorted((one, other) => one.afterMs - other.afterMs);
}

function rescued(attempt: AttemptOutcome, winner: AttemptOutcome): AttemptOutcome {
  const { afterMs } = attempt;
  return { ...winner, afterMs, durationMs: winner.afterMs + winner.durationMs - afterMs };
}
