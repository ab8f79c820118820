import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { Agenda } from "../../src/engine/agenda.ts";
import { dryRun } from "../../src/engine/dry-run.ts";
import { OutcomeLog } from "../../src/engine/outcome-log.ts";
import type { AttemptOutcome, CallOutcome } from "../../src/engine/outcome-log.ts";
import { resolvePolicy } from "../../src/policies/resolve-policy.ts";
import { ManualClock } from "../../src/testing/manual-clock.ts";
import { meshOf, rejection, server } from "../support/mesh.ts";

function attempt(more: Partial<AttemptOutcome> = {}): AttemptOutcome {
  return {
    endpoint: "10.0.0.1:80",
    afterMs: 0,
    durationMs: 10,
    outcome: "success",
    status: 200,
    phase: "body",
    timedOut: false,
    hedge: false,
    superseded: false,
    retryAfterMs: undefined,
    ...more,
  };
}

function call(
  at: number,
  attempts: readonly AttemptOutcome[] = [attempt()],
  more: Partial<CallOutcome> = {},
): CallOutcome {
  const last = attempts.at(-1);
  return {
    at,
    route: undefined,
    method: "GET",
    repeatable: true,
    level: 1,
    attempts,
    durationMs: last === undefined ? 0 : last.afterMs + last.durationMs,
    outcome: last?.outcome ?? "ignored",
    status: last?.status ?? 0,
    flag: undefined,
    shed: undefined,
    ...more,
  };
}

const failed = { outcome: "failure", status: 500 } as const;
const overloaded = { outcome: "overload", status: 503 } as const;

function many(
  count: number,
  everyMs: number,
  make: (index: number) => readonly AttemptOutcome[],
): readonly CallOutcome[] {
  return Array.from({ length: count }, (_, index) => call(1_000 + index * everyMs, make(index)));
}

function run(calls: readonly CallOutcome[], policy: object) {
  return dryRun("orders", calls, resolvePolicy(policy, ""));
}

describe("a dry run", () => {
  it("finds nothing to change where the policy is the one that was in force", () => {
    const report = run(
      many(100, 10, (index) =>
        index % 10 === 0 ? [attempt(overloaded), attempt({ afterMs: 30 })] : [attempt()],
      ),
      {},
    );
    expect(report).toMatchObject({
      calls: 100,
      spanMs: 990,
      succeeded: { recorded: 100, would: 100 },
      failed: { recorded: 0, would: 0 },
      retries: { recorded: 10, would: 10, added: 0, dropped: 0, overBudget: 0 },
      timeouts: { attempt: { recorded: 0, would: 0 }, total: { recorded: 0, would: 0 } },
      circuits: { opens: [] },
      undecided: 0,
    });
  });

  it("counts the attempts and calls that shorter limits would have ended", () => {
    const calls = many(100, 100, (index) => [attempt({ durationMs: index })]);
    expect(run(calls, { timeout: { totalMs: 1_000, attemptMs: 50 }, retry: false }).timeouts).toEqual({
      attempt: { recorded: 0, would: 49 },
      total: { recorded: 0, would: 0 },
    });
    const short = run(calls, { timeout: { totalMs: 50 }, retry: false, circuit: false });
    expect(short.timeouts.total.would).toBe(49);
    expect(short).toMatchObject({
      succeeded: { recorded: 100, would: 51 },
      failed: { recorded: 0, would: 49 },
    });
  });

  it("says that it cannot know how long an attempt would have taken that was cut off", () => {
    const cut = attempt({ durationMs: 100, outcome: "failure", status: 0, phase: "sent", timedOut: true });
    const report = run([call(0, [cut])], { timeout: { attemptMs: 500 }, retry: false });
    expect(report.timeouts.attempt).toEqual({ recorded: 1, would: 1 });
    expect(report.unknown.join()).toContain(
      "How long 1 attempt would have taken that an earlier limit cut off",
    );
    expect(run([call(0, [cut])], { timeout: { attemptMs: 50 }, retry: false }).unknown.join()).not.toContain(
      "cut off",
    );
  });

  it("counts retries that would not have been made, would have been made besides, and would have been over the budget", () => {
    const retried = many(60, 1_000, () => [attempt(overloaded), attempt({ afterMs: 30 })]);
    expect(run(retried, { retry: { statuses: [502] }, circuit: false }).retries).toEqual({
      recorded: 60,
      would: 0,
      dropped: 60,
      added: 0,
      overBudget: 0,
    });
    const dead = many(60, 10, () => [attempt(overloaded)]);
    const report = run(dead, { retry: { maxAttempts: 2 }, circuit: false });
    expect(report.retries).toMatchObject({ recorded: 0, would: 2, added: 2, overBudget: 58 });
    expect(report.undecided).toBe(2);
    expect(report.unknown.join()).toContain("2 retries that nobody made");
  });

  it("never retries a call that may not be sent twice, unless nothing was sent", () => {
    const post = { method: "POST", repeatable: false };
    const refused = attempt({ outcome: "failure", status: 0, phase: "connect" });
    const calls = [call(0, [attempt(overloaded)], post), call(10, [refused, attempt({ afterMs: 5 })], post)];
    expect(run(calls, {}).retries).toMatchObject({ would: 1, added: 0, dropped: 0 });
  });

  it("replays the circuit: says when it would have opened, and how many calls it would have refused", () => {
    const calls = many(300, 10, (index) => [attempt(index < 100 ? failed : {})]);
    const policy = { retry: false, circuit: { minCalls: 10, openMs: 500, openJitter: 0 } };
    const report = run(calls, policy);
    expect(report.circuits.opens[0]).toMatchObject({ route: undefined, cause: "failures", afterMs: 100 });
    expect(report.circuits.refused.would).toBeGreaterThan(100);
    expect(report.refused.would).toBe(report.circuits.refused.would);
    expect(report.findings.join(" ")).toContain("Circuits would have opened");
    expect(run(calls, { retry: false, circuit: false }).circuits).toEqual({
      refused: { recorded: 0, would: 0 },
      opens: [],
    });
  });

  it("counts hedges, and those that the budget would have held back", () => {
    const calls = many(200, 20, (index) => [attempt({ durationMs: index % 20 === 19 ? 100 : 10 })]);
    expect(run(calls, { hedge: { delayMs: 50 } }).hedges).toMatchObject({ recorded: 0, would: 10 });
    expect(run(calls, { hedge: { delayMs: 5 } }).hedges.overBudget).toBeGreaterThan(100);
    expect(run(calls, {}).hedges).toEqual({ recorded: 0, would: 0, overBudget: 0 });
  });

  it("takes an attempt that a hedge has beaten to end as the hedge did", () => {
    const calls = [
      call(0, [
        attempt({ durationMs: 60, outcome: "ignored", status: 0, superseded: true }),
        attempt({ afterMs: 50, durationMs: 10, hedge: true }),
      ]),
    ];
    expect(run(calls, { timeout: { attemptMs: 55 }, retry: false }).timeouts.attempt.would).toBe(1);
    expect(run(calls, { timeout: { attemptMs: 65 } })).toMatchObject({
      succeeded: { recorded: 1, would: 1 },
      hedges: { recorded: 1 },
    });
  });

  it("replays limits: a rate, a bulkhead with its queue, throttling", () => {
    const calls = many(100, 10, () => [attempt({ durationMs: 95 })]);
    expect(run(calls, { rateLimit: { tokensPerSecond: 50, burst: 1 } }).limits.refused.would).toBe(50);
    const narrow = run(calls, { bulkhead: { maxConcurrent: 5 } });
    expect(narrow.limits.refused.would).toBe(50);
    const queued = run(calls, { bulkhead: { maxConcurrent: 5, maxQueue: 3, queueTimeoutMs: 10_000 } });
    expect(queued.limits.queued).toBeGreaterThan(0);
    expect(queued.limits.refused.would).toBeLessThan(50);
    const refusing = many(500, 10, () => [attempt(overloaded)]);
    const throttled = run(refusing, { retry: false, circuit: false, adaptiveThrottling: {} });
    expect(throttled.limits.refused.would).toBeGreaterThan(300);
    expect(run(calls, { rateLimit: { tokensPerSecond: 5, perKey: true } }).unknown.join()).toContain(
      "Whose calls",
    );
  });

  it("goes by the route on record", () => {
    const calls = [
      call(0, [attempt({ durationMs: 80 })], { route: "/slow" }),
      call(0, [attempt({ durationMs: 80 })]),
    ];
    const report = run(calls, {
      retry: false,
      timeout: { attemptMs: 50 },
      routes: [{ match: { path: "/slow" }, timeout: { attemptMs: 100 } }],
    });
    expect(report.timeouts.attempt.would).toBe(1);
  });

  it("says of calls that were refused then that nobody knows what they would have met", () => {
    const calls = [call(0, [], { flag: "UO" }), call(5, [], { flag: "LR", shed: "rate_limit" })];
    const report = run(calls, {});
    expect(report).toMatchObject({ refused: { recorded: 2, would: 0 }, undecided: 2 });
    expect(report.unknown.join()).toContain("2 calls would have met that were refused then");
  });

  it("says that there is nothing to say of no calls", () => {
    expect(run([], {})).toMatchObject({ calls: 0, spanMs: 0, findings: ["No call is on record."] });
  });

  it("is the same each time, leaves nothing out and changes nothing, whatever the record and the policy", () => {
    const attempts = fc.array(
      fc.record({
        endpoint: fc.constant("a:1"),
        afterMs: fc.nat(100),
        durationMs: fc.nat(300),
        outcome: fc.constantFrom("success", "failure", "overload", "ignored"),
        status: fc.constantFrom(0, 200, 404, 429, 500, 503),
        phase: fc.constantFrom("connect", "sent", "headers", "body"),
        timedOut: fc.boolean(),
        hedge: fc.boolean(),
        superseded: fc.boolean(),
        retryAfterMs: fc.option(fc.nat(5_000), { nil: undefined }),
      } satisfies Record<keyof AttemptOutcome, fc.Arbitrary<unknown>>),
      { maxLength: 4 },
    );
    const policy = fc.constantFrom<object>(
      {},
      { preset: "aggressive" },
      { preset: "batch" },
      { preset: "none" },
      { bulkhead: { maxConcurrent: 2, maxQueue: 5 }, hedge: { delayMs: 20 } },
      { rateLimit: { tokensPerSecond: 20, maxWaitMs: 100 }, adaptiveThrottling: { minRequests: 0 } },
      {
        adaptiveConcurrency: {},
        circuit: { windowCalls: 5, consecutiveFailures: 2, slowCallMs: 50, openMs: 50 },
      },
    );
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(50), attempts, fc.boolean()), { maxLength: 40 }),
        policy,
        (given, chosen) => {
          let at = 0;
          const calls = given.map(([after, made, repeatable]) => call((at += after), made, { repeatable }));
          const before = JSON.stringify(calls);
          const report = run(calls, chosen);
          const { failed: lost, refused, succeeded, undecided } = report;
          const ended = succeeded.would + lost.would + refused.would + undecided;
          const ignored = calls.filter((one) =>
            one.attempts.some(({ outcome }) => outcome === "ignored"),
          ).length;
          expect(ended).toBeLessThanOrEqual(calls.length);
          expect(ended).toBeGreaterThanOrEqual(calls.length - ignored);
          expect(run(calls, chosen)).toEqual(report);
          expect(JSON.parse(JSON.stringify(report))).toEqual(JSON.parse(JSON.stringify(report)));
          expect(JSON.stringify(calls)).toBe(before);
        },
      ),
      { seed: 9, numRuns: 300 },
    );
  });
});

describe("the record of outcomes", () => {
  it("keeps the last calls, in the order in which they began", () => {
    const log = new OutcomeLog(3);
    for (const at of [5, 4, 1, 3, 2])
      log
        .begin({ at, route: undefined, method: "GET", repeatable: true, level: 1 })
        .ended("success", 200, undefined, at + 1);
    expect([log.size, log.calls.map(({ at }) => at)]).toEqual([3, [1, 2, 3]]);
  });

  it("is made of a mesh's calls, and asked by mesh.dryRun", async () => {
    const state = { status: 200 };
    const upstream = await server((_, response) => response.writeHead(state.status).end("{}"));
    const clock = new ManualClock();
    const { mesh } = meshOf(
      [upstream.address],
      { retry: false, routes: [{ match: { path: "/orders/{id}" }, circuit: false }] },
      { recordOutcomes: 100, clock },
    );
    const client = mesh.service("orders");
    for (let i = 0; i < 5; i++) await client.GET("/x");
    state.status = 503;
    for (let i = 0; i < 3; i++) await client.GET("/orders/7?token=hush");
    const report = mesh.dryRun("orders", { retry: { maxAttempts: 2 } });
    expect(report).toMatchObject({
      service: "orders",
      calls: 8,
      succeeded: { recorded: 5, would: 5 },
      failed: { recorded: 3 },
      retries: { recorded: 0, added: 3 },
    });
    expect(JSON.stringify(report)).not.toContain("hush");
    expect(mesh.inspect().services[0]?.policy?.values["retry"]).toBe(false);
    expect(() => mesh.dryRun("orders", { retry: { maxAttempts: 99 } })).toThrow("policy.retry.maxAttempts");
    expect(mesh.dryRun("orders", {}).retries).toMatchObject({ would: 0 });
  });

  it("is not kept unless somebody asks for it", async () => {
    const upstream = await server((_, response) => response.writeHead(200).end("{}"));
    const { mesh } = meshOf([upstream.address]);
    await mesh.service("orders").GET("/x");
    expect(await rejection(Promise.resolve().then(() => mesh.dryRun("orders", {})))).toMatchObject({
      code: "ERR_PROXYLESS_CONFIG",
      field: "recordOutcomes",
    });
  });
});

describe("an agenda", () => {
  it("runs what is due in its order, whatever the order in which it was entered", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(50), { maxLength: 60 }), fc.array(fc.nat(59)), (times, cleared) => {
        const agenda = new Agenda(0);
        const ran: number[] = [];
        const handles = times.map((at, index) => agenda.setTimer((of) => ran.push(of), at, index));
        for (const index of cleared) if (handles[index] !== undefined) agenda.clearTimer(handles[index]);
        agenda.run();
        const expected = times
          .map((at, index) => ({ at, index }))
          .filter(({ index }) => !cleared.includes(index))
          .toSorted((one, other) => one.at - other.at || one.index - other.index);
        expect(ran).toEqual(expected.map(({ index }) => index));
      }),
      { seed: 2, numRuns: 500 },
    );
  });
});
