// Writes what packages/monitoring ships as files; a test says when they are stale.
import { writeFileSync } from "node:fs";
import { join } from "node:path";

import { grafanaBoard } from "../packages/monitoring/src/grafana/index.ts";
import { prometheusRules, rulesYaml } from "../packages/monitoring/src/index.ts";

const folder = join(import.meta.dirname, "../packages/monitoring");
writeFileSync(join(folder, "rules/proxyless.rules.yml"), rulesYaml(prometheusRules()));
writeFileSync(
  join(folder, "grafana/proxyless.dashboard.json"),
  `${JSON.stringify(grafanaBoard(), undefined, 2)}\n`,
);
console.log("now run: pnpm fmt");
