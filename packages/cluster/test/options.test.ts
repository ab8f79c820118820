import { ProxylessError } from "@proxyless/core";
import { expect, it } from "vitest";

import { collectWorkers, reportToPrimary } from "../src/index.ts";

const exponential = { histograms: "exponential" as const, instruments: [], collect: () => never() };

function never(): never {
  throw new Error("nobody asked");
}

function problemOf(make: () => unknown): string {
  try {
    make();
  } catch (error) {
    if (error instanceof ProxylessError && error.code === "ERR_PROXYLESS_CONFIG") return error.message;
    throw error;
  }
  return "";
}

it.each([
  [{ deadlineMs: 9 }, /deadlineMs.*10 to 60000.*9/],
  [{ deadlineMs: 60_001 }, /deadlineMs.*10 to 60000/],
  [{ maxWorkers: 0 }, /maxWorkers.*1 to 10000/],
  [{ maxSeries: 0 }, /maxSeries.*1 to 1000000/],
  [{ keptMs: 1 }, /keptMs.*60000 to 86400000/],
  [{ histograms: "native" }, /histograms.*explicit, exponential/],
  [{ histograms: "explicit", metrics: exponential }, /histograms.*exponential.*explicit/],
  [{ metrics: {} }, /metrics/],
  [{ onProblem: true }, /onProblem.*function/],
  [{ deadline: 5 }, /deadline.*known/],
])("%j is refused, with what would be right", (options, message) => {
  // @ts-expect-error -- what types would not let pass
  expect(problemOf(() => collectWorkers(options))).toMatch(message);
});

it("a reporter of nothing is refused, and so is a worker that is none", () => {
  expect(problemOf(() => reportToPrimary({}))).toMatch(/metrics.*mesh/);
  // @ts-expect-error -- what types would not let pass
  expect(problemOf(() => reportToPrimary({ mesh: {} }))).toMatch(/mesh/);
  using workers = collectWorkers();
  // @ts-expect-error -- what types would not let pass
  expect(problemOf(() => workers.add({ send: never }))).toMatch(/worker.*Worker/);
});

it("the collector has the histograms of the primary's own metrics", () => {
  using workers = collectWorkers({ metrics: exponential });
  expect(workers.metrics.histograms).toBe("exponential");
});
