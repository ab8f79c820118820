import { ProxylessError } from "../errors.ts";
import type { ReasonFlag } from "../errors.ts";
import type { Execution } from "./execution.ts";
import type { JudgingOptions } from "./policy.ts";

/** What a call says about what it calls. `neutral`: nothing. */
export type Verdict = "success" | "failure" | "neutral";

/** Says what counts as a failure. */
export class Judgement {
  readonly #options: JudgingOptions;

  constructor(options: JudgingOptions) {
    this.#options = options;
  }

  ofResult(result: unknown): Verdict {
    return this.#options.isFailure?.(result) === true ? "failure" : "success";
  }

  ofError(error: unknown, execution: Execution): Verdict {
    // What never began says nothing, whatever held it up.
    if (!execution.isBegun || isRefusal(error)) return "neutral";
    const { cancellation } = execution;
    // With what error a function obeys its signal is its own affair, so the user's word counts only where nobody ended it.
    if (cancellation !== undefined) return cancellation.by === "timeout" ? "failure" : "neutral";
    return this.#options.handle?.(error) === false ? "success" : "failure";
  }
}

const refusals: ReadonlySet<ReasonFlag | undefined> = new Set<ReasonFlag>(["LR", "RL", "UO"]);

/** Refused in this process, to save load: by a policy, or by a mesh. */
function isRefusal(error: unknown): boolean {
  return error instanceof ProxylessError && refusals.has(error.flag);
}

/** How long an error asks to be left alone, in milliseconds, by a number `retryAfterMs`; 0 for not at all. */
export function askedWaitMs(error: unknown): number {
  if (typeof error !== "object" || error === null || !("retryAfterMs" in error)) return 0;
  const { retryAfterMs } = error;
  return typeof retryAfterMs === "number" && retryAfterMs > 0 && retryAfterMs < Infinity ? retryAfterMs : 0;
}
