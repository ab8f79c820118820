import type { Clock } from "../clock.ts";
import { systemClock } from "../clock.ts";
import { configError } from "../errors.ts";
import { checkObject } from "../option-checks.ts";
import { resolveBudget } from "../policies/retry/resolve-retry.ts";
import { RetryBudget } from "../policies/retry/retry-budget.ts";
import type { RetryBudgetPolicy } from "../policies/retry/retry-policy.ts";

/** What several retries and hedges may spend together, made by {@link retryBudget}. */
export interface SharedBudget {
  /** Retries that it can pay for now. */
  inspect(): { readonly balance: number };
}

const budgets = new WeakMap<object, RetryBudget>();

/**
 * A budget for all retries and hedges of calls to the same thing: 20 % of the calls that succeeded, and up to 10 per second as long as
 * they mostly do, over the last ten seconds.
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG`
 */
export function retryBudget(
  policy: RetryBudgetPolicy = {},
  options: { readonly clock?: Clock | undefined } = {},
): SharedBudget {
  checkObject(options, "options", ["clock"]);
  const clock = options.clock ?? systemClock;
  const budget = new RetryBudget(resolveBudget(policy, "budget"), clock.now());
  const shared = Object.freeze({ inspect: () => ({ balance: budget.balance(clock.now()) }) });
  budgets.set(shared, budget);
  return shared;
}

/**
 * The budget that stands behind a shared one, or one of its own.
 * @param own its policy, where it is one of its own
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG` for something that {@link retryBudget} did not make, `false` among it
 */
export function budgetOf(shared: unknown, own: RetryBudgetPolicy | undefined, clock: Clock): RetryBudget {
  if (shared === undefined) return new RetryBudget(resolveBudget(own, "retry.budget"), clock.now());
  if (own !== undefined) throw configError("retry.budget", "left out where options.budget is given", own);
  const found = typeof shared === "object" && shared !== null ? budgets.get(shared) : undefined;
  if (found === undefined) throw configError("options.budget", "made by retryBudget()", shared);
  return found;
}
