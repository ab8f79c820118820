import { describe, expect, it } from "vitest";

import { loadChart } from "../../scripts/sim/plot/load-chart.ts";
import { linear, logarithmic } from "../../scripts/sim/plot/scale.ts";
import { json } from "../../scripts/sim/row.ts";
import type { Row } from "../../scripts/sim/row.ts";
import { table } from "../../scripts/sim/table.ts";

const row: Row = {
  policy: "round-robin",
  calls: 60_000,
  okRatio: 59_999 / 60_000,
  p50Ms: 12.34,
  p99Ms: 1712,
  p999Ms: Number.NaN,
  p9999Ms: Number.NaN,
  sendsPerCall: 1,
  shares: { "b-1": 0.01, "b-2": 0.49, "b-3": 0.5 },
  maxOverMean: 1.5,
  extra: { ejections: 2, "recovered s": null },
};

describe("the table", () => {
  it("shows what is affected apart, and what only this scenario has below", () => {
    const text = table([row], { okWithinMs: 1000, affected: ["b-1"] }).map((line) =>
      line.replaceAll(/ {2,}/g, " | "),
    );
    expect(text).toEqual([
      expect.stringContaining("ok@1s"),
      "round-robin | 60,000 | 99.998 % | 12.3 ms | 1712 ms | - | - | 1.000 | 1.00/49.0/50.0 % | 1.00 % | 1.50",
      "",
      "policy | ejections | recovered s",
      "round-robin | 2 | -",
    ]);
  });

  it("sets all lines of one table to the same width", () => {
    const [head, ...body] = table([row, { ...row, policy: "default", extra: {} }], {
      okWithinMs: 250,
      affected: [],
    });
    expect(head).not.toContain("b-1");
    expect(new Set(body.slice(0, 2).map((line) => line.length))).toEqual(new Set([head?.length]));
  });
});

describe("the JSON line", () => {
  it("tells one lost call in 60,000 from none, and has null where there is no number", () => {
    const text = json([{ name: "linkerd-2016", seed: 1, rows: [row] }]);
    expect(text).toContain('"okRatio":0.9999833');
    expect(text).toContain('"p999Ms":null');
    expect(text).not.toContain("\n");
  });
});

describe("the charts", () => {
  it("label a scale with round numbers that lie on it", () => {
    expect(linear(93, 0, 100).ticks).toEqual([0, 20, 40, 60, 80]);
    expect(logarithmic(150, 2_000, 0, 100).ticks).toEqual([200, 500, 1000, 2000]);
    expect(logarithmic(150, 2_000, 0, 100).at(2_000)).toBeCloseTo(100);
  });

  it("show many endpoints by their least, middle and greatest load, and the affected one by itself", () => {
    const sends = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`b-${i + 1}`, [i, i]]));
    const timeline = { policy: "<random>", stepMs: 1000, p50Ms: [], p99Ms: [], sends };
    const drawn = loadChart("many", [timeline], ["b-7"]);
    expect(drawn.match(/class="rest"/g)).toHaveLength(3);
    expect(drawn).toContain("&lt;random&gt;");
    expect(drawn.match(/class="line"/g)).toHaveLength(2);
  });
});
