import type { Clock } from "../../../src/clock.ts";
import type { Criticality } from "../../../src/policies/limit/criticality.ts";
import type { ResolvedLimits } from "../../../src/policies/limit/limits-policy.ts";
import { Limits, Permit, Queued } from "../../../src/policies/limit/limits.ts";
import type { Refusal } from "../../../src/policies/limit/refusal.ts";
import { seededRandom } from "../../../src/random.ts";

/** An open loop in front of a server with workers and a queue of any length. */
export interface World {
  readonly workers: number;
  readonly meanMs: number;
  /** Of the lognormal service time. */
  readonly sigma: number;
  readonly seed: number;
  readonly endMs: number;
  /** Arrivals by what the server can do. */
  readonly load: (atMs: number) => number;
  readonly maxLoad: number;
  /** Service times are so many times as long. */
  readonly factor?: (atMs: number) => number;
  readonly criticality?: (draw: number) => Criticality;
  /** The server refuses, within a millisecond, what would make its queue longer than this. */
  readonly serverQueue?: number;
}

/** What became of a call. */
export interface Fate {
  readonly atMs: number;
  readonly load: number;
  /** From the arrival to the answer, or to the refusal. */
  readonly ms: number;
  readonly fate: "answered" | "shed" | "refused by the server";
  readonly criticality: Criticality;
}

interface Call {
  readonly atMs: number;
  readonly criticality: Criticality;
  permit: Permit | undefined;
  sentMs: number;
  refused: boolean;
  onReady(answer: Permit | Refusal, now: number): void;
}

/** Nobody waits for a time in these worlds. */
const clock: Clock = {
  now: () => 0,
  wallNow: () => 0,
  setTimer: () => {
    throw new Error("a timer was set");
  },
  clearTimer: () => {
    throw new Error("a timer was cleared");
  },
};

/** Plays a world, call by call. */
export function play(
  world: World,
  policy: ResolvedLimits,
): { readonly fates: readonly Fate[]; readonly limits: Limits } {
  const { criticality, factor, load, maxLoad, meanMs, seed, serverQueue = Infinity, sigma, workers } = world;
  const random = seededRandom(seed);
  const limits = new Limits(policy, { clock, random: seededRandom(seed + 1_000) });
  const fates: Fate[] = [];
  const ends = new Ends<Call>();
  const waiting: Call[] = [];
  let head = 0;
  let busy = 0;

  const settle = (call: Call, fate: Fate["fate"], now: number): void => {
    const { atMs } = call;
    fates.push({ atMs, load: load(atMs), ms: now - atMs, fate, criticality: call.criticality });
  };
  const work = (call: Call, now: number): void => {
    const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
    const ms = meanMs * Math.exp(sigma * normal - (sigma * sigma) / 2) * (factor?.(now) ?? 1);
    busy++;
    ends.add(now + ms, call);
  };
  const send = (call: Call, permit: Permit, now: number): void => {
    call.permit = permit;
    call.sentMs = now;
    if (busy < workers) work(call, now);
    else if (waiting.length - head < serverQueue) waiting.push(call);
    else {
      call.refused = true;
      ends.add(now + 1, call);
    }
  };

  const perMs = (maxLoad * workers) / meanMs;
  let next = -Math.log(1 - random()) / perMs;
  while (next <= world.endMs || ends.size > 0) {
    if (next <= world.endMs && next < ends.first) {
      const now = next;
      next += -Math.log(1 - random()) / perMs;
      if (random() * maxLoad >= load(now)) continue;
      const call: Call = {
        atMs: now,
        criticality: criticality?.(random()) ?? "critical",
        permit: undefined,
        sentMs: 0,
        refused: false,
        onReady(answer, at) {
          if (answer instanceof Permit) send(call, answer, at);
          else settle(call, "shed", at);
        },
      };
      const answer = limits.ask(call, now, Infinity);
      if (!(answer instanceof Queued)) call.onReady(answer, now);
    } else {
      const now = ends.first;
      const call = ends.take();
      if (call.refused) {
        settle(call, "refused by the server", now);
        call.permit?.release("overload", now - call.sentMs, now);
        continue;
      }
      busy--;
      const after = waiting[head];
      if (after !== undefined) {
        head++;
        work(after, now);
        if (head > 10_000) {
          waiting.splice(0, head);
          head = 0;
        }
      }
      settle(call, "answered", now);
      call.permit?.release("success", now - call.sentMs, now);
    }
  }
  return { fates, limits };
}

/** What ends next: a binary heap. */
class Ends<T> {
  readonly #times: number[] = [];
  readonly #items: T[] = [];

  get size(): number {
    return this.#times.length;
  }

  get first(): number {
    return this.#times[0] ?? Infinity;
  }

  add(time: number, item: T): void {
    let at = this.size;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (this.#times[parent]! <= time) break;
      this.#put(at, this.#times[parent]!, this.#items[parent]!);
      at = parent;
    }
    this.#put(at, time, item);
  }

  take(): T {
    const first = this.#items[0]!;
    const time = this.#times.pop()!;
    const item = this.#items.pop()!;
    const { size } = this;
    if (size === 0) return first;
    let at = 0;
    for (let child = 1; child < size; child = 2 * at + 1) {
      if (child + 1 < size && this.#times[child + 1]! < this.#times[child]!) child++;
      if (this.#times[child]! >= time) break;
      this.#put(at, this.#times[child]!, this.#items[child]!);
      at = child;
    }
    this.#put(at, time, item);
    return first;
  }

  #put(at: number, time: number, item: T): void {
    this.#times[at] = time;
    this.#items[at] = item;
  }
}

/** @param share 0.99 for the p99 */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}

/** The p99 of the service time itself. */
export function unloadedP99({ meanMs, sigma }: World): number {
  return meanMs * Math.exp(2.3263 * sigma - (sigma * sigma) / 2);
}

/**
 * Of equal stretches of time, the one with the least answers by what it could have had: what was offered, though never more
 * than the capacity at a time. Stretches with less than half of the capacity on offer are left out: hardly anybody waits
 * there, and chance would decide.
 */
export function worstGoodput(world: World, fates: readonly Fate[], stretchMs: number): number {
  const count = Math.floor(world.endMs / stretchMs);
  const offered = Array.from<number>({ length: count }).fill(0);
  const answered = Array.from<number>({ length: count }).fill(0);
  for (const { atMs, fate, ms } of fates) {
    const came = Math.floor(atMs / stretchMs);
    const went = Math.floor((atMs + ms) / stretchMs);
    if (came < count) offered[came]!++;
    if (fate === "answered" && went < count) answered[went]!++;
  }
  const capacity = (world.workers / world.meanMs) * stretchMs;
  const steps = 100;
  const shares = answered.map((good, index) => {
    let could = 0;
    for (let i = 0.5; i < steps; i++)
      could += Math.min(1, world.load((index + i / steps) * stretchMs)) / steps;
    return could < 0.5 ? 1 : good / Math.min(offered[index]!, could * capacity);
  });
  return Math.min(...shares);
}
