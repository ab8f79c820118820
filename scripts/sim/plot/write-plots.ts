import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { latencyChart } from "./latency-chart.ts";
import { loadChart } from "./load-chart.ts";
import type { Timeline } from "./timeline.ts";

/** What is drawn of one scenario. */
export interface Drawing {
  readonly name: string;
  readonly affected: readonly string[];
  readonly timelines: readonly Timeline[];
}

/** Writes the charts of a scenario into `folder`, which it makes. @returns their paths */
export function writePlots(folder: string, { affected, name, timelines }: Drawing): readonly string[] {
  mkdirSync(folder, { recursive: true });
  const charts = {
    latency: latencyChart(name, timelines),
    load: loadChart(name, timelines, affected),
  };
  return Object.entries(charts).map(([kind, chart]) => {
    const path = join(folder, `${name}-${kind}.svg`);
    writeFileSync(path, chart);
    return path;
  });
}
