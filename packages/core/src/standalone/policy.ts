import type { Clock } from "../clock.ts";
import type { Criticality } from "../context/criticality.ts";
import type { Random } from "../random.ts";

/** What a policy can be. */
export type PolicyKind =
  | "circuit"
  | "retry"
  | "timeout"
  | "hedge"
  | "bulkhead"
  | "rateLimit"
  | "adaptiveConcurrency"
  | "adaptiveThrottling"
  | "fallback"
  | "faultInjection";

/**
 * What a function learns of the attempt that it is called for. It is a `CallContext` as well: calls that a mesh makes in
 * `runWithContext(ctx, …)` end by its deadline and with its signal.
 */
export interface ExecuteContext {
  /** Aborts when nobody waits for this attempt any more. Made when it is first read: not reading it costs nothing. */
  readonly signal: AbortSignal;
  /** Which attempt of the call this is, retries and hedges counted together: 1 for the first. */
  readonly attempt: number;
  /** When the attempt must be over, in milliseconds of the policy's clock (`performance.now()` by default); `Infinity` for never. */
  readonly deadline: number;
  /** How much the call matters. */
  readonly criticality: Criticality;
}

/** What one call may say for itself. */
export interface ExecuteOptions {
  /** Ends the call: its waits at once, and the function by `ctx.signal`. Says nothing about what is called. */
  readonly signal?: AbortSignal | undefined;
  /** Whose calls are counted together by a rate limit per key. */
  readonly key?: string | undefined;
  /** What is shed last, and may go ahead in a queue; that of the context the call is made in by default, else `critical`. */
  readonly criticality?: Criticality | undefined;
  /**
   * The call must be over in so many milliseconds, 0 or more. As with the deadline of the context that the call is made in,
   * nothing is begun after it, and no wait and no timeout is longer; a function that runs is ended by a `timeout` only.
   */
  readonly deadlineMs?: number | undefined;
}

/** What a policy is called and where it gets time and chance. */
export interface PolicyOptions {
  /** What it protects, for errors and dumps (`orders-db`); the kind of the policy by default. */
  readonly name?: string | undefined;
  /** The system's by default. Policies that are composed must have the same. */
  readonly clock?: Clock | undefined;
  /** `Math.random` by default. */
  readonly random?: Random | undefined;
}

/** What counts as a failure. Not asked about calls that their caller gave up, and those that were refused in this process. */
export interface JudgingOptions extends PolicyOptions {
  /** Whether a thrown error is a failure; `false` for one that shows that all is well ("no such row"). Every one by default. */
  handle?(error: unknown): boolean;
  /** Whether a result is a failure; none by default. */
  isFailure?(result: unknown): boolean;
}

/** What a dump shows of every policy. */
export interface PolicyView {
  readonly kind: PolicyKind;
  readonly name: string;
}

/** Only for the type checker, which cannot read it off a generic method. */
declare const fallbackType: unique symbol;

/** What may come out of a policy instead of a function's own result. */
export type FallbackOf<P> = P extends { readonly [fallbackType]?: () => infer F } ? F : never;

/**
 * Something that calls go through.
 * @typeParam Fallback what may come instead of the function's own result
 */
export interface Policy<Fallback = never> {
  readonly [fallbackType]?: () => Fallback;
  /**
   * Calls `fn`, as often as the policy wants to: no time, once, or several times.
   * @returns what `fn` returns, or what comes instead of it
   * @throws what `fn` throws; the reason of a signal; ProxylessError where the policy itself ends the call
   */
  execute<T>(
    fn: (ctx: ExecuteContext) => T | Promise<T>,
    options?: ExecuteOptions,
  ): Promise<Awaited<T> | Fallback>;
  /** A plain dump of the policies that are in force, the outermost first. */
  inspect(): unknown;
}
