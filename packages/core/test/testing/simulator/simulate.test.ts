import { describe, expect, it } from "vitest";

import type { ServiceOptions } from "../../../src/index.ts";
import {
  constantTime,
  empiricalTime,
  exponentialTime,
  lognormalTime,
  mixedTime,
  seededRandom,
  simulate,
} from "../../../src/testing/index.ts";
import type { Scenario, ServerModel, SimulationResult } from "../../../src/testing/index.ts";

/** Nothing but the balancer. */
const bare: ServiceOptions = { retry: false, circuit: false, outlierDetection: false };

function run(over: Partial<Scenario>, service: ServiceOptions = bare, seed = 1): Promise<SimulationResult> {
  const scenario: Scenario = {
    name: "test",
    durationMs: 20_000,
    servers: [{ id: "a", serviceTime: constantTime(10) }],
    callsPerSecond: 100,
    limitMs: 1_000,
    ...over,
  };
  return simulate(scenario, { policy: { name: "policy", service }, seed });
}

const several = (count: number, over: (index: number) => Partial<ServerModel> = () => ({})): ServerModel[] =>
  Array.from({ length: count }, (_, index) => ({
    id: `s${index}`,
    serviceTime: constantTime(20),
    ...over(index),
  }));

describe("a simulation", () => {
  it("is the same to the last digit with the same seed, and another with another", async () => {
    const scenario = {
      servers: several(5, (index) => ({
        serviceTime: exponentialTime(20),
        phases: index === 0 ? [{ fromMs: 5_000, toMs: 9_000, failRatio: 0.85, hangRatio: 0.1 }] : [],
      })),
      clients: [{}, {}],
      callsPerSecond: 400,
    };
    const service: ServiceOptions = { timeout: { attemptMs: 300 } };
    const first = await run(scenario, service, 4);
    expect(JSON.stringify(await run(scenario, service, 4))).toBe(JSON.stringify(first));
    expect((await run(scenario, service, 5)).p99Ms).not.toBe(first.p99Ms);
    expect(first.events.length).toBeGreaterThan(0);
  });

  it("queues as the textbook says: M/M/1 at 80 % takes five times the service time on average", async () => {
    const server = { id: "a", serviceTime: exponentialTime(8), workers: 1 };
    const { p50Ms, p99Ms } = await run({ durationMs: 600_000, servers: [server], limitMs: 60_000 });
    // The time in the system is exponential with a mean of 8 / (1 - 0.8) = 40 ms.
    expect(p50Ms / (40 * Math.log(2))).toBeGreaterThan(0.9);
    expect(p50Ms / (40 * Math.log(2))).toBeLessThan(1.1);
    expect(p99Ms / (40 * Math.log(100))).toBeGreaterThan(0.85);
    expect(p99Ms / (40 * Math.log(100))).toBeLessThan(1.15);
  });

  it("meets policies with the same calls", async () => {
    const scenario = { servers: several(3, () => ({ serviceTime: exponentialTime(20) })) };
    const one = await run(scenario, { ...bare, balancer: "round-robin" });
    const other = await run(scenario, { ...bare, balancer: "random" });
    expect(other.seconds.map(({ calls }) => calls)).toEqual(one.seconds.map(({ calls }) => calls));
  });

  it("has retries, time limits, refusals, resets and full queues end as they do over sockets", async () => {
    const bad = (phase: object, over: Partial<ServerModel> = {}): ServerModel => ({
      id: "a",
      serviceTime: constantTime(10),
      phases: [{ fromMs: 0, toMs: 1e9, ...phase }],
      ...over,
    });
    const alone = { ...bare, timeout: { totalMs: 1_000, attemptMs: 200, connectMs: 100 } };
    for (const phase of [{ refuse: true }, { resetRatio: 1 }, { hangRatio: 1 }, { failRatio: 1 }]) {
      const { failed, ok, p50Ms } = await run({ durationMs: 2_000, servers: [bad(phase)] }, alone);
      expect({ phase, ok, isQuick: p50Ms < 5 }).toEqual({ phase, ok: 0, isQuick: !("hangRatio" in phase) });
      expect(failed).toBeGreaterThan(100);
    }
    const pair = [bad({ refuse: true }), { id: "b", serviceTime: constantTime(10) }];
    const retried = await run({ servers: pair }, { circuit: false });
    expect(retried.okRatio).toBe(1);
    expect(retried.sendsPerCall).toBeGreaterThan(1);
    const full = await run({ servers: [{ id: "a", serviceTime: constantTime(100), workers: 1, queue: 2 }] });
    expect(full.okRatio).toBeGreaterThan(0.08);
    expect(full.okRatio).toBeLessThan(0.12);
  });

  it("gives the caller's time limit its due", async () => {
    const { okRatio } = await run({
      limitMs: 50,
      servers: [
        {
          id: "a",
          serviceTime: mixedTime([
            [3, constantTime(10)],
            [1, constantTime(90)],
          ]),
        },
      ],
      durationMs: 100_000,
    });
    expect(okRatio).toBeGreaterThan(0.73);
    expect(okRatio).toBeLessThan(0.77);
  });

  it("lets servers come and go through discovery", async () => {
    const { failed, seconds } = await run({
      servers: several(3, (index) => (index === 2 ? { present: [[5_000, 12_000]] } : {})),
    });
    const sends = seconds.map((second) => second.sends[2]!);
    expect(sends.slice(0, 5).every((count) => count === 0)).toBe(true);
    expect(sends[8]).toBeGreaterThan(20);
    expect(sends.slice(13, 20).every((count) => count === 0)).toBe(true);
    expect(failed).toBe(0);
  });

  it("keeps calls in their zone, and a key on its server", async () => {
    const zoned = await run({
      servers: several(6, (index) => ({ locality: { zone: index < 3 ? "a" : "b" } })),
      clients: [{ locality: { zone: "a" } }],
    });
    expect(zoned.shares["s3"]! + zoned.shares["s4"]! + zoned.shares["s5"]!).toBe(0);
    const keyed = await run(
      { servers: several(6), request: () => ({ hashKey: "one" }) },
      { ...bare, balancer: "ring-hash" },
    );
    expect(Object.values(keyed.shares).filter((share) => share > 0)).toEqual([1]);
  });

  it("reproduces Linkerd's Beyond Round Robin: a tenfold slowdown costs round robin one call in 22", async () => {
    const time = empiricalTime([
      [0, 164.1],
      [0.5, 167.5],
      [0.9, 176.7],
      [0.99, 192.3],
      [1, 200],
    ]);
    const { okRatio } = await run(
      {
        durationMs: 60_000,
        callsPerSecond: 1_000,
        servers: several(11, (index) => ({
          serviceTime: time,
          phases: index === 0 ? [{ fromMs: 15_000, toMs: 45_000, latencyFactor: 10 }] : [],
        })),
      },
      { ...bare, balancer: "round-robin" },
    );
    expect(Math.abs(okRatio - 0.954)).toBeLessThan(0.003);
  });

  it.each([
    [{ servers: [] }, "scenario.servers must be servers, each with an id of its own"],
    [
      { servers: [...several(1), ...several(1)] },
      "scenario.servers must be servers, each with an id of its own",
    ],
    [{ callsPerSecond: 0 }, "scenario.callsPerSecond must be a number above 0"],
    [{ durationMs: Number.NaN }, "scenario.durationMs must be a number above 0"],
  ])("refuses %j", async (over, message) => {
    await expect(run(over)).rejects.toThrow(message);
  });
});

describe("service times", () => {
  const quantiles = (time: (random: () => number) => number): readonly number[] => {
    const random = seededRandom(3);
    const drawn = Array.from({ length: 20_000 }, () => time(random)).toSorted((a, b) => a - b);
    return [0.1, 0.5, 0.9].map((at) => drawn[Math.floor(at * drawn.length)]!);
  };
  it.each([
    ["exponential", exponentialTime(100), [10.5, 69.3, 230]],
    ["lognormal", lognormalTime(50, 0.5), [26.3, 50, 94.9]],
    [
      "empirical",
      empiricalTime([
        [0, 0],
        [0.5, 100],
        [1, 300],
      ]),
      [20, 100, 260],
    ],
  ])("that are %s have the quantiles they should", (_, time, expected) => {
    for (const [index, value] of quantiles(time).entries()) {
      expect(value / expected[index]!).toBeGreaterThan(0.95);
      expect(value / expected[index]!).toBeLessThan(1.05);
    }
  });
});
