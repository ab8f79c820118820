import { describe, expect, it } from "vitest";

import type { ServiceOptions } from "../../../src/index.ts";
import { constantTime, exponentialTime, simulate } from "../../../src/testing/index.ts";
import type { Scenario, ServerModel, SimulatedCall, SimulationResult } from "../../../src/testing/index.ts";

const bare: ServiceOptions = { retry: false, circuit: false, outlierDetection: false };

interface Ran extends SimulationResult {
  readonly each: readonly SimulatedCall[];
}

async function run(over: Partial<Scenario>, service: ServiceOptions = bare, seed = 1): Promise<Ran> {
  const scenario: Scenario = {
    name: "test",
    durationMs: 10_000,
    servers: several("a", 1),
    callsPerSecond: 100,
    limitMs: 1_000,
    ...over,
  };
  const each: SimulatedCall[] = [];
  const result = await simulate(scenario, {
    policy: { name: "policy", service },
    seed,
    onCall: (call) => {
      each.push(call);
    },
  });
  return { ...result, each };
}

function several(letter: string, count: number, over: Partial<ServerModel> = {}): readonly ServerModel[] {
  return Array.from({ length: count }, (_, index) => ({
    id: `${letter}-${index}`,
    serviceTime: constantTime(10),
    ...over,
  }));
}

function sendsTo(letter: string, { sends }: SimulationResult): number {
  return Object.entries(sends).reduce((sum, [id, count]) => sum + (id.startsWith(letter) ? count : 0), 0);
}

const always = { fromMs: 0, toMs: Infinity };

describe("servers that call others", () => {
  it("take as long as all of them together, and each call goes to one of each tier", async () => {
    const behind = several("c", 2, { serviceTime: constantTime(25) });
    const result = await run({
      servers: several("a", 3, { calls: several("b", 2, { calls: behind }) }),
    });
    expect(result.okRatio).toBe(1);
    expect(result.p50Ms).toBeCloseTo(45, 6);
    for (const letter of ["a", "b", "c"]) expect(sendsTo(letter, result)).toBe(result.calls);
    expect(Object.keys(result.shares)).toEqual(["a-0", "a-1", "a-2"]);
    expect(result.sendsPerCall).toBe(1);
  });

  it("pass on the status of what they called, and 502 for what was never answered", async () => {
    const failing = several("b", 1, { phases: [{ ...always, failRatio: 1, failStatus: 418 }] });
    const failed = await run({ servers: several("a", 2, { calls: failing }) });
    expect(new Set(failed.each.map(({ status }) => status))).toEqual(new Set([418]));
    const refusing = several("b", 1, { phases: [{ ...always, refuse: true }] });
    const refused = await run({ servers: several("a", 2, { calls: refusing }) });
    expect(new Set(refused.each.map(({ status }) => status))).toEqual(new Set([502]));
  });

  it("each retry by the policy, so that attempts multiply", async () => {
    const dead = several("c", 2, { phases: [{ ...always, failRatio: 1, failStatus: 503 }] });
    const generous: ServiceOptions = {
      ...bare,
      retry: { maxAttempts: 2, budget: { ratio: 1, minPerSecond: 1_000 } },
    };
    const flaky = several("c", 2, { phases: [{ ...always, failRatio: 0.5, failStatus: 503 }] });
    const world = (last: readonly ServerModel[]): Partial<Scenario> => ({
      servers: several("a", 2, { calls: several("b", 2, { calls: last }) }),
    });
    const never = await run(world(dead), bare);
    expect(sendsTo("c", never)).toBe(never.calls);
    // Half of the attempts fail: 1.5 on the last tier for each on the one before, a quarter of which fail again…
    const sometimes = await run(world(flaky), generous);
    const perCall = sendsTo("c", sometimes) / sometimes.calls;
    expect(perCall).toBeGreaterThan(1.6);
    expect(perCall).toBeLessThan(2.3);
  });

  it("keep a worker waiting meanwhile", async () => {
    const behind = several("b", 1, { serviceTime: constantTime(90) });
    const { seconds } = await run({
      servers: several("a", 1, { workers: 1, queue: 0, calls: behind }),
      arrivals: "even",
    });
    // One of ten calls finds the only worker free.
    expect(seconds[5]?.ok).toBe(10);
  });

  it.each([
    [several("a", 1, { calls: [] }), "scenario.servers[].calls must be servers"],
    [several("a", 1, { calls: several("a", 1) }), "scenario.servers[].calls must be servers"],
  ])("are refused without names of their own", async (servers, message) => {
    await expect(run({ servers })).rejects.toThrow(message);
  });
});

describe("a rate of calls that changes", () => {
  const points = [
    [0, 100],
    [4_000, 100],
    [8_000, 900],
  ] as const;

  it.each(["poisson", "even"] as const)("follows the lines between its points: %s", async (arrivals) => {
    const { seconds } = await run({ callsPerSecond: points, arrivals, durationMs: 12_000 });
    const calls = seconds.map((second) => second.calls);
    const expected = [100, 100, 100, 100, 200, 400, 600, 800, 900, 900, 900, 900];
    for (const [second, count] of expected.entries()) {
      const slack = arrivals === "even" ? 3 : 4 * Math.sqrt(count);
      expect(Math.abs((calls[second] ?? 0) - count)).toBeLessThanOrEqual(slack);
    }
  });

  it("is the same with the same seed, and makes constant rates what they were", async () => {
    const count = async (callsPerSecond: Scenario["callsPerSecond"], seed: number): Promise<number> =>
      (await run({ callsPerSecond }, bare, seed)).calls;
    expect(await count(points, 4)).toBe(await count(points, 4));
    expect(await count([[0, 100]], 4)).toBe(await count(100, 4));
  });

  it.each([
    [[], "scenario.callsPerSecond must be at least one point, got 0"],
    [[[0, 0]], "scenario.callsPerSecond[0][1] must be a number above 0"],
    [
      [
        [5, 1],
        [4, 1],
      ],
      "scenario.callsPerSecond[1][0] must be a number from 5",
    ],
  ] as const)("refuses %j", async (callsPerSecond, message) => {
    await expect(run({ callsPerSecond })).rejects.toThrow(message);
  });
});

describe("a call of several requests", () => {
  it("takes as long as the slowest, and fails with any of them", async () => {
    const slow = await run({ servers: several("a", 4, { serviceTime: exponentialTime(10) }), fanOut: 50 });
    // The longest of 50: its median is where the distribution of one has the fiftieth root of a half.
    expect(slow.p50Ms / (-10 * Math.log(1 - 0.5 ** (1 / 50)))).toBeGreaterThan(0.93);
    expect(slow.p50Ms / (-10 * Math.log(1 - 0.5 ** (1 / 50)))).toBeLessThan(1.07);
    expect(slow.sendsPerCall).toBe(1);
    const failing = await run({
      servers: several("a", 4, { phases: [{ ...always, failRatio: 0.1, failStatus: 503 }] }),
      fanOut: 10,
    });
    expect(failing.okRatio / 0.9 ** 10).toBeGreaterThan(0.9);
    expect(failing.okRatio / 0.9 ** 10).toBeLessThan(1.1);
    expect(new Set(failing.each.map(({ status }) => status))).toEqual(new Set([200, 503]));
  });

  it("has a whole number of requests", async () => {
    await expect(run({ fanOut: 1.5 })).rejects.toThrow("scenario.fanOut must be a whole number from 1");
  });
});

describe("a process that stands still", () => {
  const pauses = [[3_000, 6_000]] as const;

  it("reads what was answered meanwhile when it goes on, and then makes its calls", async () => {
    const { each, failed } = await run({ clients: [{ pauses }], arrivals: "even" });
    expect(failed).toBe(0);
    expect(each.filter(({ begunMs }) => begunMs > 3_000 && begunMs < 6_000)).toEqual([]);
    const held = each.filter(({ begunMs, tookMs }) => begunMs <= 3_000 && tookMs > 10.5);
    expect(held.length).toBe(1);
    expect(held[0]!.begunMs + held[0]!.tookMs).toBeGreaterThanOrEqual(6_000);
    // Those of three seconds, and the one that is due just then.
    expect(each.filter(({ begunMs }) => Math.abs(begunMs - 6_000) < 1)).toHaveLength(301);
  });

  it("has overdue timers fire before it reads: a limit that passed in between still counts in its favour", async () => {
    const limited: ServiceOptions = { ...bare, timeout: { attemptMs: 100, totalMs: 100 } };
    const well = await run({ clients: [{ pauses }], callsPerSecond: 1_000 }, limited);
    expect(well.each.filter(({ tookMs }) => tookMs > 2_900).length).toBeGreaterThan(5);
    expect(well.failed).toBe(0);
    const silent = several("a", 1, { phases: [{ fromMs: 2_500, toMs: 3_000, hangRatio: 1 }] });
    const { each } = await run({ servers: silent, clients: [{ pauses }], arrivals: "even" }, limited);
    const late = each.filter(({ begunMs, tookMs }) => begunMs > 2_890 && begunMs < 3_001 && tookMs > 200);
    expect(late.length).toBeGreaterThan(5);
    for (const { begunMs, tookMs } of late) expect(Math.abs(begunMs + tookMs - 6_000)).toBeLessThan(5);
  });

  it("does not hold up the others", async () => {
    const { each } = await run({ clients: [{ pauses }, {}], arrivals: "even" });
    const meanwhile = each.filter(({ begunMs }) => begunMs > 3_000 && begunMs < 6_000);
    expect(meanwhile.length).toBeGreaterThan(100);
    for (const { tookMs } of meanwhile) expect(tookMs).toBeCloseTo(10, 6);
  });
});
