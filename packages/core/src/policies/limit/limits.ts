import type { Clock } from "../../clock.ts";
import type { Outcome } from "../../events.ts";
import type { Random } from "../../random.ts";
import { AdaptiveLimiter } from "./adaptive-concurrency/adaptive-limiter.ts";
import type { AdaptiveLimiterState } from "./adaptive-concurrency/adaptive-limiter.ts";
import { AdaptiveThrottle } from "./adaptive-throttling.ts";
import type { AdaptiveThrottleState } from "./adaptive-throttling.ts";
import { Bulkhead } from "./bulkhead.ts";
import type { BulkheadState, GateListener } from "./bulkhead.ts";
import { levelOf } from "./criticality.ts";
import type { Criticality } from "./criticality.ts";
import type { ResolvedLimits } from "./limits-policy.ts";
import { RateLimiter } from "./rate-limiter.ts";
import type { RateLimiterState, RateWaiter } from "./rate-limiter.ts";
import { refusal } from "./refusal.ts";
import type { Refusal, RefusalReason } from "./refusal.ts";
import type { Waiter } from "./waiting-line.ts";

/** A call that asks to be let through. */
export interface LimitRequest {
  /** Whose calls are counted together where there is a rate limit per key. */
  readonly key?: string | undefined;
  readonly criticality: Criticality;
  /** Is told, once, what became of the call when it was {@link Queued}; never before {@link Limits.ask} has returned. */
  onReady(answer: Permit | Refusal, now: number): void;
}

/** What stands in the limits of a service or route; what is not limited is absent. */
export interface LimitsState {
  readonly rateLimit?: RateLimiterState;
  readonly adaptiveThrottling?: AdaptiveThrottleState;
  readonly adaptiveConcurrency?: AdaptiveLimiterState;
  readonly bulkhead?: BulkheadState;
}

/**
 * Everything that may refuse a call of a service or route before it is sent: the rate limit, then the throttle, then the limit of
 * calls in flight, the cheapest first. A call that is refused further on has used its token.
 *
 * A call without a wait costs a permit and nothing else; what is off is not there.
 */
export class Limits {
  readonly #clock: Clock;
  readonly #random: Random;
  #rate: RateLimiter<Queued> | undefined;
  #throttle: AdaptiveThrottle | undefined;
  #adaptive: AdaptiveLimiter<Queued> | undefined;
  #bulkhead: Bulkhead<Queued> | undefined;

  constructor(policy: ResolvedLimits, deps: { readonly clock: Clock; readonly random: Random }) {
    this.#clock = deps.clock;
    this.#random = deps.random;
    this.update(policy, deps.clock.now());
  }

  /**
   * Asks for a call to be let through.
   * @param now monotonic milliseconds
   * @param waitMs how long it may wait at most, as a rule until its deadline; 0 for not at all, Infinity for no deadline
   * @returns a permit, which must be released; a refusal; or a place in a line, of which `request.onReady` will hear
   */
  ask(request: LimitRequest, now: number, waitMs: number): Permit | Refusal | Queued {
    const rate = this.#rate;
    if (rate !== undefined && !rate.take(request.key, now)) {
      const queued = new Queued(this, request, now + waitMs);
      const place = rate.wait(queued, request.key, now, waitMs);
      if ("kind" in place) return place;
      queued.rate = rate;
      queued.ratePlace = place;
      return queued;
    }
    return this.#enter(request, undefined, now, waitMs);
  }

  /**
   * Takes another policy. What was counted and learned stays, calls in flight stay, and so do those who wait, unless what they
   * wait for is gone: then they go on.
   */
  update(policy: ResolvedLimits, now: number): void {
    const { adaptiveConcurrency, adaptiveThrottling, bulkhead, rateLimit } = policy;
    const { adaptive: oldAdaptive, bulkhead: oldBulkhead, rate: oldRate } = this.#parts();
    if (rateLimit === false) this.#rate = undefined;
    else if (oldRate === undefined) this.#rate = new RateLimiter(rateLimit, this.#clock, rateListener);
    else oldRate.update(rateLimit, now);

    if (adaptiveThrottling === false) this.#throttle = undefined;
    else if (this.#throttle === undefined)
      this.#throttle = new AdaptiveThrottle(adaptiveThrottling, this.#random, now);
    else this.#throttle.update(adaptiveThrottling, now);

    if (adaptiveConcurrency === false) this.#adaptive = undefined;
    else if (oldAdaptive === undefined)
      this.#adaptive = new AdaptiveLimiter(adaptiveConcurrency, this.#clock, this.#random, adaptiveListener);
    else oldAdaptive.update(adaptiveConcurrency, now);

    if (bulkhead === false) this.#bulkhead = undefined;
    else if (oldBulkhead === undefined)
      this.#bulkhead = new Bulkhead(bulkhead, this.#clock, bulkheadListener);
    else oldBulkhead.update(bulkhead, now);

    // Last: whoever has waited for a token and is let go now meets what is there now.
    if (rateLimit === false) oldRate?.open(now);
    if (adaptiveConcurrency === false) oldAdaptive?.open(now);
    if (bulkhead === false) oldBulkhead?.open(now);
  }

  inspect(now: number): LimitsState {
    return {
      ...(this.#rate !== undefined && { rateLimit: this.#rate.inspect(now) }),
      ...(this.#throttle !== undefined && { adaptiveThrottling: this.#throttle.inspect(now) }),
      ...(this.#adaptive !== undefined && { adaptiveConcurrency: this.#adaptive.inspect() }),
      ...(this.#bulkhead !== undefined && { bulkhead: this.#bulkhead.inspect() }),
    };
  }

  /**
   * A call has its token: what else is there in its way?
   * @param queued its place, where it has waited before
   * @internal
   */
  proceed(queued: Queued, now: number): void {
    const answer = this.#enter(queued.request, queued, now, queued.expiresAt - now);
    if (answer !== queued) queued.settle(answer, now);
  }

  #enter(
    request: LimitRequest,
    queued: Queued | undefined,
    now: number,
    waitMs: number,
  ): Permit | Refusal | Queued {
    const level = levelOf(request.criticality);
    const throttle = this.#throttle;
    if (throttle !== undefined) {
      const retryAfterMs = throttle.ask(level, now);
      if (retryAfterMs >= 0) return refusal("throttled", retryAfterMs);
    }
    const adaptive = this.#adaptive;
    if (adaptive !== undefined) {
      if (adaptive.enter(now)) return new Permit(level, throttle, adaptive, undefined);
      const waiting = queued ?? new Queued(this, request, now + waitMs);
      const place = adaptive.wait(waiting, level, now, waitMs);
      if (typeof place === "string") return refusal(place);
      return waiting.at(adaptive, place, level, throttle);
    }
    const bulkhead = this.#bulkhead;
    if (bulkhead === undefined || bulkhead.enter()) return new Permit(level, throttle, undefined, bulkhead);
    const waiting = queued ?? new Queued(this, request, now + waitMs);
    const place = bulkhead.wait(waiting, level, now, waitMs);
    if (typeof place === "string") return refusal(place);
    return waiting.at(bulkhead, place, level, throttle);
  }

  #parts(): {
    readonly rate: RateLimiter<Queued> | undefined;
    readonly adaptive: AdaptiveLimiter<Queued> | undefined;
    readonly bulkhead: Bulkhead<Queued> | undefined;
  } {
    return { rate: this.#rate, adaptive: this.#adaptive, bulkhead: this.#bulkhead };
  }
}

/** A call may be sent. Release it when the call has ended, whatever became of it. */
export class Permit {
  readonly #level: number;
  #throttle: AdaptiveThrottle | undefined;
  #adaptive: AdaptiveLimiter<Queued> | undefined;
  #bulkhead: Bulkhead<Queued> | undefined;
  readonly #startedWith: number;
  readonly #full: boolean;

  /** @internal */
  constructor(
    level: number,
    throttle: AdaptiveThrottle | undefined,
    adaptive: AdaptiveLimiter<Queued> | undefined,
    bulkhead: Bulkhead<Queued> | undefined,
  ) {
    this.#level = level;
    this.#throttle = throttle;
    this.#adaptive = adaptive;
    this.#bulkhead = bulkhead;
    this.#startedWith = adaptive === undefined ? 0 : adaptive.inFlight;
    this.#full = adaptive !== undefined && adaptive.full;
  }

  get kind(): "permit" {
    return "permit";
  }

  /**
   * The call has ended. The first time counts; after that nothing happens.
   * @param outcome `ignored` for a call of which nothing can be concluded: its caller gave up, it was never sent
   * @param latencyMs what the service took: without waits in this process, back-off and earlier attempts
   * @param retryAfterMs what the service asked to wait, when the outcome is `overload`; 0 for nothing
   */
  release(outcome: Outcome, latencyMs: number, now: number, retryAfterMs = 0): void {
    const throttle = this.#throttle;
    const adaptive = this.#adaptive;
    const bulkhead = this.#bulkhead;
    this.#throttle = undefined;
    this.#adaptive = undefined;
    this.#bulkhead = undefined;
    if (throttle !== undefined) throttle.record(this.#level, outcome, retryAfterMs, now);
    if (adaptive !== undefined) adaptive.release(outcome, latencyMs, this.#startedWith, this.#full, now);
    if (bulkhead !== undefined) bulkhead.release(now);
  }
}

/** A call waits. Its request will hear what became of it, unless it is cancelled before. */
export class Queued {
  /** @internal */
  readonly request: LimitRequest;
  /** @internal */
  readonly expiresAt: number;
  /** @internal */
  rate: RateLimiter<Queued> | undefined;
  /** @internal */
  ratePlace: RateWaiter<Queued> | undefined;
  readonly #limits: Limits;
  #gate: AdaptiveLimiter<Queued> | Bulkhead<Queued> | undefined;
  #place: Waiter<Queued> | undefined;
  #level = 0;
  #throttle: AdaptiveThrottle | undefined;

  /** @internal */
  constructor(limits: Limits, request: LimitRequest, expiresAt: number) {
    this.#limits = limits;
    this.request = request;
    this.expiresAt = expiresAt;
  }

  get kind(): "queued" {
    return "queued";
  }

  /** The call no longer wants to be sent. Its request hears nothing more; without effect once it has heard. */
  cancel(): void {
    if (this.ratePlace !== undefined) this.rate?.cancel(this.ratePlace);
    if (this.#place !== undefined) this.#gate?.cancel(this.#place);
  }

  /** @internal */
  at(
    gate: AdaptiveLimiter<Queued> | Bulkhead<Queued>,
    place: Waiter<Queued>,
    level: number,
    throttle: AdaptiveThrottle | undefined,
  ): this {
    this.ratePlace = undefined;
    this.#gate = gate;
    this.#place = place;
    this.#level = level;
    this.#throttle = throttle;
    return this;
  }

  /** @internal */
  hasToken(now: number): void {
    this.#limits.proceed(this, now);
  }

  /** @internal */
  admitted(now: number): void {
    const gate = this.#gate;
    const permit =
      gate instanceof AdaptiveLimiter
        ? new Permit(this.#level, this.#throttle, gate, undefined)
        : new Permit(this.#level, this.#throttle, undefined, gate);
    this.settle(permit, now);
  }

  /** @internal */
  settle(answer: Permit | Refusal | Queued, now: number): void {
    if (!(answer instanceof Queued)) this.request.onReady(answer, now);
  }
}

const rateListener: GateListener<Queued> = {
  admitted: (queued, now) => {
    queued.hasToken(now);
  },
  refused: refuse,
};

const adaptiveListener: GateListener<Queued> = { admitted: admit, refused: refuse };
const bulkheadListener: GateListener<Queued> = adaptiveListener;

function admit(queued: Queued, now: number): void {
  queued.admitted(now);
}

function refuse(queued: Queued, why: RefusalReason, now: number): void {
  queued.settle(refusal(why), now);
}
