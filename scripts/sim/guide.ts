import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { createProgress } from "./progress.ts";
import type { Row } from "./row.ts";
import { studies } from "./studies.ts";
import { shareOf } from "./table.ts";

/** The page whose tables this writes: each between `<!-- sim: scenario -->` and `<!-- /sim -->`. */
const page = join(import.meta.dirname, "../../docs/choosing-a-balancer.md");
const tables = /<!-- sim: ([\w-]+) -->\n[^]*?<!-- \/sim -->/g;
/** Always the same, so that the page is. */
const seed = 1;

/** A scenario as a Markdown table, aligned as the formatter does it. */
async function tableOf(name: string, say: (text: string) => void): Promise<string> {
  const study = studies.find((one) => one.name === name);
  if (study === undefined) throw new Error(`there is no scenario ${name}`);
  const rows: Row[] = [];
  for (const policy of study.policies) {
    say(`${name}: ${policy}…`);
    // oxlint-disable-next-line no-await-in-loop -- one core, one run at a time
    rows.push((await study.run(policy, seed)).row);
  }
  const { affected, okWithinMs } = study;
  const head = [
    "policy",
    `within ${okWithinMs} ms`,
    "p50",
    "p99",
    "p99.9",
    ...(affected.length === 0 ? [] : [`to ${affected[0]}`]),
    "busiest",
  ];
  const body = rows.map((row) => {
    const cells = [
      `\`${row.policy}\``,
      `${(100 * row.okRatio).toFixed(2)} %`,
      ms(row.p50Ms),
      ms(row.p99Ms),
      ms(row.p999Ms),
    ];
    if (affected.length > 0) cells.push(`${(100 * shareOf(row, affected.slice(0, 1))).toFixed(1)} %`);
    cells.push(`${row.maxOverMean.toFixed(2)} ×`);
    return cells;
  });
  return aligned([head, ...body]);
}

function ms(value: number): string {
  return `${value < 100 ? value.toFixed(1) : value.toFixed(0)} ms`;
}

function aligned(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(3, ...rows.map((row) => row[column]!.length)));
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column]!)).join(" | ")} |`;
  const rule = line(widths.map((width) => "-".repeat(width)));
  return [line(rows[0]!), rule, ...rows.slice(1).map((row) => line(row))].join("\n");
}

/** Writes the tables anew, or, with `--check`, says which are not what the simulator says. */
async function main(args: readonly string[]): Promise<number> {
  const only = args.filter((arg) => !arg.startsWith("--"));
  const text = readFileSync(page, "utf8");
  const progress = createProgress(process.stderr);
  const stale: string[] = [];
  let fresh = text;
  for (const [whole, name = ""] of text.matchAll(tables)) {
    if (only.length > 0 && !only.includes(name)) continue;
    const say = (line: string): void => {
      progress.show(line);
    };
    // oxlint-disable-next-line no-await-in-loop -- one core, one scenario at a time
    const table = `<!-- sim: ${name} -->\n\n${await tableOf(name, say)}\n\n<!-- /sim -->`;
    if (table !== whole) stale.push(name);
    fresh = fresh.replace(whole, () => table);
  }
  progress.clear();
  if (!args.includes("--check")) {
    writeFileSync(page, fresh);
    return 0;
  }
  if (stale.length > 0)
    console.error(`docs/choosing-a-balancer.md is stale (${stale.join(", ")}); run: pnpm sim:docs`);
  return stale.length === 0 ? 0 : 1;
}

process.exitCode = await main(process.argv.slice(2));
