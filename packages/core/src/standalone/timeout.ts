import type { Clock } from "../clock.ts";
import { configError } from "../errors.ts";
import { checkNumber, checkObject } from "../option-checks.ts";
import { commonOptions } from "./common-options.ts";
import type { Execution } from "./execution.ts";
import { offPolicy } from "./off-policy.ts";
import { policyOf } from "./pipeline.ts";
import { timeoutError } from "./policy-errors.ts";
import type { Policy, PolicyOptions, PolicyView } from "./policy.ts";
import { raced } from "./race.ts";
import type { Next, Span, Stage } from "./stage.ts";

/** How long something may take. */
export interface StandaloneTimeoutPolicy {
  /** From the first moment to the result, in milliseconds, 1 to 2,147,483,647. Must be given. */
  readonly totalMs: number;
}

/** What a dump shows of a timeout. */
export interface TimeoutPolicyView extends PolicyView {
  readonly totalMs: number;
  /** How many calls it has ended. */
  readonly timedOut: number;
}

/** A timeout around functions. */
export interface StandaloneTimeout extends Policy {
  inspect(): TimeoutPolicyView;
}

/**
 * Waits no longer than `totalMs`, or until the deadline of the call where that is earlier; then the function is told by its
 * signal, and whether it listens or not, the call fails. It fails as soon as the caller gives up, too.
 * @param policy `false` for none
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG`
 */
export function timeout(policy: false, options?: PolicyOptions): Policy;
export function timeout(policy: StandaloneTimeoutPolicy, options?: PolicyOptions): StandaloneTimeout;
export function timeout(
  policy: StandaloneTimeoutPolicy | false,
  options?: PolicyOptions,
): Policy | StandaloneTimeout;
export function timeout(
  policy: StandaloneTimeoutPolicy | false,
  options: PolicyOptions = {},
): Policy | StandaloneTimeout {
  const { clock, name } = commonOptions(options, "timeout");
  if (policy === false) return offPolicy;
  const rule = { min: 1, max: 2 ** 31 - 1 };
  const { totalMs: given } = checkObject(policy, "timeout", ["totalMs"], true);
  const totalMs = checkNumber(given, "timeout.totalMs", rule);
  if (totalMs === undefined) throw configError("timeout.totalMs", "a number from 1 to 2147483647", totalMs);
  const stage = new TimeoutStage(totalMs, clock, name);
  return policyOf<never, Pick<StandaloneTimeout, "inspect">>([stage], { inspect: () => stage.inspect() });
}

class TimeoutStage implements Stage {
  readonly clock: Clock;
  readonly limit: Span;
  readonly #name: string;
  readonly #totalMs: number;
  #timedOut = 0;

  constructor(totalMs: number, clock: Clock, name: string) {
    this.#totalMs = totalMs;
    this.clock = clock;
    this.#name = name;
    this.limit = { field: "timeout.totalMs", ms: totalMs };
  }

  inspect(): TimeoutPolicyView {
    return { kind: "timeout", name: this.#name, totalMs: this.#totalMs, timedOut: this.#timedOut };
  }

  run(execution: Execution, next: Next): Promise<unknown> {
    const now = this.clock.now();
    const leftMs = execution.deadline - now;
    const ms = Math.min(this.#totalMs, leftMs);
    // Inside retries or hedges it is an attempt that is over, unless all of the call's time is.
    const kind = ms < leftMs && execution.budget !== undefined ? "attempt" : "total";
    return raced(execution, next, now + ms, Math.max(0, ms), () => {
      this.#timedOut++;
      return timeoutError(this.#name, ms, kind);
    });
  }
}
