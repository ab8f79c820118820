// A shop in trouble, watched by a real Prometheus and a real Alertmanager; with what Grafana needs to show the board.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";

import { writeProvisioning } from "./provisioning.ts";
import { MonitoringServers } from "./servers.ts";
import { Shop } from "./shop.ts";
import type { Fault } from "./shop.ts";
import { Webhook } from "./webhook.ts";
import type { Told } from "./webhook.ts";

const usage = `pnpm example:observability [--grafana FOLDER] [--rounds N]

  --grafana FOLDER  where Grafana's provisioning files go (default: a folder that is removed at the end)
  --rounds N        how many times every fault happens, 1 to 1000 (default: until Ctrl-C)`;

const faults: Readonly<Record<Fault, string>> = {
  payments: "payments answers 503 to everything",
  orders: "one of four instances of orders answers 503",
  stock: "no instance of stock is registered any more",
  registry: "discovery of orders is in trouble",
  rush: "more calls to orders at once than its limit lets through",
  search: "search takes 300 ms for what took two",
  ill: "two of three instances of search are said to be unhealthy",
  busy: "the process computes without a pause",
};

/** How long a fault lasts, and how long all is well after it. */
const faultMs = 8_000;
const wellMs = 8_000;

function readOptions(): { readonly grafana: string | undefined; readonly rounds: number } {
  const { values } = parseArgs({ options: { grafana: { type: "string" }, rounds: { type: "string" } } });
  const rounds = values.rounds === undefined ? Infinity : Number(values.rounds);
  if (!(rounds === Infinity || (Number.isInteger(rounds) && rounds >= 1 && rounds <= 1_000))) {
    throw new Error(`--rounds must be a whole number from 1 to 1000, got ${values.rounds}`);
  }
  return { grafana: values.grafana, rounds };
}

function tell({ annotations, labels, status }: Told): void {
  const about = `${labels["alertname"]} ${labels["server_address"] ?? ""}`;
  console.log(`  ${status}: ${about} (${annotations["description"]})`);
}

async function grafanaFolder(given: string | undefined, stack: AsyncDisposableStack): Promise<string> {
  if (given !== undefined) return resolve(given);
  const folder = await mkdtemp(join(tmpdir(), "proxyless-grafana-"));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

async function trouble(shop: Shop, rounds: number, signal: AbortSignal): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    for (const fault of Object.keys(faults).filter(isFault)) {
      console.log(faults[fault]);
      shop.set(fault, true);
      // eslint-disable-next-line no-await-in-loop -- one fault after the other
      await sleep(faultMs, undefined, { signal });
      console.log("all is well");
      shop.set(fault, false);
      // eslint-disable-next-line no-await-in-loop -- as above
      await sleep(wellMs, undefined, { signal });
    }
  }
}

function isFault(name: string): name is Fault {
  return name in faults;
}

async function main(signal: AbortSignal): Promise<void> {
  const { grafana, rounds } = readOptions();
  await using stack = new AsyncDisposableStack();
  const { metricsUrl, shop } = await Shop.open();
  stack.use(shop);
  const webhook = stack.use(await Webhook.start(tell));
  const { alertmanager, prometheus } = stack.use(await MonitoringServers.start(metricsUrl, webhook.url));
  const folder = await grafanaFolder(grafana, stack);
  await writeProvisioning(folder, prometheus.url);
  console.log(`metrics       ${metricsUrl}
Prometheus    ${prometheus.url}
Alertmanager  ${alertmanager.url}
Grafana       GF_PATHS_PROVISIONING=${folder} grafana server --homepath /usr/share/grafana
Ctrl-C ends all of it.
`);
  // What rates are taken of has to be there first.
  await sleep(wellMs, undefined, { signal });
  await trouble(shop, rounds, signal);
}

const interrupted = new AbortController();
for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, () => interrupted.abort());
try {
  await main(interrupted.signal);
} catch (error) {
  if (!interrupted.signal.aborted) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`);
    process.exitCode = 1;
  }
}
