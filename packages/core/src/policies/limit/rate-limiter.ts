import type { Clock, TimerHandle } from "../../clock.ts";
import type { GateListener } from "./bulkhead.ts";
import type { ResolvedRateLimit } from "./rate-limit-policy.ts";
import { refusal } from "./refusal.ts";
import type { Refusal } from "./refusal.ts";
import { TokenBucket } from "./token-bucket.ts";
import { WaitingLine } from "./waiting-line.ts";
import type { Waiter } from "./waiting-line.ts";

/** How many buckets a new key looks at for one that nobody would miss. */
const lookAt = 4;
/** Everybody waits at the same level: tokens are given in order of arrival. */
const level = 0;

/** The bucket of a key and those who wait for its tokens. */
interface Lane<T> {
  readonly bucket: TokenBucket;
  readonly line: WaitingLine<T>;
  timer: TimerHandle | undefined;
  /** Used since the eviction last came by. */
  used: boolean;
}

/** Somebody's place at a rate limiter. */
export interface RateWaiter<T> {
  readonly lane: Lane<T>;
  readonly waiter: Waiter<T>;
}

/** What stands in a rate limiter. */
export interface RateLimiterState {
  readonly tokensPerSecond: number;
  readonly burst: number;
  /** What is in the bucket; absent where every key has one. */
  readonly tokens?: number;
  readonly keys: number;
  readonly queued: number;
}

/**
 * A token bucket, or one per key. Who waits has the only timer of its bucket. Keys are not dropped by a timer: a new key drops
 * some old ones whose buckets are full again, for those are like new ones.
 */
export class RateLimiter<T> {
  #policy: ResolvedRateLimit;
  readonly #clock: Clock;
  readonly #listener: GateListener<T>;
  readonly #lanes = new Map<string, Lane<T>>();
  #queued = 0;

  constructor(policy: ResolvedRateLimit, clock: Clock, listener: GateListener<T>) {
    this.#policy = policy;
    this.#clock = clock;
    this.#listener = listener;
  }

  /** Takes a token, if there is one and nobody waits for it. */
  take(key: string | undefined, now: number): boolean {
    const lane = this.#lane(key, now);
    return lane.line.size === 0 && lane.bucket.take(now);
  }

  /**
   * Waits for a token that {@link take} did not give.
   * @param waitMs at most so long, besides the policy's own limit; Infinity where there is no deadline
   * @returns its place, or the refusal that says when there may be a token
   */
  wait(of: T, key: string | undefined, now: number, waitMs: number): RateWaiter<T> | Refusal {
    const lane = this.#lane(key, now);
    const { line } = lane;
    const due = lane.bucket.waitFor(line.size + 1, now);
    const most = Math.min(this.#policy.maxWaitMs, waitMs);
    if (due > most || most <= 0) return refusal("rate_limit", Math.max(due, 1));
    const waiter = line.join(of, level, now + most, now);
    this.#queued++;
    if (line.size === 1) this.#arm(lane, now);
    return { lane, waiter };
  }

  /** Ends the wait of somebody who no longer wants to; those behind move up. `false` where it is over already. */
  cancel(place: RateWaiter<T>): boolean {
    const { lane, waiter } = place;
    if (!lane.line.leave(waiter)) return false;
    this.#queued--;
    // The timer is for the next token, whoever gets it.
    if (lane.line.size === 0) this.#disarm(lane);
    return true;
  }

  /** Takes another policy. Tokens stay, up to the new burst; who waits goes on waiting, as long as was said at first. */
  update(policy: ResolvedRateLimit, now: number): void {
    const { perKey } = this.#policy;
    this.#policy = policy;
    for (const lane of this.#lanes.values()) {
      lane.bucket.update(policy.tokensPerSecond, policy.burst, now);
      this.#serve(lane, now);
    }
    // The buckets of keys and the one of all have nothing to do with each other.
    if (perKey !== policy.perKey) this.#lanes.clear();
    while (this.#lanes.size > policy.maxKeys) this.#evict();
  }

  /** Lets everybody go who waits: there is no rate limit any more. */
  open(now: number): void {
    for (const lane of this.#lanes.values()) {
      this.#disarm(lane);
      while (lane.line.size > 0) this.#admit(lane, now);
    }
  }

  inspect(now: number): RateLimiterState {
    const { burst, perKey, tokensPerSecond } = this.#policy;
    const shared = { tokensPerSecond, burst, keys: this.#lanes.size, queued: this.#queued };
    if (perKey) return shared;
    return { ...shared, tokens: this.#lanes.get("")?.bucket.tokens(now) ?? burst };
  }

  #lane(key: string | undefined, now: number): Lane<T> {
    const { burst, maxKeys, perKey, tokensPerSecond } = this.#policy;
    const name = perKey ? (key ?? "") : "";
    const found = this.#lanes.get(name);
    if (found !== undefined) {
      found.used = true;
      return found;
    }
    this.#dropIdle(burst, now);
    if (this.#lanes.size >= maxKeys) this.#evict();
    const lane: Lane<T> = {
      bucket: new TokenBucket(tokensPerSecond, burst, now),
      line: new WaitingLine(this.#clock, (of, at) => {
        this.#queued--;
        if (lane.line.size === 0) this.#disarm(lane);
        // Its token may be due at the very moment its time is over.
        if (lane.bucket.take(at)) this.#listener.admitted(of, at);
        else this.#listener.refused(of, "rate_limit", at);
      }),
      timer: undefined,
      used: false,
    };
    this.#lanes.set(name, lane);
    return lane;
  }

  /** Drops the oldest keys whose buckets are full: they lose nothing by it. */
  #dropIdle(burst: number, now: number): void {
    let looks = lookAt;
    for (const [name, lane] of this.#lanes) {
      if (looks-- === 0 || lane.line.size > 0 || lane.bucket.tokens(now) < burst) return;
      this.#lanes.delete(name);
    }
  }

  /**
   * Drops a key that was not used lately (the clock algorithm: one that was is passed over once). Where somebody waits at every
   * one, it is the first: its waiters keep their bucket and get their tokens from it, though nobody else finds it any more.
   */
  #evict(): void {
    let looks = 2 * this.#lanes.size;
    for (const [name, lane] of this.#lanes) {
      this.#lanes.delete(name);
      if ((!lane.used && lane.line.size === 0) || looks-- <= 0) return;
      lane.used = false;
      this.#lanes.set(name, lane);
    }
  }

  #arm(lane: Lane<T>, now: number): void {
    const ms = lane.bucket.waitFor(1, now);
    lane.timer = this.#clock.setTimer((due) => this.#due(due), ms, lane);
  }

  #disarm(lane: Lane<T>): void {
    if (lane.timer !== undefined) this.#clock.clearTimer(lane.timer);
    lane.timer = undefined;
  }

  #due(lane: Lane<T>): void {
    lane.timer = undefined;
    this.#serve(lane, this.#clock.now());
  }

  /** Gives what tokens there are to those who wait, and sees to it that the next one gets his. */
  #serve(lane: Lane<T>, now: number): void {
    this.#disarm(lane);
    while (lane.line.size > 0 && lane.bucket.take(now)) this.#admit(lane, now);
    if (lane.line.size > 0 && lane.timer === undefined) this.#arm(lane, now);
  }

  #admit(lane: Lane<T>, now: number): void {
    const of = lane.line.next(Infinity);
    if (of === undefined) return;
    this.#queued--;
    this.#listener.admitted(of, now);
  }
}
