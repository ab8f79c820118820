import { headerValue } from "../../header-list.ts";
import type { Random } from "../../random.ts";
import { resolveAnswer } from "../answer.ts";
import type { ResolvedAnswer } from "../answer.ts";
import { drawDelay } from "./fault-delay.ts";
import { askedFault } from "./fault-headers.ts";
import type { AskedFault } from "./fault-headers.ts";
import type {
  AbortKind,
  FaultBehaviour,
  FaultSubject,
  ResolvedFault,
  ResolvedFaultMatch,
} from "./fault-policy.ts";

/** What is to be done to a request: first the delay, then the behaviour, then the abort. */
export interface Injection {
  /** 0 for no delay. */
  readonly delayMs: number;
  readonly behaviour: FaultBehaviour | undefined;
  /** What comes instead of the service's answer; the service is asked where this is undefined. */
  readonly abort: ResolvedAnswer | AbortKind | Error | undefined;
}

/**
 * Decides which requests faults are injected into. It does nothing to them, and draws no chance where there is none to take.
 * Vocabulary: Envoy's HTTP fault filter and Polly's chaos strategies (fault, outcome, latency, behaviour).
 */
export class FaultInjector {
  #policy: ResolvedFault | false;
  readonly #random: Random;

  constructor(policy: ResolvedFault | false, random: Random) {
    this.#policy = policy;
    this.#random = random;
  }

  /** What is in force. */
  get policy(): ResolvedFault | false {
    return this.#policy;
  }

  /** Puts another policy in force from the next request on; `false` injects nothing. What has begun goes on. */
  update(policy: ResolvedFault | false): void {
    this.#policy = policy;
  }

  /** What to do to a request; undefined for nothing. */
  decide(subject: FaultSubject): Injection | undefined {
    const policy = this.#policy;
    if (policy === false || policy.enabled === false || policy.percent === 0) return undefined;
    // Both places ask, so that a switch may move the faults from one to the other.
    if ((subject.attempt === 0) !== (policy.position === "call")) return undefined;
    if (!fits(policy.match, subject)) return undefined;
    if (policy.enabled !== true && !policy.enabled(subject)) return undefined;
    const asked = policy.headers ? askedFault(subject.headers) : undefined;
    if (asked === undefined && isForHeadersOnly(policy)) return undefined;
    if (!this.#falls(policy.percent)) return undefined;
    const delayMs = this.#delay(policy, asked);
    const abort = this.#abort(policy, asked, subject);
    const { behaviour } = policy;
    if (delayMs === 0 && behaviour === undefined && abort === undefined) return undefined;
    return { delayMs, behaviour, abort };
  }

  #delay({ delay }: ResolvedFault, asked: AskedFault | undefined): number {
    if (asked?.delayMs !== undefined) return this.#falls(asked.delayPercent) ? asked.delayMs : 0;
    if (delay === undefined || !this.#falls(delay.percent)) return 0;
    return drawDelay(delay, this.#random);
  }

  #abort(
    { abort, outcome }: ResolvedFault,
    asked: AskedFault | undefined,
    subject: FaultSubject,
  ): Injection["abort"] {
    if (asked?.abort !== undefined) {
      return this.#falls(asked.abortPercent)
        ? resolveAnswer({ status: asked.abort }, "abort", 503)
        : undefined;
    }
    if (outcome !== undefined) return madeUp(() => outcome(subject));
    return abort !== undefined && this.#falls(abort.percent) ? abort.with : undefined;
  }

  #falls(percent: number): boolean {
    return percent >= 100 || (percent > 0 && this.#random() * 100 < percent);
  }
}

/** What the user's function says is to come; that it throws counts as an error to come, for it is there to cause trouble. */
function madeUp(make: () => unknown): ResolvedAnswer | Error | undefined {
  try {
    const made = make();
    return made === undefined || made instanceof Error ? made : resolveAnswer(made, "outcome()", 200);
  } catch (error) {
    return error instanceof Error ? error : new Error("the outcome function threw", { cause: error });
  }
}

function isForHeadersOnly({ abort, behaviour, delay, outcome }: ResolvedFault): boolean {
  return abort === undefined && behaviour === undefined && delay === undefined && outcome === undefined;
}

function fits(match: ResolvedFaultMatch, { attempt, headers, method, path }: FaultSubject): boolean {
  if (match.methods !== undefined && !match.methods.includes(method)) return false;
  if (match.attempts !== undefined && !match.attempts.includes(attempt)) return false;
  if (match.paths !== undefined && !fitsPath(match.paths, path)) return false;
  for (const [name, value] of match.headers) if (headerValue(headers, name) !== value) return false;
  return true;
}

function fitsPath(paths: readonly string[], given: string): boolean {
  const query = given.indexOf("?");
  const path = query === -1 ? given : given.slice(0, query);
  return paths.some((wanted) =>
    wanted.endsWith("*") ? path.startsWith(wanted.slice(0, -1)) : path === wanted,
  );
}
