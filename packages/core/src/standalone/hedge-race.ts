import type { TimerHandle } from "../clock.ts";
import type { Hedging } from "../policies/hedge/hedging.ts";
import type { RetryBudget } from "../policies/retry/retry-budget.ts";
import type { Execution } from "./execution.ts";
import type { Judgement, Verdict } from "./judgement.ts";
import type { Next } from "./stage.ts";

/** What a superseded attempt is ended with. */
const superseded = new Error("another attempt was quicker");

interface Attempt {
  readonly execution: Execution;
  readonly isHedge: boolean;
  readonly startedAt: number;
  isSuperseded: boolean;
}

/** How an attempt ended. */
interface Ending {
  readonly verdict: Verdict;
  readonly isResult: boolean;
  /** Result or error. */
  readonly outcome: unknown;
}

/** Whose calls are hedged. */
export interface HedgeHost {
  readonly hedging: Hedging;
  readonly budget: RetryBudget;
  readonly judgement: Judgement;
  /** Hedges that were sent in all. */
  sent: number;
}

/** The attempts of one call that run side by side. */
export class HedgeRace {
  readonly #host: HedgeHost;
  readonly #hedging: Hedging;
  readonly #deposits: boolean;
  readonly #outside: Execution;
  readonly #next: Next;
  readonly #running: Attempt[] = [];
  #timer: TimerHandle | undefined;
  /** After which the last hedge was sent. */
  #delayMs = 0;
  /** Of an attempt that failed while others ran. */
  #failure: Ending | undefined;
  #hedges = 0;
  #isOver = false;
  #resolve: (result: unknown) => void = () => {};
  #reject: (error: unknown) => void = () => {};

  /** @param deposits its success is counted in the budget */
  constructor(host: HedgeHost, outside: Execution, next: Next, deposits: boolean) {
    this.#host = host;
    this.#hedging = host.hedging;
    this.#outside = outside;
    this.#next = next;
    this.#deposits = deposits;
  }

  run(): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
      this.#launch(false, this.#now());
    });
  }

  /** @internal It is time for a hedge. */
  due(): void {
    this.#timer = undefined;
    this.#hedge();
  }

  #hedge(): void {
    const now = this.#now();
    // What cannot be over before the call is, is not begun.
    if (this.#isOver || this.#outside.cancellation !== undefined || now >= this.#outside.deadline) return;
    if (this.#hedging.tryHedge(this.#host.budget, now)) this.#launch(true, now);
  }

  #launch(isHedge: boolean, now: number): void {
    const { call, deadline } = this.#outside;
    if (isHedge) {
      this.#hedges++;
      this.#host.sent++;
    }
    const number = isHedge ? call.nextAttempt() : this.#outside.attempt;
    const execution = this.#outside.inside(deadline, number);
    const attempt = { execution, isHedge, startedAt: now, isSuperseded: false };
    this.#running.push(attempt);
    this.#arm(now);
    void this.#follow(attempt);
  }

  #arm(now: number): void {
    this.#disarm();
    if (!this.#hasMore) return;
    const delayMs = this.#hedging.delayMs(now);
    if (delayMs === undefined) return;
    this.#delayMs = delayMs;
    this.#timer = this.#outside.call.clock.setTimer(onDue, delayMs, this);
  }

  async #follow(attempt: Attempt): Promise<void> {
    let ending: Ending;
    try {
      const outcome = await this.#next(attempt.execution);
      ending = { verdict: this.#host.judgement.ofResult(outcome), isResult: true, outcome };
    } catch (error) {
      ending = this.#endingOf(error, attempt.execution);
    }
    this.#ended(attempt, ending);
  }

  #endingOf(outcome: unknown, execution: Execution): Ending {
    try {
      return { verdict: this.#host.judgement.ofError(outcome, execution), isResult: false, outcome };
    } catch (error) {
      // The user's own judgement failed: that is what the caller is to hear of.
      return { verdict: "neutral", isResult: false, outcome: error };
    }
  }

  #ended(attempt: Attempt, ending: Ending): void {
    attempt.execution.end();
    this.#running.splice(this.#running.indexOf(attempt), 1);
    this.#measure(attempt, ending.verdict);
    if (this.#isOver) return;
    const { verdict } = ending;
    if (verdict === "success") {
      this.#finish(ending);
      return;
    }
    // A hedge that was refused says less than the attempt that it was to help.
    if (verdict === "failure" || this.#failure === undefined) this.#failure = ending;
    if (this.#running.length === 0) this.#finish(this.#failure);
    else if (verdict === "failure" && this.#hasMore) this.#hedge();
  }

  #measure({ isHedge, isSuperseded, startedAt }: Attempt, verdict: Verdict): void {
    const now = this.#now();
    const tookMs = now - startedAt;
    // How long it would have taken is not known; as long as its hedge waited, at least.
    if (isSuperseded) this.#hedging.record(Math.min(tookMs, this.#delayMs), now);
    else if (verdict === "success") this.#hedging.record(tookMs, now);
    if (!isHedge) return;
    const isLate = tookMs > this.#delayMs;
    // One that was given up before its time says nothing.
    if (isLate || !isSuperseded) this.#hedging.hedged(isLate || verdict !== "success", now);
  }

  #finish({ isResult, outcome, verdict }: Ending): void {
    this.#isOver = true;
    if (this.#deposits && verdict === "success") this.#host.budget.deposit(this.#now());
    this.#disarm();
    for (const attempt of this.#running) {
      attempt.isSuperseded = true;
      attempt.execution.cancel({ by: "hedge", reason: superseded });
    }
    if (isResult) this.#resolve(outcome);
    else this.#reject(outcome);
  }

  get #hasMore(): boolean {
    return this.#hedges < this.#hedging.policy.maxHedges;
  }

  #now(): number {
    return this.#outside.call.clock.now();
  }

  #disarm(): void {
    if (this.#timer !== undefined) this.#outside.call.clock.clearTimer(this.#timer);
    this.#timer = undefined;
  }
}

function onDue(race: HedgeRace): void {
  race.due();
}
