import type { Clock } from "../clock.ts";
import { configError } from "../errors.ts";
import { checkObject } from "../option-checks.ts";
import type { HedgePolicy } from "../policies/hedge/hedge-policy.ts";
import { Hedging } from "../policies/hedge/hedging.ts";
import type { HedgingView } from "../policies/hedge/hedging.ts";
import { resolveHedge } from "../policies/hedge/resolve-hedge.ts";
import type { RetryBudget } from "../policies/retry/retry-budget.ts";
import { commonOptions, judgingKeys } from "./common-options.ts";
import type { Execution } from "./execution.ts";
import { HedgeRace } from "./hedge-race.ts";
import type { HedgeHost } from "./hedge-race.ts";
import { Judgement } from "./judgement.ts";
import { offPolicy } from "./off-policy.ts";
import { policyOf } from "./pipeline.ts";
import type { JudgingOptions, Policy, PolicyView } from "./policy.ts";
import { budgetOf } from "./retry-budget.ts";
import type { SharedBudget } from "./retry-budget.ts";
import type { Next, Span, Stage } from "./stage.ts";

/** When a second attempt is made beside one that takes long. */
export type StandaloneHedgePolicy = Pick<HedgePolicy, "delayMs" | "percentile" | "minDelayMs" | "maxHedges">;

/** What hedges are made with besides their policy. */
export interface HedgeOptions extends JudgingOptions {
  /** Shared with the retries that it is composed with; one of its own by default. */
  readonly budget?: SharedBudget | undefined;
}

/** What a dump shows of hedges. */
export interface HedgePolicyView extends HedgingView, PolicyView {
  /** Hedges so far. */
  readonly sent: number;
}

/** Hedges around functions. */
export interface StandaloneHedge extends Policy {
  inspect(): HedgePolicyView;
}

const keys = ["delayMs", "percentile", "minDelayMs", "maxHedges"];

/**
 * Calls a function a second time while the first takes long, takes the success that comes first, and ends the other by its signal. Only
 * for functions that do no harm when they are called twice, and that listen to their signal.
 * @param policy as for a service; `false` for none
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG`
 */
export function hedge(policy: false, options?: HedgeOptions): Policy;
export function hedge(policy?: StandaloneHedgePolicy, options?: HedgeOptions): StandaloneHedge;
export function hedge(
  policy?: StandaloneHedgePolicy | false,
  options?: HedgeOptions,
): Policy | StandaloneHedge;
export function hedge(
  policy: StandaloneHedgePolicy | false = {},
  options: HedgeOptions = {},
): Policy | StandaloneHedge {
  const { clock, name } = commonOptions(options, "hedge", judgingKeys, ["budget"]);
  if (policy === false) return offPolicy;
  const resolved = resolveHedge(checkObject(policy, "hedge", keys, true), "hedge");
  if (resolved === false) throw configError("hedge", "false or an object", policy);
  const budget = budgetOf(options.budget, undefined, clock);
  const hedging = new Hedging(resolved, clock.now());
  const stage = new HedgeStage(hedging, budget, new Judgement(options), clock, name);
  return policyOf<never, Pick<StandaloneHedge, "inspect">>([stage], { inspect: () => stage.inspect() });
}

class HedgeStage implements Stage, HedgeHost {
  readonly clock: Clock;
  readonly budget: RetryBudget;
  readonly spans: readonly Span[];
  readonly hedging: Hedging;
  readonly judgement: Judgement;
  /** Hedges so far. */
  sent = 0;
  readonly #name: string;

  constructor(hedging: Hedging, budget: RetryBudget, judgement: Judgement, clock: Clock, name: string) {
    const { delayMs } = hedging.policy;
    this.hedging = hedging;
    this.budget = budget;
    this.judgement = judgement;
    this.clock = clock;
    this.#name = name;
    this.spans = delayMs === undefined ? [] : [{ field: "hedge.delayMs", ms: delayMs }];
  }

  inspect(): HedgePolicyView {
    return {
      kind: "hedge",
      name: this.#name,
      sent: this.sent,
      ...this.hedging.inspect(this.clock.now()),
    };
  }

  run(execution: Execution, next: Next): unknown {
    // Somebody above tries again already: a hedge here would multiply with that.
    if (execution.call.chainStop) return next(execution);
    // Somebody further out with the same budget counts the call's success, once.
    const isFunded = execution.budget === this.budget;
    execution.budget = this.budget;
    return new HedgeRace(this, execution, next, !isFunded).run();
  }
}
