import { describe, expect, it } from "vitest";

import { Demo } from "./support/demo-process.ts";

describe("the demo", () => {
  it(
    "loses no call while an instance dies, and says so in one last JSON line",
    { timeout: 40_000 },
    async () => {
      const demo = new Demo("--json", "--seconds", "8", "--rate", "60");
      const code = await demo.ended();
      expect({ code, stderr: demo.stderr }).toMatchObject({ code: 0 });
      const lines = demo.stdout.trimEnd().split("\n");
      const figures: unknown = JSON.parse(lines.at(-1) ?? "");
      const number: unknown = expect.any(Number);
      const baseline = { calls: number, failed: number, p50Ms: number, p99Ms: number };
      expect(figures).toStrictEqual({ calls: number, failed: 0, p50Ms: number, p99Ms: number, baseline });
      expect(lines).toHaveLength(1);
      for (const deed of ["killed orders-2", "10x slow", "restarted orders-2", "as fast as before"]) {
        expect(demo.stderr).toContain(deed);
      }
      // The same faults do hurt plain fetch, or they were none.
      expect(failures(figures)).toBeGreaterThan(0);
    },
  );

  it("ends everything when it is interrupted", { timeout: 30_000 }, async () => {
    const demo = new Demo("--json", "--seconds", "60", "--rate", "20");
    const ended = demo.ended();
    await demo.says("calls per second");
    demo.interrupt();
    expect(await ended).toBe(130);
  });

  it("serves its live page with --dashboard", { timeout: 30_000 }, async () => {
    const demo = new Demo("--json", "--dashboard", "--seconds", "60", "--rate", "20");
    const ended = demo.ended();
    await demo.says("/proxyless/\n");
    const [url = ""] = /http:\S+/.exec(demo.stderr) ?? [];
    expect(await (await fetch(url)).text()).toContain("<!doctype html>");
    // Somebody watches: that must not keep the demo from ending.
    const watched = await fetch(`${url}events`);
    demo.interrupt();
    expect(await ended).toBe(130);
    await watched.body?.cancel();
  });

  it("explains itself with --help", async () => {
    const demo = new Demo("--help");
    expect(await demo.ended()).toBe(0);
    for (const flag of ["--consul", "--seconds", "--rate", "--dashboard", "--json"])
      expect(demo.stdout).toContain(flag);
  });

  it.each([
    [["--frobnicate"], "--frobnicate"],
    [["--seconds", "7"], "--seconds must be a number from 8 to 600"],
    [["--rate", "many"], "--rate must be a number from 10 to 1000"],
  ])("refuses %j with exit code 2", async (args, message) => {
    const demo = new Demo(...args);
    expect(await demo.ended()).toBe(2);
    expect(demo.stderr).toContain(message);
    expect(demo.stdout).toBe("");
  });
});

function failures(figures: unknown): number {
  if (typeof figures !== "object" || figures === null || !("baseline" in figures)) return 0;
  const { baseline } = figures;
  if (typeof baseline !== "object" || baseline === null || !("failed" in baseline)) return 0;
  return Number(baseline.failed);
}
