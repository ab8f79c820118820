import type { Clock } from "../clock.ts";
import type { Criticality } from "../context/criticality.ts";
import type { Outcome } from "../events.ts";
import type { Limits, LimitRequest, Permit, Queued } from "../policies/limit/limits.ts";
import type { Refusal } from "../policies/limit/refusal.ts";
import type { Execution, Waiting } from "./execution.ts";
import { askedWaitMs } from "./judgement.ts";
import type { Judgement } from "./judgement.ts";
import { limitError } from "./policy-errors.ts";
import type { PolicyView } from "./policy.ts";
import type { Next, Span, Stage } from "./stage.ts";

/** What a limit learns from the calls that it lets through. */
export interface Lessons {
  readonly judgement: Judgement;
  /** Whether a failure means that what was called has too much to do. */
  readonly isOverload: (error: unknown) => boolean;
}

/** What the way through a limit is made of. */
export interface LimitStageOptions {
  /** Has one limit, that of the policy. */
  readonly limits: Limits;
  readonly clock: Clock;
  readonly name: string;
  readonly inspect: () => PolicyView;
  /** What a call is given it has until it ends. */
  readonly holds: boolean;
  /** Undefined where how calls end means nothing to the limit. */
  readonly lessons: Lessons | undefined;
  readonly spans: readonly Span[];
}

/** A policy that may hold calls back before they begin, or refuse them. */
export class LimitStage implements Stage {
  readonly clock: Clock;
  readonly spans: readonly Span[];
  readonly #limits: Limits;
  readonly #lessons: Lessons | undefined;
  readonly #name: string;
  readonly #inspect: () => PolicyView;
  readonly #holds: boolean;

  constructor(options: LimitStageOptions) {
    this.#limits = options.limits;
    this.clock = options.clock;
    this.#name = options.name;
    this.#inspect = options.inspect;
    this.#holds = options.holds;
    this.#lessons = options.lessons;
    this.spans = options.spans;
  }

  inspect(): PolicyView {
    return this.#inspect();
  }

  run(execution: Execution, next: Next): unknown {
    const now = this.clock.now();
    const turn = new Turn(execution);
    const answer = this.#limits.ask(turn, now, execution.deadline - now);
    if (answer.kind === "permit") return this.#goOn(answer, now, execution, next);
    if (answer.kind === "refusal") throw limitError(this.#name, answer);
    return this.#wait(turn, answer, execution, next);
  }

  async #wait(turn: Turn, queued: Queued, execution: Execution, next: Next): Promise<unknown> {
    const answer = await turn.come(() => {
      queued.cancel();
    });
    if (answer.kind === "refusal") throw limitError(this.#name, answer);
    return this.#goOn(answer, this.clock.now(), execution, next);
  }

  #goOn(permit: Permit, now: number, execution: Execution, next: Next): unknown {
    if (this.#lessons !== undefined) return this.#learn(this.#lessons, permit, now, execution, next);
    return this.#holds ? this.#through(permit, execution, next) : next(execution);
  }

  async #through(permit: Permit, execution: Execution, next: Next): Promise<unknown> {
    try {
      return await next(execution);
    } finally {
      permit.release("ignored", 0, this.clock.now());
    }
  }

  async #learn(
    { isOverload, judgement }: Lessons,
    permit: Permit,
    startedAt: number,
    execution: Execution,
    next: Next,
  ): Promise<unknown> {
    let outcome: Outcome = "ignored";
    let retryAfterMs = 0;
    try {
      const result = await next(execution);
      if (judgement.ofResult(result) === "success") outcome = "success";
      else outcome = isOverload(undefined) ? "overload" : "failure";
      return result;
    } catch (error) {
      const verdict = judgement.ofError(error, execution);
      if (verdict === "success") outcome = "success";
      else if (verdict === "failure") {
        outcome = isOverload(error) ? "overload" : "failure";
        retryAfterMs = askedWaitMs(error);
      }
      throw error;
    } finally {
      const now = this.clock.now();
      permit.release(outcome, now - startedAt, now, retryAfterMs);
    }
  }
}

/** A call's turn at a limit. It comes at once as a rule, and then there is no promise. */
class Turn implements LimitRequest, Waiting {
  readonly key: string | undefined;
  readonly criticality: Criticality;
  readonly #execution: Execution;
  #resolve: ((answer: Permit | Refusal) => void) | undefined;
  #reject: ((reason: unknown) => void) | undefined;
  #giveUp: (() => void) | undefined;

  constructor(execution: Execution) {
    const { criticality, key } = execution.call;
    this.key = key;
    this.criticality = criticality;
    this.#execution = execution;
  }

  /** @param giveUp leaves the line */
  come(giveUp: () => void): Promise<Permit | Refusal> {
    return new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
      this.#giveUp = giveUp;
      this.#execution.wait(this);
    });
  }

  onReady(answer: Permit | Refusal): void {
    this.#execution.waitNoLonger();
    this.#resolve?.(answer);
  }

  cancelled(reason: unknown): void {
    this.#giveUp?.();
    this.#reject?.(reason);
  }
}
