import { configError } from "../errors.ts";
import { policyOf, stagesOf } from "./pipeline.ts";
import type { FallbackOf, Policy, PolicyView } from "./policy.ts";
import type { Span, Stage } from "./stage.ts";

/** Several policies as one. */
export interface ComposedPolicy<F = never> extends Policy<F> {
  /** The dumps of its policies, the outermost first. */
  inspect(): readonly PolicyView[];
}

/**
 * Makes one policy of several. The first is the outermost: `compose(retry(…), timeout(…))` has a timeout for each attempt,
 * `compose(timeout(…), retry(…))` one for all of them. How they are put in brackets makes no difference, and those that are off are not there.
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG` for policies that contradict each other: a time that does not fit into a timeout further
 *   out, retries and hedges that do not share a budget, a policy that stands there twice, two clocks
 */
export function compose<const P extends readonly Policy<unknown>[]>(
  ...policies: P
): ComposedPolicy<FallbackOf<P[number]>> {
  const stages = policies.flatMap((policy, index) => {
    const found = stagesOf(policy);
    if (found === undefined) throw configError(`compose[${index}]`, "a policy", policy);
    return found;
  });
  checkStages(stages);
  return policyOf<FallbackOf<P[number]>, Pick<ComposedPolicy, "inspect">>(stages, {
    inspect: () => stages.map((stage) => stage.inspect()),
  });
}

function checkStages(stages: readonly Stage[]): void {
  let limit: Span | undefined;
  for (const [at, stage] of stages.entries()) {
    const { kind, name } = stage.inspect();
    const before = stages.slice(0, at);
    if (before.includes(stage)) {
      throw configError("compose", "policies of which each stands there once", `${kind} "${name}" twice`);
    }
    if (before.some(({ clock }) => clock !== stage.clock)) {
      throw configError(`${kind}.clock`, "the clock of the policies that it is composed with", stage.clock);
    }
    const { budget } = stage;
    if (budget !== undefined && before.some((one) => one.budget !== undefined && one.budget !== budget)) {
      const expected =
        "shared by the retries and hedges that are composed, or they add up (budget: the same retryBudget() for all)";
      throw configError(`${kind}.budget`, expected, "one of its own");
    }
    for (const { field, ms } of [
      ...(stage.spans ?? []),
      ...(stage.limit === undefined ? [] : [stage.limit]),
    ]) {
      if (limit !== undefined && ms > limit.ms) {
        throw configError(field, `at most the ${limit.field} around it (${limit.ms})`, ms);
      }
    }
    limit = stage.limit ?? limit;
  }
}
