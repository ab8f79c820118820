import { fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

import { describe, expect, it } from "vitest";

import type { Churned } from "./support/churn-process.ts";

describe("10,000 endpoints that come and go, several times over,", () => {
  it.each([
    // Each endpoint has series of its own, or none has.
    ["prometheus endpoint", 4 * 10_000],
    ["prom-client", 4 * 10_000],
    ["metrics API", 0],
  ])("leave no series and no memory behind: %s", { timeout: 120_000 }, async (way, atLeast) => {
    const file = join(import.meta.dirname, "support/churn-process.ts");
    const child = fork(file, [way], { execArgv: ["--expose-gc"] });
    let churned: Churned | undefined;
    child.on("message", (message: Churned) => (churned = message));
    await once(child, "exit");
    const { bytes = Number.NaN, most = 0, seriesAfter, seriesBefore = [] } = churned ?? {};
    expect(seriesBefore.length).toBeGreaterThan(5);
    expect(most).toBeGreaterThan(atLeast);
    expect(seriesAfter).toEqual(seriesBefore);
    // The name of an endpoint alone, kept once, would be more.
    expect(bytes).toBeLessThan(100);
  });
});
