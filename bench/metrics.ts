import { Backend } from "./backend-process.ts";
import { openMeasured } from "./metrics-variants.ts";
import { recording } from "./recording.ts";
import { interleave } from "./rounds.ts";
import type { Round } from "./rounds.ts";
import type { Row } from "./row.ts";
import { scrape } from "./scrape.ts";
import { median, quantile } from "./statistics.ts";

export interface MetricsBenchOptions {
  readonly rounds: number;
  readonly roundMs: number;
  readonly scrapes: number;
  readonly progress: (text: string) => void;
}

const base = "pool.request";
/** At most this share of a bare call's CPU. */
const targets: Readonly<Record<string, number>> = {
  "typed GET": 0.95,
  "typed GET, traces and metrics": 1.35,
  "typed GET, 1 % of traces and metrics": 1.1,
};

const endpoints = 3;
const inFlight = 10;

/** What it costs to be measured: each call, and each scrape. */
export async function benchMetrics(options: MetricsBenchOptions): Promise<readonly Row[]> {
  const { progress, roundMs, rounds, scrapes } = options;
  await using backend = Backend.start();
  const ports: number[] = [];
  for (let i = 0; i < endpoints; i++) ports.push(await backend.listen());
  const rows: Row[] = [];
  {
    await using measured = openMeasured(ports, inFlight);
    const results = await interleave(measured.variants, {
      inFlight,
      rounds,
      roundMs,
      onRound: (done, of) => {
        progress(`metrics: round ${done} of ${of}`);
      },
    });
    rows.push(...rowsOf(results));
  }
  progress("metrics: recording");
  rows.push(...(await recording(rounds)));
  progress("metrics: scrapes");
  rows.push(...(await scrape(scrapes)));
  return rows;
}

function rowsOf(results: ReadonlyMap<string, readonly Round[]>): readonly Row[] {
  const bare = results.get(base)!;
  return Array.from(results, ([name, own]): Row => {
    const value = median(own.map(({ cpu }) => cpu));
    if (name === base) return { name, metric: "cpu", value, ratio: null, against: null, target: null };
    const ratios = own.map(({ cpu }, i) => cpu / bare[i]!.cpu);
    return {
      name,
      metric: "cpu",
      value,
      ratio: median(ratios),
      against: base,
      target: targets[name] ?? null,
      note: `${quantile(ratios, 0.25).toFixed(2)}-${quantile(ratios, 0.75).toFixed(2)}`,
    };
  });
}
