import { Backend } from "./backend-process.ts";
import { interleave } from "./rounds.ts";
import type { Round } from "./rounds.ts";
import type { Row } from "./row.ts";
import { openStacks } from "./stacks.ts";
import { median, quantile } from "./statistics.ts";

/** What is asked for: at most `target` times the client CPU of `against`. */
interface Target {
  readonly name: string;
  readonly against: string;
  readonly target: number;
}

const base = "pool.request";
const targets: readonly Target[] = [
  { name: "typed GET", against: base, target: 0.95 },
  { name: "typed GET", against: "fetch", target: 0.3 },
  { name: "typed GET", against: "opossum+p-retry+fetch", target: 0.25 },
  { name: "typed GET", against: "opossum+axios-retry+axios", target: 0.17 },
  { name: "mesh.fetch", against: "fetch", target: 1 },
];

export interface HttpOptions {
  readonly rounds: number;
  readonly roundMs: number;
  /** Only these variants; all of them when empty. */
  readonly only: readonly string[];
  readonly progress: (text: string) => void;
}

const endpoints = 3;
const inFlight = 10;

/** What a call costs the calling process: through the mesh, through bare clients, through hand-made stacks. */
export async function benchHttp({ only, progress, roundMs, rounds }: HttpOptions): Promise<readonly Row[]> {
  await using backend = Backend.start();
  const ports: number[] = [];
  for (let i = 0; i < endpoints; i++) ports.push(await backend.listen());
  await using stacks = openStacks(ports, inFlight);
  const variants = stacks.variants.filter(({ name }) => only.length === 0 || only.includes(name));
  const results = await interleave(variants, {
    inFlight,
    rounds,
    roundMs,
    onRound: (done, of) => {
      progress(`http: round ${done} of ${of}`);
    },
  });
  return rowsOf(results);
}

function rowsOf(results: ReadonlyMap<string, readonly Round[]>): readonly Row[] {
  const rows: Row[] = [];
  const compare = (metric: "cpu" | "p99", name: string, against: string, target: number | null): void => {
    const own = results.get(name);
    const other = results.get(against);
    if (own === undefined) return;
    const value = median(own.map((round) => round[metric]));
    if (other === undefined || name === against) {
      rows.push({ name, metric, value, ratio: null, against: null, target: null, note: throughput(own) });
      return;
    }
    const ratios = own.map((round, i) => round[metric] / other[i]![metric]);
    const spread = `${quantile(ratios, 0.25).toFixed(2)}-${quantile(ratios, 0.75).toFixed(2)}`;
    const note = against === base && metric === "cpu" ? `${spread}, ${throughput(own)}` : spread;
    rows.push({ name, metric, value, ratio: median(ratios), against, target, note });
  };
  for (const name of results.keys()) {
    const asked = targets.find((target) => target.name === name && target.against === base);
    compare("cpu", name, base, asked?.target ?? null);
  }
  for (const { against, name, target } of targets) {
    if (against !== base && results.has(against)) compare("cpu", name, against, target);
  }
  for (const name of results.keys()) compare("p99", name, base, null);
  return rows;
}

function throughput(rounds: readonly Round[]): string {
  return `${Math.round(median(rounds.map(({ callsPerSecond }) => callsPerSecond)))} calls/s`;
}
