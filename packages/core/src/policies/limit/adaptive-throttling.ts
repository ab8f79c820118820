import type { Outcome } from "../../events.ts";
import type { Random } from "../../random.ts";
import type { ResolvedAdaptiveThrottling } from "./adaptive-throttling-policy.ts";
import { criticalities, levels } from "./criticality.ts";

const buckets = 12;
/** So many callers that were told the same time must not come back at the same moment: up to a fifth later. */
const jitter = 0.2;

/** What stands in a throttle. */
export interface AdaptiveThrottleState {
  /** Calls of the window, those that the service took, and the share that is held back, by criticality. */
  readonly levels: Readonly<
    Record<string, { readonly requests: number; readonly accepts: number; readonly rejection: number }>
  >;
  /** For so many more milliseconds it is what the service asked for that counts; 0 for no longer. */
  readonly sheddingForMs: number;
}

/**
 * Holds calls back by chance where the service refuses much: of the window's `requests` it took `accepts`, and a call is refused
 * here with probability `max(0, (requests − k × accepts) / (requests + 1))`. After "Client-Side Throttling" in Google's
 * SRE book, which keeps the levels of criticality apart as well. Everything it remembers are twelve counts of each kind and
 * level, turned over when a call comes.
 */
export class AdaptiveThrottle {
  #policy: ResolvedAdaptiveThrottling;
  readonly #random: Random;
  readonly #requests = new Float64Array(buckets * levels);
  readonly #accepts = new Float64Array(buckets * levels);
  readonly #requestSums = new Float64Array(levels);
  readonly #acceptSums = new Float64Array(levels);
  #slot = 0;
  #slotEnd: number;
  #shedUntil = -Infinity;

  constructor(policy: ResolvedAdaptiveThrottling, random: Random, now: number) {
    this.#policy = policy;
    this.#random = random;
    this.#slotEnd = now + policy.windowMs / buckets;
  }

  /**
   * Whether a call may be sent. One that may not counts as a request at once, one that may when it has ended: calls in flight
   * say nothing yet, and a burst of them must not look like one that is refused.
   * @returns -1 where it may; else for how many milliseconds it had better not ask again, 0 for not known
   */
  ask(level: number, now: number): number {
    const retryAfterMs = this.#judge(level, now);
    if (retryAfterMs >= 0) this.#count(this.#requests, this.#requestSums, level);
    return retryAfterMs;
  }

  #judge(level: number, now: number): number {
    const rejection = this.rejection(level, now);
    const { rampMs, shedFrom } = this.#policy;
    if (level >= shedFrom && now < this.#shedUntil + rampMs) {
      const left = this.#shedUntil - now;
      if (left > 0) return left;
      if (this.#random() * rampMs >= -left) return rampMs + left;
    }
    return rejection > 0 && this.#random() < rejection ? 0 : -1;
  }

  /**
   * A call that was sent has ended. Whatever the service did with it, it took it, unless it refused it for overload. One that is
   * `ignored` counts for nothing.
   * @param retryAfterMs what it asked to wait then; 0 for nothing
   */
  record(level: number, outcome: Outcome, retryAfterMs: number, now: number): void {
    if (outcome === "ignored") return;
    if (now >= this.#slotEnd) this.#turn(now);
    this.#count(this.#requests, this.#requestSums, level);
    if (outcome !== "overload") this.#count(this.#accepts, this.#acceptSums, level);
    else if (retryAfterMs > 0) this.#shed(retryAfterMs, now);
  }

  #count(counts: Float64Array, sums: Float64Array, level: number): void {
    counts[this.#slot * levels + level]!++;
    sums[level]!++;
  }

  /** The share of calls that is held back now, 0 to 1, leaving aside what a `Retry-After` asks for. */
  rejection(level: number, now: number): number {
    if (now >= this.#slotEnd) this.#turn(now);
    const requests = this.#requestSums[level]!;
    if (requests < this.#policy.minRequests) return 0;
    return Math.max(0, (requests - this.#policy.k[level]! * this.#acceptSums[level]!) / (requests + 1));
  }

  /** Takes another policy. What was counted stays; a window of another length fills anew as the old counts leave. */
  update(policy: ResolvedAdaptiveThrottling, now: number): void {
    if (now >= this.#slotEnd) this.#turn(now);
    this.#policy = policy;
    this.#slotEnd = Math.min(this.#slotEnd, now + policy.windowMs / buckets);
  }

  inspect(now: number): AdaptiveThrottleState {
    const found = criticalities.map((name, level) => {
      const rejection = this.rejection(level, now);
      return [
        name,
        { requests: this.#requestSums[level]!, accepts: this.#acceptSums[level]!, rejection },
      ] as const;
    });
    return { levels: Object.fromEntries(found), sheddingForMs: Math.max(0, this.#shedUntil - now) };
  }

  #shed(retryAfterMs: number, now: number): void {
    const ms = Math.min(retryAfterMs, this.#policy.maxRetryAfterMs);
    this.#shedUntil = Math.max(this.#shedUntil, now + ms * (1 + jitter * this.#random()));
  }

  #turn(now: number): void {
    const width = this.#policy.windowMs / buckets;
    const turns = Math.floor((now - this.#slotEnd) / width) + 1;
    for (let i = Math.min(turns, buckets); i > 0; i--) {
      this.#slot = (this.#slot + 1) % buckets;
      for (let level = 0; level < levels; level++) {
        const at = this.#slot * levels + level;
        this.#requestSums[level]! -= this.#requests[at]!;
        this.#acceptSums[level]! -= this.#accepts[at]!;
        this.#requests[at] = 0;
        this.#accepts[at] = 0;
      }
    }
    this.#slotEnd += turns * width;
  }
}
