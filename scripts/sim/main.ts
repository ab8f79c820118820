import { readOptions, usage } from "./options.ts";
import type { SimOptions } from "./options.ts";
import { writePlots } from "./plot/write-plots.ts";
import { policies } from "./policies.ts";
import { createProgress } from "./progress.ts";
import type { Progress } from "./progress.ts";
import { json } from "./row.ts";
import type { ScenarioRows } from "./row.ts";
import { studies } from "./studies.ts";
import type { Run, Study } from "./study.ts";
import { table } from "./table.ts";

/** Where charts go, from where the command runs. Git does not see it. */
const plotFolder = "sim-plots";

const known = { scenarios: studies.map(({ name }) => name), policies: Object.keys(policies) };

function list(): string {
  const lines = studies.map(({ about, name }) => `  ${name.padEnd(26)}${about}`);
  return ["scenarios", ...lines, "", "policies", ...known.policies.map((name) => `  ${name} `)].join("\n");
}

/** Runs one scenario with each of its policies and prints the table. */
async function show(study: Study, options: SimOptions, progress: Progress): Promise<ScenarioRows> {
  const { plot, seed } = options;
  const runs: Run[] = [];
  const wanted = options.policies.length === 0 ? study.policies : options.policies;
  for (const policy of wanted) {
    progress.show(`${study.name}: ${policy}…`);
    runs.push(await study.run(policy, seed));
  }
  progress.clear();
  const { affected, name, okWithinMs } = study;
  const rows = runs.map(({ row }) => row);
  console.log(`${name}: ${study.about} (seed ${seed})\n`);
  console.log(`${table(rows, { okWithinMs, affected }).join("\n")}\n`);
  const timelines = runs.flatMap(({ timeline }) => (timeline === undefined ? [] : [timeline]));
  if (plot && timelines.length > 0) {
    const paths = writePlots(plotFolder, { name, affected, timelines });
    console.log(`${paths.join("\n")}\n`);
  }
  return { name, seed, rows };
}

async function main(args: readonly string[]): Promise<number> {
  let options: SimOptions;
  try {
    options = readOptions(args, known);
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`);
    return 2;
  }
  if (options.help || options.list) {
    console.log(options.help ? usage : list());
    return 0;
  }
  const { scenarios } = options;
  const wanted = scenarios.length === 0 ? known.scenarios : scenarios;
  const progress = createProgress(process.stderr);
  const results: ScenarioRows[] = [];
  for (const study of studies) {
    if (wanted.includes(study.name)) results.push(await show(study, options, progress));
  }
  if (options.json) console.log(json(results));
  return 0;
}

process.exitCode = await main(process.argv.slice(2));
