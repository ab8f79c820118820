import type { Clock } from "../clock.ts";
import { configError } from "../errors.ts";
import { checkObject } from "../option-checks.ts";
import { resolveRetry, retryDefaults } from "../policies/retry/resolve-retry.ts";
import type { RetryBudget } from "../policies/retry/retry-budget.ts";
import { decideRetry } from "../policies/retry/retry-decision.ts";
import { retryLoop } from "../policies/retry/retry-loop.ts";
import type { ResolvedRetry, RetryCandidate, RetryPolicy } from "../policies/retry/retry-policy.ts";
import type { Random } from "../random.ts";
import { commonOptions, judgingKeys } from "./common-options.ts";
import type { CommonOptions } from "./common-options.ts";
import type { Execution } from "./execution.ts";
import { Judgement, askedWaitMs } from "./judgement.ts";
import type { Verdict } from "./judgement.ts";
import { offPolicy } from "./off-policy.ts";
import { policyOf } from "./pipeline.ts";
import type { JudgingOptions, Policy, PolicyView } from "./policy.ts";
import { budgetOf } from "./retry-budget.ts";
import type { SharedBudget } from "./retry-budget.ts";
import type { Next, Stage } from "./stage.ts";

/** When a function is called again that failed. What an error asks to wait (a number `retryAfterMs`) is waited at least. */
export type StandaloneRetryPolicy = Pick<
  RetryPolicy,
  "maxAttempts" | "baseDelayMs" | "maxDelayMs" | "jitter" | "maxRetryAfterMs" | "chainStop" | "budget"
>;

/** What is to be tried again. */
export interface RetryAttempt {
  /** Of the attempt that failed: 1 for the first. */
  readonly attempt: number;
  /** What is waited before the next one, in milliseconds. */
  readonly delayMs: number;
  /** What it threw; undefined where its result was a failure. */
  readonly error: unknown;
}

/** What retries are made with besides their policy. */
export interface RetryOptions extends JudgingOptions {
  /** Shared with other retries and hedges; one of its own by default. Not together with `budget` in the policy. */
  readonly budget?: SharedBudget | undefined;
  /** Told before each wait. It must not throw. */
  readonly onRetry?: ((attempt: RetryAttempt) => void) | undefined;
}

/** What a dump shows of retries. */
export interface RetryPolicyView extends PolicyView {
  readonly maxAttempts: number;
  /** Retries so far. */
  readonly retries: number;
  /** Failures that were not tried again because the budget was spent. */
  readonly unaffordable: number;
  /** Retries that the budget can pay for now. */
  readonly balance: number;
}

/** Retries around functions. */
export interface StandaloneRetry extends Policy {
  inspect(): RetryPolicyView;
}

const keys = ["maxAttempts", "baseDelayMs", "maxDelayMs", "jitter", "maxRetryAfterMs", "chainStop"];

/**
 * Calls a function again that failed, after a back-off, as far as the budget allows and the deadline leaves time. Only for functions that
 * do no harm when they are called twice. What was refused in this process is not tried again, nor is anything inside a context
 * whose `chainStop` says that somebody above does.
 * @param policy `false` for none
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG`
 */
export function retry(policy: false, options?: RetryOptions): Policy;
export function retry(policy?: StandaloneRetryPolicy, options?: RetryOptions): StandaloneRetry;
export function retry(
  policy?: StandaloneRetryPolicy | false,
  options?: RetryOptions,
): Policy | StandaloneRetry;
export function retry(
  policy: StandaloneRetryPolicy | false = {},
  options: RetryOptions = {},
): Policy | StandaloneRetry {
  const common = commonOptions(options, "retry", [...judgingKeys, "onRetry"], ["budget"]);
  if (policy === false) return offPolicy;
  checkObject(policy, "retry", [...keys, "budget"], true);
  const { budget: own, ...rest } = policy;
  const resolved = resolveRetry(rest, "retry", { ...retryDefaults, classify: isFailure }, keys);
  if (resolved === false) throw configError("retry", "false or an object", policy);
  const budget = budgetOf(options.budget, own, common.clock);
  const stage = new RetryStage(resolved, budget, options, common);
  return policyOf<never, Pick<StandaloneRetry, "inspect">>([stage], { inspect: () => stage.inspect() });
}

/** An attempt that failed: by what it threw, or by what came of it. */
class FailedAttempt {
  readonly verdict: Verdict;
  readonly isResult: boolean;
  /** Result or error. */
  readonly outcome: unknown;

  constructor(verdict: Verdict, isResult: boolean, outcome: unknown) {
    this.verdict = verdict;
    this.isResult = isResult;
    this.outcome = outcome;
  }
}

function isFailure({ error }: RetryCandidate): boolean {
  return error instanceof FailedAttempt && error.verdict === "failure";
}

class RetryStage implements Stage {
  readonly clock: Clock;
  readonly budget: RetryBudget;
  readonly #policy: ResolvedRetry;
  readonly #judgement: Judgement;
  readonly #name: string;
  readonly #random: Random;
  readonly #onRetry: RetryOptions["onRetry"];
  #retries = 0;
  #unaffordable = 0;

  constructor(
    policy: ResolvedRetry,
    budget: RetryBudget,
    options: RetryOptions,
    { clock, name, random }: CommonOptions,
  ) {
    this.#policy = policy;
    this.budget = budget;
    this.#judgement = new Judgement(options);
    this.#onRetry = options.onRetry;
    this.clock = clock;
    this.#name = name;
    this.#random = random;
  }

  inspect(): RetryPolicyView {
    return {
      kind: "retry",
      name: this.#name,
      maxAttempts: this.#policy.maxAttempts,
      retries: this.#retries,
      unaffordable: this.#unaffordable,
      balance: this.budget.balance(this.clock.now()),
    };
  }

  async run(execution: Execution, next: Next): Promise<unknown> {
    // Somebody further out with the same budget counts the call's success, once.
    const isFunded = execution.budget === this.budget;
    execution.budget = this.budget;
    let failed: FailedAttempt;
    try {
      const result = await next(execution);
      const verdict = this.#judgement.ofResult(result);
      if (verdict === "success") {
        if (!isFunded) this.budget.deposit(this.clock.now());
        return result;
      }
      failed = new FailedAttempt(verdict, true, result);
    } catch (error) {
      failed = new FailedAttempt(this.#judgement.ofError(error, execution), false, error);
    }
    const last = failed.verdict === "failure" ? await this.#goOn(failed, execution, next) : failed;
    if (!(last instanceof FailedAttempt)) {
      if (!isFunded) this.budget.deposit(this.clock.now());
      return last;
    }
    if (last.verdict === "success" && !isFunded) this.budget.deposit(this.clock.now());
    if (last.isResult) return last.outcome;
    throw last.outcome;
  }

  /** @returns the result, or the last failure */
  async #goOn(first: FailedAttempt, execution: Execution, next: Next): Promise<unknown> {
    const { clock } = this;
    let previousDelayMs = 0;
    const delayAfter = (failed: unknown, number: number): number | undefined => {
      const delayMs = this.#delayAfter(failed, number, previousDelayMs, execution);
      previousDelayMs = delayMs ?? 0;
      return delayMs;
    };
    const { maxAttempts } = this.#policy;
    try {
      const again = (): Promise<unknown> => this.#again(execution, next);
      return await retryLoop(first, again, delayAfter, { maxAttempts, clock, signal: execution.signal });
    } catch (error) {
      if (error instanceof FailedAttempt) return error;
      throw error;
    }
  }

  /** @throws FailedAttempt */
  async #again(outside: Execution, next: Next): Promise<unknown> {
    const execution = outside.inside(outside.deadline, outside.call.nextAttempt());
    let failed: FailedAttempt;
    try {
      const result = await next(execution);
      const verdict = this.#judgement.ofResult(result);
      if (verdict === "success") return result;
      failed = new FailedAttempt(verdict, true, result);
    } catch (error) {
      failed = new FailedAttempt(this.#judgement.ofError(error, execution), false, error);
    } finally {
      execution.end();
    }
    // oxlint-disable-next-line typescript/only-throw-error -- never leaves this file
    throw failed;
  }

  #delayAfter(
    failed: unknown,
    attempt: number,
    previousDelayMs: number,
    { call, cancellation, deadline }: Execution,
  ): number | undefined {
    if (!(failed instanceof FailedAttempt)) return undefined;
    const now = this.clock.now();
    const error = failed.isResult ? undefined : failed.outcome;
    const decision = decideRetry({
      ...anyFailure,
      retry: this.#policy,
      error: failed,
      attempt,
      previousDelayMs,
      isRetried: call.chainStop,
      retryAfterMs: askedWaitMs(error),
      remainingMs: deadline - now,
      aborted: cancellation !== undefined,
      budget: this.budget,
      now,
      random: this.#random,
    });
    if (!decision.retry) {
      if (decision.why === "budget") this.#unaffordable++;
      return undefined;
    }
    this.#retries++;
    this.#onRetry?.({ attempt, delayMs: decision.delayMs, error });
    return decision.delayMs;
  }
}

/** A function has no phases to tell apart: what was begun may have been done. What was refused here is `neutral`, no failure. */
const anyFailure = {
  phase: "sent",
  status: undefined,
  headers: {},
  refused: false,
  idempotent: true,
  replayable: true,
  typicalMs: 0,
  committed: false,
  localShed: false,
  freeRetryUsed: true,
} as const;
