import { ProxylessError } from "@proxyless/core";

import { columns, count, ms } from "./format.ts";
import type { Meter, Result } from "./meter.ts";
import type { Deed } from "./timeline.ts";

/** Both sides, when all is over. */
export interface Outcome {
  readonly proxyless: Result;
  readonly baseline: Result;
  readonly retries: number;
  readonly deeds: readonly Deed[];
}

const phrases: Readonly<Record<Deed, string>> = {
  killed: "one instance was killed",
  slow: "one turned 10x slow",
  restarted: "one came back elsewhere",
  recovered: "one got well again",
};

/** The table and the sentence. */
export function summary({ proxyless, baseline, retries, deeds }: Outcome): readonly string[] {
  const row = (name: string, result: Result, tries: string): string[] => [
    name,
    count(result.calls),
    count(result.failed),
    ms(result.p50Ms),
    ms(result.p99Ms),
    ms(result.maxMs),
    tries,
  ];
  const table = columns(
    [
      ["", "calls", "failed", "p50", "p99", "max", "retries"],
      row("proxyless", proxyless, count(retries)),
      row("round-robin fetch", baseline, "-"),
    ],
    "lrrrrrr",
  );
  return ["", ...table, "", sentence(proxyless, baseline, deeds)];
}

/** The last line of `--json`. */
export function json({ proxyless, baseline }: Outcome): string {
  return JSON.stringify({ ...figures(proxyless), baseline: figures(baseline) });
}

/** What went wrong with the calls that must not fail, with all that the errors know. */
export function complaint(meter: Meter): readonly string[] {
  if (meter.failed === 0) return [];
  const reasons = meter.failures.map((error) => {
    if (!(error instanceof ProxylessError)) return `  ${String(error)}`;
    const attempts = error.attempts.map((one) => `${one.endpoint} ${one.phase}: ${one.reason}`).join("; ");
    return `  ${error.code}: ${error.message}${attempts === "" ? "" : ` [${attempts}]`}`;
  });
  return [`${count(meter.failed)} calls through proxyless failed; the first ones:`, ...reasons];
}

function sentence(proxyless: Result, baseline: Result, deeds: readonly Deed[]): string {
  const story = deeds.map((deed) => phrases[deed]).join(", ");
  const lost = ({ calls, failed }: Result): string => `${count(failed)} of ${count(calls)} calls`;
  const times = baseline.p99Ms / proxyless.p99Ms;
  const faster = times >= 1.05 ? ` (${times.toFixed(1)} times lower)` : "";
  return (
    `${story === "" ? "Nothing happened yet" : `${story.slice(0, 1).toUpperCase()}${story.slice(1)}`}: ` +
    `proxyless lost ${lost(proxyless)}, round-robin fetch ${lost(baseline)}; ` +
    `p99 ${ms(proxyless.p99Ms)} against ${ms(baseline.p99Ms)}${faster}.`
  );
}

function figures({ calls, failed, p50Ms, p99Ms }: Result): Record<string, number> {
  return { calls, failed, p50Ms: rounded(p50Ms), p99Ms: rounded(p99Ms) };
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}
