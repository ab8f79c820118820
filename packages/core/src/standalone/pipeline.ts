import { systemClock } from "../clock.ts";
import type { Clock } from "../clock.ts";
import { currentContext } from "../context/call-context.ts";
import { criticalities, isCriticality } from "../context/criticality.ts";
import { configError } from "../errors.ts";
import { Call } from "./execution.ts";
import type { Execution } from "./execution.ts";
import { lateError } from "./policy-errors.ts";
import type { ExecuteContext, ExecuteOptions, Policy } from "./policy.ts";
import type { Next, Stage } from "./stage.ts";

/** What stands behind the policies that were made here, outermost first. Nothing for one that is off. */
const stagesByPolicy = new WeakMap<object, readonly Stage[]>();

/** The stages of a policy; undefined for anything else. */
export function stagesOf(policy: unknown): readonly Stage[] | undefined {
  return typeof policy === "object" && policy !== null ? stagesByPolicy.get(policy) : undefined;
}

/** A policy of some stages, with what else it can do. A policy without any calls the function and nothing else. */
export function policyOf<F, E extends Pick<Policy<F>, "inspect">>(
  stages: readonly Stage[],
  extras: E,
): Policy<F> & E {
  const way = wayThrough(stages);
  const clock = stages[0]?.clock ?? systemClock;
  const policy: Policy<F> & E = {
    ...extras,
    execute: <T>(fn: (ctx: ExecuteContext) => T | Promise<T>, options?: ExecuteOptions) =>
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- stages hand on what they are given, and fallbacks say what they add
      execute(way, clock, fn, options) as Promise<Awaited<T> | F>,
  };
  stagesByPolicy.set(policy, stages);
  Object.freeze(policy);
  return policy;
}

/** Put together once, so that a call makes no closures. */
function wayThrough(stages: readonly Stage[]): Next {
  return stages.reduceRight<Next>((next, stage) => (execution) => stage.run(execution, next), begin);
}

/** The end of every way: the user's function. Nothing is begun for nobody. */
function begin(execution: Execution): unknown {
  const { call, cancellation, deadline } = execution;
  if (cancellation !== undefined) throw cancellation.reason;
  if (deadline !== Infinity && call.clock.now() >= deadline) throw lateError();
  execution.begin();
  return call.fn(execution);
}

/** A promise for whatever comes of it. Not an async function: that would put another promise around the one there is. */
function execute(
  way: Next,
  clock: Clock,
  fn: (ctx: ExecuteContext) => unknown,
  options: ExecuteOptions | undefined,
): Promise<unknown> {
  try {
    if (typeof fn !== "function") throw configError("fn", "a function", fn);
    if (options !== undefined) checkOptions(options);
    const context = currentContext();
    const ownMs = options?.deadlineMs;
    const own = ownMs === undefined ? Infinity : clock.now() + ownMs;
    const call = new Call(fn, options, context, Math.min(own, context?.deadline ?? Infinity), clock);
    const { root } = call;
    if (root.deadline !== Infinity && clock.now() >= root.deadline) throw lateError();
    return call.hasSignal ? executeUntil(call, way) : Promise.resolve(way(root));
  } catch (error) {
    // oxlint-disable-next-line typescript/prefer-promise-reject-errors -- what was thrown is handed on as it is
    return Promise.reject(error);
  }
}

/** A call that signals may end. They are let go of when it is over. */
async function executeUntil(call: Call, way: Next): Promise<unknown> {
  const gone = call.callerGone;
  if (gone !== undefined) throw gone.reason;
  try {
    return await way(call.root);
  } finally {
    call.end();
  }
}

function checkOptions({ criticality, deadlineMs, key, signal }: ExecuteOptions): void {
  if (deadlineMs !== undefined && !(typeof deadlineMs === "number" && deadlineMs >= 0)) {
    throw configError("deadlineMs", "a number of milliseconds, 0 or more", deadlineMs);
  }
  if (criticality !== undefined && !isCriticality(criticality)) {
    throw configError("criticality", `one of ${criticalities.join(", ")}`, criticality);
  }
  if (key !== undefined && typeof key !== "string") throw configError("key", "a string", key);
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw configError("signal", "an AbortSignal", signal);
  }
}
