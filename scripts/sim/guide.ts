import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { columnsIn, guideTable } from "./guide-table.ts";
import { createProgress } from "./progress.ts";
import type { Row } from "./row.ts";
import { studies } from "./studies.ts";
import type { Study } from "./study.ts";

const docs = join(import.meta.dirname, "../../docs");
/** The pages whose tables this writes. */
const pages = ["choosing-a-balancer.md", "what-happens-when.md"] as const;
/** A table stands between `<!-- sim: scenario; title = figure; title = figure -->` and `<!-- /sim -->`. */
const tables = /<!-- sim: (?<name>[\w-]+)(?<columns>[^\n]*) -->\n[^]*?<!-- \/sim -->/g;
/** Always the same, so that the pages are. */
const seed = 1;

/** Runs a scenario with each of its policies, once for all tables that show it. */
function createRunner(say: (text: string) => void): (study: Study) => Promise<readonly Row[]> {
  const done = new Map<Study, readonly Row[]>();
  return async (study) => {
    const before = done.get(study);
    if (before !== undefined) return before;
    const rows: Row[] = [];
    for (const policy of study.policies) {
      say(`${study.name}: ${policy}…`);
      rows.push((await study.run(policy, seed)).row);
    }
    done.set(study, rows);
    return rows;
  };
}

/** Writes the tables anew, or, with `--check`, says which are not what the simulator says. */
async function main(args: readonly string[]): Promise<number> {
  const only = args.filter((arg) => !arg.startsWith("--"));
  const isCheck = args.includes("--check");
  const progress = createProgress(process.stderr);
  const rowsOf = createRunner((text) => {
    progress.show(text);
  });
  let code = 0;
  for (const page of pages) {
    const path = join(docs, page);
    const text = readFileSync(path, "utf8");
    const stale: string[] = [];
    let fresh = text;
    for (const [whole, name = "", columns = ""] of text.matchAll(tables)) {
      if (only.length > 0 && !only.includes(name)) continue;
      const study = studies.find((one) => one.name === name);
      if (study === undefined) throw new Error(`there is no scenario ${name}`);
      const table = guideTable(study, await rowsOf(study), columnsIn(columns));
      const block = `<!-- sim: ${name}${columns} -->\n\n${table}\n\n<!-- /sim -->`;
      if (block !== whole) stale.push(name);
      fresh = fresh.replace(whole, () => block);
    }
    progress.clear();
    if (!isCheck) writeFileSync(path, fresh);
    else if (stale.length > 0) {
      console.error(`docs/${page} is stale (${stale.join(", ")}); run: pnpm sim:docs`);
      code = 1;
    }
  }
  return code;
}

process.exitCode = await main(process.argv.slice(2));
