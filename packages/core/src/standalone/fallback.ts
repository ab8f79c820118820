import type { Clock } from "../clock.ts";
import { ProxylessError, configError } from "../errors.ts";
import { checkNumber, checkObject } from "../option-checks.ts";
import { fallsBackOnError } from "../policies/fallback/falls-back.ts";
import { commonOptions, judgingKeys } from "./common-options.ts";
import type { Execution } from "./execution.ts";
import { Judgement } from "./judgement.ts";
import { offPolicy } from "./off-policy.ts";
import { policyOf } from "./pipeline.ts";
import { timeoutError } from "./policy-errors.ts";
import type { ExecuteContext, JudgingOptions, Policy, PolicyView } from "./policy.ts";
import { raced } from "./race.ts";
import type { Next, Stage } from "./stage.ts";

/** What a fallback is told. */
export interface FailedExecution {
  /** What was thrown; undefined where the result was a failure. */
  readonly error: unknown;
  /** A result that was a failure; undefined where something was thrown. */
  readonly result: unknown;
  /** Its signal aborts when the caller gives up, or the time is over. */
  readonly context: ExecuteContext;
}

/** What comes instead of a failure. What it throws is thrown, so that it may also make another error of it. */
export type StandaloneFallbackFunction<F> = (failed: FailedExecution) => F | Promise<F>;

/** What comes instead of a failure: `value`, or what `run` returns. */
export interface StandaloneFallbackPolicy<F> {
  readonly value?: F | undefined;
  readonly run?: StandaloneFallbackFunction<F> | undefined;
  /**
   * How long `run` may take, in milliseconds, 1 to 2,147,483,647, also where nothing is left of the call's time. By default its signal
   * alone ends it.
   */
  readonly timeoutMs?: number | undefined;
}

/** What a dump shows of a fallback. */
export interface FallbackPolicyView extends PolicyView {
  /** How many calls fell back. */
  readonly fellBack: number;
}

/** A fallback around functions. */
export interface StandaloneFallback<F> extends Policy<F> {
  inspect(): FallbackPolicyView;
}

/**
 * Something else where a call fails for good: what failed, and what was refused in this process. A caller that gives up gets nothing, and what
 * is wrong with the call itself (`ERR_PROXYLESS_CONFIG`, `ERR_PROXYLESS_REQUEST`) stays wrong.
 * @param policy a value, or a function; `false` for none
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG`
 */
export function fallback(policy: false, options?: JudgingOptions): Policy;
export function fallback<F>(
  policy: StandaloneFallbackPolicy<F> | StandaloneFallbackFunction<F>,
  options?: JudgingOptions,
): StandaloneFallback<F>;
export function fallback<F>(
  policy: StandaloneFallbackPolicy<F> | StandaloneFallbackFunction<F> | false,
  options?: JudgingOptions,
): Policy | StandaloneFallback<F>;
export function fallback<F>(
  policy: StandaloneFallbackPolicy<F> | StandaloneFallbackFunction<F> | false,
  options: JudgingOptions = {},
): Policy | StandaloneFallback<F> {
  const { clock, name } = commonOptions(options, "fallback", judgingKeys);
  if (policy === false) return offPolicy;
  const stage = new FallbackStage(
    typeof policy === "function" ? { run: policy, timeoutMs: undefined } : resolved(policy),
    new Judgement(options),
    clock,
    name,
  );
  return policyOf<F, Pick<StandaloneFallback<F>, "inspect">>([stage], { inspect: () => stage.inspect() });
}

/** The call would be as wrong anywhere else. */
function isCallersDoing(error: unknown): boolean {
  return error instanceof ProxylessError && !fallsBackOnError({ errors: undefined }, error);
}

interface ResolvedFallback {
  readonly run: StandaloneFallbackFunction<unknown>;
  readonly timeoutMs: number | undefined;
}

function resolved(policy: StandaloneFallbackPolicy<unknown>): ResolvedFallback {
  const given = checkObject(policy, "fallback", ["value", "run", "timeoutMs"], true);
  const { run } = policy;
  if (run !== undefined && typeof run !== "function") throw configError("fallback.run", "a function", run);
  if (run === undefined && !("value" in given)) {
    throw configError("fallback", "given a value or run", policy);
  }
  if (run !== undefined && "value" in given) {
    throw configError("fallback.value", "left out where fallback.run is given", given["value"]);
  }
  const timeoutMs = checkNumber(given["timeoutMs"], "fallback.timeoutMs", { min: 1, max: 2 ** 31 - 1 });
  if (timeoutMs !== undefined && run === undefined) {
    throw configError("fallback.timeoutMs", "left out without fallback.run to wait for", timeoutMs);
  }
  return { run: run ?? (() => policy.value), timeoutMs };
}

class FallbackStage implements Stage {
  readonly clock: Clock;
  readonly #policy: ResolvedFallback;
  readonly #judgement: Judgement;
  readonly #name: string;
  #fellBack = 0;

  constructor(policy: ResolvedFallback, judgement: Judgement, clock: Clock, name: string) {
    this.#policy = policy;
    this.#judgement = judgement;
    this.clock = clock;
    this.#name = name;
  }

  inspect(): FallbackPolicyView {
    return { kind: "fallback", name: this.#name, fellBack: this.#fellBack };
  }

  async run(execution: Execution, next: Next): Promise<unknown> {
    let result: unknown;
    let thrown: unknown;
    try {
      result = await next(execution);
      if (this.#judgement.ofResult(result) === "success") return result;
    } catch (error) {
      const isOver = execution.cancellation !== undefined;
      if (isOver || isCallersDoing(error) || this.#judgement.ofError(error, execution) === "success")
        throw error;
      thrown = error;
    }
    this.#fellBack++;
    const { run, timeoutMs } = this.#policy;
    if (timeoutMs === undefined) return run({ error: thrown, result, context: execution });
    const end = this.clock.now() + timeoutMs;
    return raced(
      execution,
      (context) => run({ error: thrown, result, context }),
      end,
      timeoutMs,
      () => timeoutError(`${this.#name} (instead of a failed call)`, timeoutMs, "total"),
    );
  }
}
