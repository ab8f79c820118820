import { cpus, loadavg } from "node:os";
import { parseArgs } from "node:util";

import { benchChurn } from "./churn.ts";
import { onBothCores, pinning, runPinned } from "./cores.ts";
import { benchDashboard } from "./dashboard.ts";
import { benchDiscovery } from "./discovery.ts";
import { benchEndpoints } from "./endpoints.ts";
import { benchHttp } from "./http.ts";
import { benchMetrics } from "./metrics.ts";
import { benchPick } from "./pick.ts";
import { benchPipeline } from "./pipeline.ts";
import { benchPolicies } from "./policies.ts";
import { isOver, json, table } from "./row.ts";
import type { Row } from "./row.ts";
import { benchTimeouts } from "./timeouts.ts";

const usage = `pnpm bench [suite…] [options]

  http       what a call costs: the mesh, bare clients, hand-made stacks
  pick       what choosing an endpoint costs, among 10 to 10,000
  pipeline   what the policies around a call cost, without sockets
  timeouts   how late a time limit ends a call
  policies   what each policy adds to a call of a function; what a million calls leave behind
  endpoints  what 10,000 endpoints cost: memory, timers, one change, the sweep
  churn      what it costs to follow 10,000 endpoints of which 100 change each second, for a minute; starts real servers
  metrics    what it costs to be measured and traced: each call, and a scrape of 20,000 endpoints
  dashboard  what the live page costs the process that serves it while somebody watches
  discovery  how soon a change in a registry is followed; starts the real servers one by one
  etcd-transport  what following etcd costs over its JSON gateway and over gRPC; starts a real one
  all        all of these. Without a suite: http, pick and metrics, in about two minutes

  --json            the figures once more as JSON, on the last line
  --quick           few and short rounds: to see that it works, not to quote
  --rounds N        rounds of http, pick, pipeline, policies, metrics, dashboard and endpoints, calls of timeouts, seconds of churn,
                    trials of discovery
  --only a,b        only these variants of http, registries of discovery, sources of churn
                    (memory, consul, etcd, eureka, file, kubernetes, nacos, xds, zookeeper)`;

const suites = [
  "http",
  "pick",
  "pipeline",
  "timeouts",
  "policies",
  "endpoints",
  "churn",
  "metrics",
  "dashboard",
  "discovery",
  "etcd-transport",
] as const;

interface Settings {
  readonly rounds: number | undefined;
  readonly quick: boolean;
  readonly only: readonly string[];
}

async function run(suite: string, { only, quick, rounds }: Settings): Promise<readonly Row[]> {
  switch (suite) {
    case "http":
      return benchHttp({ rounds: rounds ?? (quick ? 4 : 50), roundMs: quick ? 50 : 90, only, progress });
    case "pick":
      return benchPick({ rounds: rounds ?? (quick ? 20 : 200), progress });
    case "pipeline":
      return benchPipeline({ rounds: rounds ?? (quick ? 5 : 40), progress });
    case "timeouts":
      return benchTimeouts({ calls: rounds ?? (quick ? 5 : 100), progress });
    case "policies":
      return benchPolicies({
        rounds: rounds ?? (quick ? 5 : 40),
        calls: quick ? 50_000 : 1_000_000,
        progress,
      });
    case "endpoints":
      return benchEndpoints({ rounds: rounds ?? (quick ? 6 : 60), idleMs: quick ? 1_000 : 10_000, progress });
    case "churn":
      return onBothCores(() => benchChurn({ seconds: rounds ?? (quick ? 3 : 60), only, progress }));
    case "metrics":
      return benchMetrics({
        rounds: rounds ?? (quick ? 4 : 50),
        roundMs: quick ? 50 : 90,
        scrapes: quick ? 5 : 30,
        progress,
      });
    case "dashboard":
      return benchDashboard({ rounds: rounds ?? (quick ? 4 : 12), roundMs: quick ? 500 : 5_000, progress });
    case "etcd-transport": {
      // Its libraries are nobody else's, and shall cost nobody else anything.
      const { benchEtcdTransport } = await import("./etcd-transport.ts");
      return benchEtcdTransport({ rounds: rounds ?? (quick ? 2 : 30), progress });
    }
    default:
      return onBothCores(() => benchDiscovery({ trials: rounds ?? (quick ? 5 : 100), only, progress }));
  }
}

/** One line that rewrites itself on a terminal; elsewhere it would only fill logs. */
function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001B[2K${text}`);
}

async function main(): Promise<void> {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: {
      json: { type: "boolean" },
      quick: { type: "boolean" },
      rounds: { type: "string" },
      only: { type: "string" },
      help: { type: "boolean" },
    },
  });
  const rounds = values.rounds === undefined ? undefined : Number(values.rounds);
  const known: ReadonlySet<string> = new Set([...suites, "all"]);
  if (values.help === true) {
    console.log(usage);
    return;
  }
  if (
    positionals.some((suite) => !known.has(suite)) ||
    (rounds !== undefined && !(Number.isInteger(rounds) && rounds >= 1))
  ) {
    console.error(usage);
    process.exitCode = 2;
    return;
  }
  const pinnedCode = await runPinned();
  if (pinnedCode !== undefined) {
    process.exitCode = pinnedCode;
    return;
  }
  const wanted = positionals.length === 0 ? ["http", "pick", "metrics"] : positionals;
  const settings: Settings = {
    rounds,
    quick: values.quick === true,
    only: values.only?.split(",") ?? [],
  };
  const machine = `${cpus().length} × ${cpus()[0]?.model.trim() ?? "unknown CPU"}, Node ${process.versions.node}`;
  const before = loadavg()[0] ?? 0;
  console.log(`pnpm bench ${process.argv.slice(2).join(" ")}`.trimEnd());
  console.log(`${machine}; ${pinning()}; load ${before.toFixed(2)} before\n`);
  const rows: Row[] = [];
  for (const suite of suites) {
    if (!wanted.includes(suite) && !wanted.includes("all")) continue;
    console.error(`${suite}…`);
    const some = await run(suite, settings);
    progress("");
    rows.push(...some);
    console.log(`${table(some)}\n`);
  }
  const over = rows.filter(isOver);
  if (over.length > 0) console.log(`${over.length} of ${rows.length} figures are over their target`);
  if (values.json === true) console.log(json(rows));
}

try {
  await main();
} catch (error) {
  console.error(error);
  process.exitCode = 1;
}
