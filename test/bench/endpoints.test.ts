import { describe, expect, it } from "vitest";

import type { Question } from "../../bench/endpoints-process.ts";
import { ask } from "../../bench/endpoints.ts";

const timeout = 60_000;
const count = 10_000;

/** The first figure of an answer. */
async function figure(question: Question): Promise<number> {
  return (await ask(question))[0] ?? Number.NaN;
}

describe("ten thousand endpoints that nobody calls", () => {
  const bytesOf = (subject: "mesh" | "opossum"): Promise<number> =>
    figure({ what: "memory", subject, count, idleMs: 10 });
  const timersOf = (subject: "mesh" | "opossum"): Promise<number> =>
    figure({ what: "timers", subject, count });

  it("take about a kilobyte each, a fraction of what a breaker takes", { timeout }, async () => {
    const [mesh, opossum] = await Promise.all([bytesOf("mesh"), bytesOf("opossum")]);
    expect(mesh).toBeGreaterThan(200);
    expect(mesh).toBeLessThanOrEqual(1.2 * 1_024);
    expect(mesh / opossum).toBeLessThanOrEqual(0.35);
  });

  it("have no timers, where breakers have", { timeout }, async () => {
    const [mesh, opossum] = await Promise.all([timersOf("mesh"), timersOf("opossum")]);
    expect(mesh).toBe(0);
    expect(opossum).toBeGreaterThanOrEqual(1);
  });
});

describe("ten times as many endpoints", () => {
  it.each([
    ["one change", "change-cpu", 12],
    ["a sweep", "sweep-cpu", 3],
  ] as const)("cost in proportion for %s, and not by the square", { timeout }, async (_, what, rounds) => {
    const few = await figure({ what, count: 1_000, rounds });
    const many = await figure({ what, count, rounds });
    // Ten times as much at the most; a hundred times by the square.
    expect(many / few).toBeLessThanOrEqual(30);
  });
});
