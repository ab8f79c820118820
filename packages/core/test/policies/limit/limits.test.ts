import { describe, expect, it } from "vitest";

import type { Criticality } from "../../../src/policies/limit/criticality.ts";
import { resolveLimits } from "../../../src/policies/limit/limits-policy.ts";
import type { LimitsPolicy } from "../../../src/policies/limit/limits-policy.ts";
import { Limits, Permit, Queued } from "../../../src/policies/limit/limits.ts";
import type { LimitRequest } from "../../../src/policies/limit/limits.ts";
import type { Refusal } from "../../../src/policies/limit/refusal.ts";
import { seededRandom } from "../../../src/random.ts";
import { StepClock } from "./step-clock.ts";

class Call implements LimitRequest {
  readonly key: string | undefined;
  readonly criticality: Criticality;
  readonly heard: (Permit | Refusal)[] = [];

  constructor(criticality: Criticality = "critical", key?: string) {
    this.criticality = criticality;
    this.key = key;
  }

  onReady(answer: Permit | Refusal): void {
    this.heard.push(answer);
  }
}

function rig(policy: LimitsPolicy): { readonly limits: Limits; readonly clock: StepClock } {
  const clock = new StepClock();
  return { clock, limits: new Limits(resolve(policy), { clock, random: seededRandom(1) }) };
}

function resolve(policy: LimitsPolicy): ReturnType<typeof resolveLimits> {
  return resolveLimits({ ...policy }, "");
}

function permitted(answer: Permit | Refusal | Queued | undefined): Permit {
  if (answer instanceof Permit) return answer;
  throw new Error(`no permit but ${JSON.stringify(answer)}`);
}

function queued(answer: Permit | Refusal | Queued): Queued {
  if (answer instanceof Queued) return answer;
  throw new Error("not queued");
}

const everything: LimitsPolicy = {
  rateLimit: { tokensPerSecond: 100, burst: 10, maxWaitMs: 50, perKey: true, maxKeys: 8 },
  adaptiveThrottling: {},
  bulkhead: { maxConcurrent: 2, maxQueue: 3, queueTimeoutMs: 40 },
};

describe("limits", () => {
  it("let everything through where there are none", () => {
    const { limits } = rig({});
    const permit = permitted(limits.ask(new Call(), 0, Infinity));
    permit.release("success", 5, 5);
    expect(limits.inspect(5)).toStrictEqual({});
  });

  it("refuse without a token first, and say when there will be one", () => {
    const { limits } = rig({ rateLimit: { tokensPerSecond: 10, burst: 1 }, bulkhead: { maxConcurrent: 1 } });
    permitted(limits.ask(new Call(), 0, Infinity));
    expect(limits.ask(new Call(), 0, Infinity)).toStrictEqual({
      kind: "refusal",
      why: "rate_limit",
      retryAfterMs: 100,
    });
    expect(limits.ask(new Call(), 100, Infinity)).toStrictEqual({ kind: "refusal", why: "concurrency" });
    expect(limits.inspect(100).rateLimit?.tokens).toBe(0);
  });

  it("count the calls of each key apart", () => {
    const { limits } = rig({ rateLimit: { tokensPerSecond: 1, perKey: true } });
    permitted(limits.ask(new Call("critical", "a"), 0, 0));
    permitted(limits.ask(new Call("critical", "b"), 0, 0));
    expect(limits.ask(new Call("critical", "a"), 0, 0)).toMatchObject({ why: "rate_limit" });
    permitted(limits.ask(new Call(), 0, 0));
    expect(limits.inspect(0).rateLimit).toStrictEqual({ tokensPerSecond: 1, burst: 1, keys: 3, queued: 0 });
  });

  it("keep no more keys than they may, and forget the idle ones first", () => {
    const { limits } = rig({ rateLimit: { tokensPerSecond: 1, burst: 1, perKey: true, maxKeys: 3 } });
    for (const key of ["a", "b", "c", "d"]) permitted(limits.ask(new Call("critical", key), 0, 0));
    expect(limits.inspect(0).rateLimit?.keys).toBe(3);
    expect(limits.ask(new Call("critical", "d"), 0, 0)).toMatchObject({ why: "rate_limit" });
    permitted(limits.ask(new Call("critical", "e"), 10_000, 0));
    expect(limits.inspect(10_000).rateLimit?.keys).toBe(1);
  });

  it("give tokens in order of arrival, also when a timer is late", () => {
    const { clock, limits } = rig({ rateLimit: { tokensPerSecond: 100, burst: 1, maxWaitMs: 1_000 } });
    permitted(limits.ask(new Call(), 0, Infinity));
    const [early, late] = [new Call(), new Call()];
    queued(limits.ask(early, 0, Infinity));
    clock.lag(15);
    queued(limits.ask(late, 15, Infinity));
    clock.pass(0);
    expect([early.heard.length, late.heard.length]).toStrictEqual([1, 0]);
  });

  it("let a call wait for a token and then for a place, and tell it once", () => {
    const { clock, limits } = rig({
      rateLimit: { tokensPerSecond: 100, burst: 1, maxWaitMs: 1_000 },
      bulkhead: { maxConcurrent: 1, maxQueue: 1, queueTimeoutMs: 1_000 },
    });
    const first = permitted(limits.ask(new Call(), 0, Infinity));
    const call = new Call();
    queued(limits.ask(call, 0, Infinity));
    expect(limits.inspect(0).rateLimit?.queued).toBe(1);
    clock.pass(10);
    expect(limits.inspect(10)).toMatchObject({ rateLimit: { queued: 0 }, bulkhead: { queued: 1 } });
    expect(call.heard).toStrictEqual([]);
    first.release("success", 20, 20);
    expect(call.heard).toHaveLength(1);
    permitted(call.heard[0]).release("success", 5, 25);
    expect(limits.inspect(25).bulkhead).toMatchObject({ inFlight: 0, queued: 0 });
    expect(clock.pending).toBe(0);
  });

  it("refuse who has waited too long, and never longer than the call may wait", () => {
    const { clock, limits } = rig({ bulkhead: { maxConcurrent: 1, maxQueue: 5, queueTimeoutMs: 100 } });
    permitted(limits.ask(new Call(), 0, Infinity));
    const [patient, hurried] = [new Call(), new Call()];
    queued(limits.ask(patient, 0, Infinity));
    queued(limits.ask(hurried, 0, 30));
    expect(limits.ask(new Call(), 0, 0)).toMatchObject({ why: "concurrency" });
    clock.pass(30);
    expect(hurried.heard).toStrictEqual([{ kind: "refusal", why: "queue_timeout" }]);
    expect(patient.heard).toStrictEqual([]);
    clock.pass(70);
    expect(patient.heard).toStrictEqual([{ kind: "refusal", why: "queue_timeout" }]);
    expect(clock.pending).toBe(0);
  });

  it("put out one that matters less for one that matters more", () => {
    const { limits } = rig({ bulkhead: { maxConcurrent: 1, maxQueue: 1 } });
    const held = permitted(limits.ask(new Call(), 0, Infinity));
    const [batch, user] = [new Call("sheddable"), new Call("critical_plus")];
    queued(limits.ask(batch, 0, Infinity));
    queued(limits.ask(user, 0, Infinity));
    expect(batch.heard).toStrictEqual([{ kind: "refusal", why: "queue_full" }]);
    expect(limits.ask(new Call(), 0, Infinity)).toMatchObject({ why: "queue_full" });
    held.release("success", 1, 1);
    expect(user.heard[0]).toBeInstanceOf(Permit);
  });

  it("forget a call that is cancelled, at either place", () => {
    const { clock, limits } = rig({
      rateLimit: { tokensPerSecond: 100, burst: 2, maxWaitMs: 1_000 },
      bulkhead: { maxConcurrent: 1, maxQueue: 5 },
    });
    const held = permitted(limits.ask(new Call(), 0, Infinity));
    const [atTheDoor, forToken, behind] = [new Call(), new Call(), new Call()];
    const places = [atTheDoor, forToken, behind].map((call) => queued(limits.ask(call, 0, Infinity)));
    places[0]!.cancel();
    places[1]!.cancel();
    places[1]!.cancel();
    clock.pass(10);
    held.release("success", 10, 10);
    expect(atTheDoor.heard).toStrictEqual([]);
    expect(forToken.heard).toStrictEqual([]);
    expect(behind.heard).toHaveLength(1);
    expect(clock.pending).toBe(0);
  });

  it("count a permit that is released twice once", () => {
    const { limits } = rig({ bulkhead: { maxConcurrent: 2 }, adaptiveThrottling: { minRequests: 0 } });
    const [one] = [permitted(limits.ask(new Call(), 0, 0)), permitted(limits.ask(new Call(), 0, 0))];
    one.release("success", 1, 1);
    one.release("overload", 1, 1, 60_000);
    expect(limits.inspect(1)).toMatchObject({
      bulkhead: { inFlight: 1 },
      adaptiveThrottling: { levels: { critical: { accepts: 1 } }, sheddingForMs: 0 },
    });
  });

  it("hold calls back that a service asked to be spared, and say for how long", () => {
    const { limits } = rig({ adaptiveThrottling: { maxRetryAfterMs: 5_000 } });
    permitted(limits.ask(new Call(), 0, 0)).release("overload", 1, 0, 60_000);
    const answer = limits.ask(new Call("sheddable"), 1_000, 0);
    expect(answer).toMatchObject({ kind: "refusal", why: "throttled" });
    expect(answer).toHaveProperty("retryAfterMs");
    permitted(limits.ask(new Call("critical_plus"), 1_000, 0));
  });
});

describe("limits that are swapped", () => {
  it("keep their counts, and the calls in flight and in the line", () => {
    const { limits } = rig({
      rateLimit: { tokensPerSecond: 1, burst: 5 },
      bulkhead: { maxConcurrent: 1, maxQueue: 3 },
    });
    const held = permitted(limits.ask(new Call(), 0, Infinity));
    const [first, second, third] = [new Call(), new Call(), new Call()];
    for (const call of [first, second, third]) queued(limits.ask(call, 0, Infinity));
    const wider = { maxConcurrent: 2, maxQueue: 1 };
    limits.update(resolve({ rateLimit: { tokensPerSecond: 1, burst: 5 }, bulkhead: wider }), 0);
    expect(first.heard[0]).toBeInstanceOf(Permit);
    expect(third.heard).toStrictEqual([{ kind: "refusal", why: "queue_full" }]);
    expect(second.heard).toStrictEqual([]);
    expect(limits.inspect(0)).toMatchObject({
      rateLimit: { tokens: 1 },
      bulkhead: { inFlight: 2, queued: 1 },
    });
    held.release("success", 1, 1);
    expect(second.heard).toHaveLength(1);
  });

  it("keep the learned limit, within new bounds", () => {
    const { limits } = rig({ adaptiveConcurrency: { initialLimit: 50 } });
    limits.update(resolve({ adaptiveConcurrency: { maxLimit: 30 } }), 0);
    expect(limits.inspect(0).adaptiveConcurrency).toMatchObject({ limit: 30 });
    limits.update(resolve({ adaptiveConcurrency: { maxLimit: 60, algorithm: "aimd" } }), 0);
    expect(limits.inspect(0).adaptiveConcurrency).toMatchObject({ limit: 30, algorithm: "aimd" });
  });

  it.each([
    ["a bulkhead", { bulkhead: { maxConcurrent: 1, maxQueue: 5 } }],
    ["an adaptive limit", { adaptiveConcurrency: { initialLimit: 1, maxLimit: 1 } }],
    ["a rate limit", { rateLimit: { tokensPerSecond: 1, burst: 1, maxWaitMs: 10_000 } }],
  ] as const)("let those go who wait for %s that is gone", (_what, policy) => {
    const { clock, limits } = rig(policy);
    const held = permitted(limits.ask(new Call(), 0, Infinity));
    class Quick extends Call {
      override onReady(answer: Permit | Refusal): void {
        super.onReady(answer);
        permitted(answer).release("success", 1, 0);
      }
    }
    const calls = [new Quick(), new Call(), new Quick(), new Call()];
    for (const call of calls) queued(limits.ask(call, 0, Infinity));
    limits.update(resolve({}), 0);
    for (const call of calls) permitted(call.heard[0]).release("success", 1, 1);
    held.release("success", 1, 1);
    expect(calls.map(({ heard }) => heard.length)).toStrictEqual([1, 1, 1, 1]);
    expect(limits.inspect(1)).toStrictEqual({});
    expect(clock.pending).toBe(0);
  });
});

describe("a hundred thousand calls", () => {
  it.each([
    ["everything with a bulkhead", everything],
    ["an adaptive limit", { adaptiveConcurrency: { maxLimit: 8, queueTimeoutMs: 50 } }],
  ] as const)("through %s leave nothing behind", (_what, policy) => {
    const { clock, limits } = rig(policy);
    const random = seededRandom(9);
    const levels = ["critical_plus", "critical", "sheddable_plus", "sheddable"] as const;
    const permits: Permit[] = [];
    const places: Queued[] = [];
    let asked = 0;
    let heard = 0;
    let cancelled = 0;
    class Counted extends Call {
      override onReady(answer: Permit | Refusal): void {
        heard++;
        if (answer instanceof Permit) permits.push(answer);
      }
    }
    let waiting = 0;
    while (asked < 100_000) {
      const draw = random();
      if (draw < 0.5) {
        asked++;
        const call = new Counted(levels[Math.floor(random() * 4)], `key ${Math.floor(random() * 50)}`);
        const answer = limits.ask(call, clock.now(), random() < 0.5 ? 20 : Infinity);
        if (answer instanceof Permit) permits.push(answer);
        else if (answer instanceof Queued) {
          waiting++;
          places.push(answer);
        }
      } else if (draw < 0.9) {
        const outcome = (["success", "success", "failure", "overload", "ignored"] as const)[
          Math.floor(random() * 5)
        ]!;
        permits.pop()?.release(outcome, 10 * random(), clock.now());
      } else if (draw < 0.92) {
        const before = heard;
        places.splice(Math.floor(random() * places.length), 1)[0]?.cancel();
        if (heard === before) cancelled++;
        if (places.length > 20) places.length = 0;
      } else clock.pass(5 * random());
    }
    clock.pass(1_000);
    while (permits.length > 0) {
      for (const permit of permits.splice(0)) permit.release("success", 5, clock.now());
      clock.pass(1_000);
    }
    const { adaptiveConcurrency, bulkhead, rateLimit } = limits.inspect(clock.now());
    expect({ ...bulkhead, ...adaptiveConcurrency }).toMatchObject({ inFlight: 0, queued: 0 });
    expect(rateLimit?.queued ?? 0).toBe(0);
    expect(rateLimit?.keys ?? 0).toBeLessThanOrEqual(8);
    expect(clock.pending).toBe(0);
    expect(waiting).toBeGreaterThan(1_000);
    expect(heard).toBeGreaterThan(waiting - cancelled - 1);
    expect(heard).toBeLessThanOrEqual(waiting);
  });
});
