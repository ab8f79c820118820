import { describe, expect, it } from "vitest";

import { resolveHealthCheck } from "../../../src/endpoints/health-check/health-check-policy.ts";
import type { ResolvedHealthCheck } from "../../../src/endpoints/health-check/health-check-policy.ts";
import { HealthCheckers } from "../../../src/endpoints/health-check/health-checkers.ts";
import { seededRandom } from "../../../src/random.ts";
import { ManualClock } from "../../../src/testing/manual-clock.ts";

const policyOf = (over: object = {}): ResolvedHealthCheck =>
  resolveHealthCheck({ type: "http", jitter: 0, ...over }, "healthCheck")!;

function setUp(): {
  readonly clock: ManualClock;
  readonly checkers: HealthCheckers;
  readonly said: string[];
  readonly asked: number[];
  /** What the next checks find. */
  trouble: string | undefined;
  watch: (key?: string, policy?: ResolvedHealthCheck) => () => void;
} {
  const clock = new ManualClock();
  const checkers = new HealthCheckers(clock, seededRandom(1));
  const said: string[] = [];
  const asked: number[] = [];
  const world = {
    clock,
    checkers,
    said,
    asked,
    trouble: undefined as string | undefined,
    watch: (key = "a", policy = policyOf()) =>
      checkers.watch(
        key,
        policy,
        () => {
          asked.push(clock.now());
          return Promise.resolve(world.trouble);
        },
        (health, detail) => said.push(`${health} ${detail}`.trim()),
      ),
  };
  return world;
}

describe("health checks", () => {
  it("begin at once, and the first one decides", async () => {
    const world = setUp();
    world.trouble = "refused";
    world.watch();
    await world.clock.advance(0);
    expect(world.said).toEqual(["unhealthy refused"]);
  });

  it("take three failures to call an endpoint unhealthy and two successes to call it healthy again", async () => {
    const world = setUp();
    world.watch();
    await world.clock.advance(10_000);
    world.trouble = "answered with 500";
    await world.clock.advance(10_000 + 2_000);
    expect(world.said).toEqual(["healthy", "healthy"]);
    await world.clock.advance(2_000);
    expect(world.said).toEqual(["healthy", "healthy", "unhealthy answered with 500"]);
    world.trouble = undefined;
    await world.clock.advance(2_000);
    expect(world.said).toHaveLength(3);
    await world.clock.advance(2_000);
    expect(world.said.at(-1)).toBe("healthy");
  });

  it("come faster while an endpoint is not well, and forgive a single failure", async () => {
    const world = setUp();
    world.watch();
    await world.clock.advance(9_000);
    world.trouble = "x";
    await world.clock.advance(1_500);
    world.trouble = undefined;
    await world.clock.advance(30_000);
    expect(world.asked).toEqual([0, 10_000, 12_000, 22_000, 32_000]);
    expect(world.said.filter((text) => text !== "healthy")).toEqual([]);
  });

  it("tell of each that goes well while an endpoint is healthy, for it may have been ejected, and of a change only else", async () => {
    const world = setUp();
    world.watch();
    await world.clock.advance(30_000);
    expect(world.said).toEqual(["healthy", "healthy", "healthy", "healthy"]);
    world.trouble = "x";
    await world.clock.advance(60_000);
    expect(world.said.slice(4)).toEqual(["unhealthy x"]);
  });

  it("are shared by all who ask the same, and end with the last of them", async () => {
    const world = setUp();
    const first = world.watch();
    await world.clock.advance(1);
    const second = world.watch();
    expect(world.said).toEqual(["healthy", "healthy"]);
    expect(world.checkers.size).toBe(1);
    first();
    first();
    await world.clock.advance(10_000);
    expect(world.asked).toEqual([0, 10_000]);
    second();
    expect(world.checkers.size).toBe(0);
    expect(world.clock.pendingTimers).toBe(0);
  });

  it("that hang are failures when their time is over, and hold no other up", async () => {
    const clock = new ManualClock();
    const checkers = new HealthCheckers(clock, seededRandom(1));
    const said: string[] = [];
    const never = (signal: AbortSignal): Promise<undefined> =>
      new Promise((_, reject) => {
        signal.addEventListener("abort", () => {
          reject(signal.reason);
        });
      });
    checkers.watch("a", policyOf({ timeoutMs: 500 }), never, (health, detail) =>
      said.push(`${health} ${detail}`),
    );
    await clock.advance(499);
    expect(said).toEqual([]);
    await clock.advance(1);
    expect(said).toEqual(["unhealthy no answer within 500 ms"]);
    checkers.close();
    expect(clock.pendingTimers).toBe(0);
  });

  it("are never more than 64 at once", async () => {
    const clock = new ManualClock();
    const checkers = new HealthCheckers(clock, seededRandom(1));
    let now = 0;
    let most = 0;
    const run = async (): Promise<undefined> => {
      most = Math.max(most, ++now);
      await new Promise<void>((resolve) => void clock.setTimer(resolve, 10, undefined));
      now--;
      return undefined;
    };
    const healthy = new Set<number>();
    for (let i = 0; i < 300; i++) checkers.watch(`${i}`, policyOf(), run, () => healthy.add(i));
    await clock.advance(60);
    expect(most).toBe(64);
    expect(healthy.size).toBe(300);
    checkers.close();
  });

  it("do not coincide with those of other processes", async () => {
    const world = setUp();
    world.watch("a", policyOf({ jitter: 0.5 }));
    await world.clock.advance(100_000);
    const pauses = world.asked.slice(1).map((at, i) => at - world.asked[i]!);
    expect(new Set(pauses).size).toBe(pauses.length);
    for (const pause of pauses) {
      expect(pause).toBeGreaterThanOrEqual(5_000);
      expect(pause).toBeLessThanOrEqual(15_000);
    }
  });
});

describe("the options of health checks", () => {
  it.each([
    [{}, 'healthCheck.type must be "http", "tcp" or "grpc", got undefined'],
    [{ type: "http", path: "health" }, 'healthCheck.path must be a path that begins with "/"'],
    [{ type: "tcp", path: "/" }, "healthCheck.path must be left out"],
    [{ type: "http", expectedStatuses: [] }, "healthCheck.expectedStatuses must be one status at least"],
    [{ type: "http", expectedStatuses: [99] }, "healthCheck.expectedStatuses[0]"],
    [{ type: "grpc", intervalMs: 1 }, "healthCheck.intervalMs must be a number from 100 to 3600000, got 1"],
  ])("refuse %j", (input, message) => {
    expect(() => resolveHealthCheck(input, "healthCheck")).toThrow(message);
  });
});
