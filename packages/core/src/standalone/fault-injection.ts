import { sleep } from "../clock.ts";
import type { Clock } from "../clock.ts";
import { ProxylessError } from "../errors.ts";
import { checkObject } from "../option-checks.ts";
import { FaultInjector } from "../policies/fault/fault-injector.ts";
import type { Injection } from "../policies/fault/fault-injector.ts";
import type { AbortKind, DelayPolicy, FaultSubject, ResolvedFault } from "../policies/fault/fault-policy.ts";
import { resolveFault } from "../policies/fault/resolve-fault.ts";
import { commonOptions } from "./common-options.ts";
import type { Execution } from "./execution.ts";
import { policyOf } from "./pipeline.ts";
import { timeoutError } from "./policy-errors.ts";
import type { Policy, PolicyOptions, PolicyView } from "./policy.ts";
import type { Next, Stage } from "./stage.ts";

/** What a fault is decided by. */
export interface FaultedExecution {
  /** Of the call; empty where it has none. */
  readonly key: string;
  /** Which attempt: 1 for the first. */
  readonly attempt: number;
}

/** Faults in calls of functions, to see what they do to those who call them. At least one of delay, abort, behaviour and outcome. */
export interface StandaloneFaultPolicy {
  /** False turns everything off, and a function is asked for each attempt; true by default. */
  readonly enabled?: boolean | ((subject: FaultedExecution) => boolean) | undefined;
  /** The share of attempts that anything is injected into, 0 to 100. Must be given unless `delay` and `abort` have one of their own. */
  readonly percent?: number | undefined;
  /** Waits before the function is called. */
  readonly delay?: DelayPolicy | undefined;
  /**
   * Fails instead of calling the function: `reset` and `refuse` at once, as if the connection broke or nobody listened; `timeout` by never
   * ending, until its signal or its deadline ends it.
   */
  readonly abort?: { readonly kind: AbortKind; readonly percent?: number | undefined } | undefined;
  /** Something of your own that runs before the function, after the delay; what it throws is thrown. */
  readonly behaviour?: ((subject: FaultedExecution, signal: AbortSignal) => void | Promise<void>) | undefined;
  /** Makes up the error that is thrown instead of calling the function; undefined for none. Not with `abort`. */
  readonly outcome?: ((subject: FaultedExecution) => Error | undefined) | undefined;
}

/** What a dump shows of injected faults. */
export interface FaultPolicyView extends PolicyView {
  readonly isOn: boolean;
  /** Attempts that a fault was injected into. */
  readonly injected: number;
}

/** Injected faults around functions. */
export interface StandaloneFaultInjection extends Policy {
  /** Puts another policy in force from the next attempt on; `false` injects nothing. */
  update(policy: StandaloneFaultPolicy | false): void;
  inspect(): FaultPolicyView;
}

const keys = ["enabled", "percent", "delay", "abort", "behaviour", "outcome"];

/**
 * Injects faults. Other than the rest, it stays on the way where it is `false`, so that it can be switched on later.
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG`
 */
export function faultInjection(
  policy: StandaloneFaultPolicy | false,
  options: PolicyOptions = {},
): StandaloneFaultInjection {
  const { clock, name, random } = commonOptions(options, "faultInjection");
  const injector = new FaultInjector(resolved(policy), random);
  const stage = new FaultStage(injector, clock, name);
  return policyOf<never, Omit<StandaloneFaultInjection, "execute">>([stage], {
    update: (next) => {
      injector.update(resolved(next));
    },
    inspect: () => stage.inspect(),
  });
}

function resolved(policy: StandaloneFaultPolicy | false): ResolvedFault | false {
  if (policy === false) return false;
  const path = "faultInjection";
  const { abort } = checkObject(policy ?? null, path, keys, true);
  if (abort !== undefined) checkObject(abort, `${path}.abort`, ["kind", "percent"]);
  const { behaviour, enabled, outcome } = policy;
  // What is not a function is left to be refused.
  return resolveFault(
    {
      ...policy,
      enabled: typeof enabled === "function" ? (of: FaultSubject) => enabled(execution(of)) : enabled,
      behaviour:
        typeof behaviour === "function"
          ? (of: FaultSubject, signal: AbortSignal) => behaviour(execution(of), signal)
          : behaviour,
      outcome: typeof outcome === "function" ? (of: FaultSubject) => outcome(execution(of)) : outcome,
    },
    path,
  );
}

function execution({ attempt, path }: FaultSubject): FaultedExecution {
  return { key: path, attempt };
}

class FaultStage implements Stage {
  readonly clock: Clock;
  readonly #injector: FaultInjector;
  readonly #name: string;
  #injected = 0;

  constructor(injector: FaultInjector, clock: Clock, name: string) {
    this.#injector = injector;
    this.clock = clock;
    this.#name = name;
  }

  inspect(): FaultPolicyView {
    const isOn = this.#injector.policy !== false;
    return { kind: "faultInjection", name: this.#name, isOn, injected: this.#injected };
  }

  run(of: Execution, next: Next): unknown {
    if (this.#injector.policy === false) return next(of);
    const subject = { method: "", path: of.call.key ?? "", headers: [], attempt: of.attempt };
    const injection = this.#injector.decide(subject);
    if (injection === undefined) return next(of);
    this.#injected++;
    return this.#inject(injection, subject, of, next);
  }

  async #inject(
    { abort, behaviour, delayMs }: Injection,
    subject: FaultSubject,
    of: Execution,
    next: Next,
  ): Promise<unknown> {
    // A fault stands for what is called, so whoever judges it is to take it for that.
    of.begin();
    if (delayMs > 0) await this.#delay(delayMs, of);
    if (behaviour !== undefined) await behaviour(subject, of.signal);
    if (abort === undefined) return next(of);
    if (abort instanceof Error) throw abort;
    if (abort === "timeout") await this.#delay(Infinity, of);
    throw faultError(abort === "refuse" ? "refuse" : "reset", this.#name);
  }

  /** Waits, but never beyond the deadline. */
  async #delay(ms: number, { deadline, signal }: Execution): Promise<void> {
    const leftMs = deadline - this.clock.now();
    const waitMs = Math.min(ms, Math.max(0, leftMs));
    if (waitMs === Infinity) await aborted(signal);
    else await sleep(this.clock, waitMs, signal);
    if (ms >= leftMs) throw timeoutError(this.#name, waitMs, "total");
  }
}

/** Rejects when the signal aborts, and not before. */
function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    else {
      signal.addEventListener(
        "abort",
        () => {
          reject(signal.reason);
        },
        { once: true },
      );
    }
  });
}

/** What an injected abort ends an attempt with. */
function faultError(kind: Exclude<AbortKind, "timeout">, name: string): ProxylessError {
  const isRefused = kind === "refuse";
  const what = isRefused ? "connection refused" : "connection reset";
  return new ProxylessError(
    isRefused ? "ERR_PROXYLESS_CONNECT" : "ERR_PROXYLESS_RESET",
    `${name}: ${what} (injected fault)`,
    { service: name, flag: "FI", phase: isRefused ? "connect" : "sent", retryable: true },
  );
}
