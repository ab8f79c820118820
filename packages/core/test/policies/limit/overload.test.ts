import { describe, expect, it } from "vitest";

import { resolveLimits } from "../../../src/policies/limit/limits-policy.ts";
import { play, quantile, unloadedP99, worstGoodput } from "./overload-model.ts";
import type { Fate, World } from "./overload-model.ts";

const adaptive = resolveLimits({ adaptiveConcurrency: {} }, "");
const seeds = [1, 2, 3, 4, 5];
const servers = [4, 16, 64].flatMap((workers) => [2, 20, 100].map((meanMs) => ({ workers, meanMs })));

/** 10 % for a while, up to 300 %, there for a while, down to 10 %, and that for a while. */
function ramp(workers: number, meanMs: number, seed: number): World & { readonly overMs: number } {
  const perSecond = (workers / meanMs) * 1_000;
  const upMs = Math.min(300, Math.max(5, 15_000 / perSecond)) * 1_000;
  const [up, high, down, over] = [5_000, 5_000 + upMs, 5_000 + 1.5 * upMs, 5_000 + 2.5 * upMs];
  const load = (at: number): number => {
    if (at < up || at >= over) return 0.1;
    if (at < high) return 0.1 + (2.9 * (at - up)) / upMs;
    return at < down ? 3 : 3 - (2.9 * (at - down)) / upMs;
  };
  const endMs = over + 10_000 + 2_000_000 / perSecond;
  return { workers, meanMs, sigma: 0.5, seed, endMs, overMs: over, load, maxLoad: 3 };
}

/** The same load all the time, as many calls as given. */
function steady(workers: number, meanMs: number, load: number, calls: number, seed: number): World {
  const endMs = (calls * meanMs) / (workers * load);
  return { workers, meanMs, sigma: 0.5, seed, endMs, load: () => load, maxLoad: load };
}

const shedOf = (fates: readonly Fate[]): readonly Fate[] => fates.filter(({ fate }) => fate === "shed");
const answeredOf = (fates: readonly Fate[]): readonly Fate[] =>
  fates.filter(({ fate }) => fate === "answered");
const times = (fates: readonly Fate[]): number[] => fates.map(({ ms }) => ms);

describe.each(servers)(
  "$workers workers at $meanMs ms, from 10 % to 300 % and back",
  ({ workers, meanMs }) => {
    it.each(seeds)(
      "answer nearly all they can, in good time, and nothing is shed that need not (seed %i)",
      (seed) => {
        const world = ramp(workers, meanMs, seed);
        const { fates, limits } = play(world, adaptive);
        const answered = answeredOf(fates);
        const late = fates.filter(({ atMs }) => atMs > world.overMs + 5_000);
        const p99 = unloadedP99(world);
        expect(shedOf(fates).filter(({ load }) => load < 0.8)).toStrictEqual([]);
        expect(shedOf(fates).length).toBeGreaterThan(0.3 * fates.length);
        expect(quantile(times(answered), 0.99) / p99).toBeLessThanOrEqual(2);
        expect(worstGoodput(world, fates, (1_000 * meanMs) / workers)).toBeGreaterThanOrEqual(0.9);
        expect(shedOf(late)).toStrictEqual([]);
        expect(quantile(times(late), 0.95) / p99).toBeLessThan(1);
        expect(limits.inspect(world.endMs).adaptiveConcurrency).toMatchObject({ inFlight: 0, queued: 0 });
      },
    );
  },
);

describe("an adaptive limit", () => {
  it.each([16, 64])("sheds nothing at four fifths of what %i workers can do", (workers) => {
    for (const seed of [1, 2]) {
      const { fates } = play(steady(workers, 20, 0.79, 60_000, seed), adaptive);
      expect(shedOf(fates)).toStrictEqual([]);
    }
  });

  it.each([4, 16, 64])(
    "keeps %i workers busy and the wait short when it starts with three times too much",
    (workers) => {
      const world = steady(workers, 20, 3, 90_000, 1);
      const settled = play(world, adaptive).fates.filter(({ atMs }) => atMs > world.endMs / 4);
      const could = ((world.endMs * 0.75) / world.meanMs) * workers;
      expect(answeredOf(settled).length / could).toBeGreaterThan(0.9);
      expect(quantile(times(answeredOf(settled)), 0.99) / unloadedP99(world)).toBeLessThan(2);
    },
  );

  it("finds its way within 10 seconds when every answer takes five times as long", () => {
    const world: World = {
      ...steady(64, 20, 0.15, 40_000, 1),
      endMs: 60_000,
      factor: (at) => (at < 20_000 ? 1 : 5),
    };
    const { fates } = play(world, adaptive);
    expect(shedOf(fates.filter(({ atMs }) => atMs < 20_000 || atMs > 30_000))).toStrictEqual([]);
    const late = answeredOf(fates.filter(({ atMs }) => atMs > 30_000));
    expect(quantile(times(late), 0.99) / unloadedP99(world)).toBeLessThan(2 * 5);
  });

  it("sheds what matters least first", () => {
    const world: World = {
      ...steady(16, 20, 1.6, 60_000, 1),
      criticality: (draw) => {
        if (draw < 0.25) return "critical_plus";
        if (draw < 0.5) return "critical";
        return draw < 0.75 ? "sheddable_plus" : "sheddable";
      },
    };
    const { fates } = play(world, adaptive);
    const settled = fates.filter(({ atMs }) => atMs > world.endMs / 4);
    const rate = (criticality: string): number => {
      const those = settled.filter((fate) => fate.criticality === criticality);
      return answeredOf(those).length / those.length;
    };
    expect(rate("critical_plus")).toBeGreaterThan(0.98);
    expect(rate("critical")).toBeGreaterThan(0.9);
    expect(rate("sheddable_plus")).toBeLessThan(0.6);
    expect(rate("sheddable")).toBeLessThan(rate("sheddable_plus") / 2);
  });

  it("goes below what a server refuses, and stays near it", () => {
    const world: World = { ...steady(16, 20, 2, 60_000, 1), serverQueue: 2 };
    const { fates } = play(world, adaptive);
    const settled = fates.filter(({ atMs }) => atMs > world.endMs / 4);
    const could = ((world.endMs * 0.75) / world.meanMs) * 16;
    const refused = settled.filter(({ fate }) => fate === "refused by the server");
    expect(answeredOf(settled).length / could).toBeGreaterThan(0.85);
    expect(refused.length / answeredOf(settled).length).toBeLessThan(0.25);
  });
});

/** Vegas takes what varies by itself for a queue. */
const even = 0.1;

describe.each(["gradient2", "vegas", "aimd"] as const)("the algorithm %s", (algorithm) => {
  it("keeps a server that refuses what is too much for it busy at 300 %, and the wait bounded", () => {
    const world: World = { ...steady(16, 20, 3, 90_000, 1), sigma: even, serverQueue: 16 };
    const policy = resolveLimits({ adaptiveConcurrency: { algorithm } }, "");
    const { fates, limits } = play(world, policy);
    const settled = fates.filter(({ atMs }) => atMs > world.endMs / 4);
    const could = ((world.endMs * 0.75) / world.meanMs) * 16;
    expect(answeredOf(settled).length / could).toBeGreaterThan(0.8);
    expect(quantile(times(answeredOf(settled)), 0.99) / unloadedP99(world)).toBeLessThan(4);
    expect(limits.inspect(world.endMs).adaptiveConcurrency).toMatchObject({
      algorithm,
      inFlight: 0,
      queued: 0,
    });
  });

  it("sheds nothing at half of the capacity", () => {
    const policy = resolveLimits({ adaptiveConcurrency: { algorithm } }, "");
    expect(shedOf(play({ ...steady(16, 20, 0.5, 30_000, 1), sigma: even }, policy).fates)).toStrictEqual([]);
  });
});
