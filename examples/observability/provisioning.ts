import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { grafanaBoard } from "@proxyless/monitoring/grafana";
import { stringify } from "yaml";

/**
 * Writes what Grafana reads at its start: the data source, where boards are, and the board.
 * @param folder what `GF_PATHS_PROVISIONING` is to name
 */
export async function writeProvisioning(folder: string, prometheusUrl: string): Promise<void> {
  const boards = join(folder, "boards");
  const datasource = {
    name: "Prometheus",
    type: "prometheus",
    access: "proxy",
    url: prometheusUrl,
    isDefault: true,
    jsonData: { timeInterval: "1s" },
  };
  const provider = { name: "proxyless", type: "file", options: { path: boards } };
  const files = {
    "datasources/proxyless.yml": stringify({ apiVersion: 1, datasources: [datasource] }),
    "dashboards/proxyless.yml": stringify({ apiVersion: 1, providers: [provider] }),
    "boards/proxyless.dashboard.json": JSON.stringify(grafanaBoard({ window: "15s" }), undefined, 2),
  };
  for (const name of ["datasources", "dashboards", "boards"]) {
    // eslint-disable-next-line no-await-in-loop -- three folders
    await mkdir(join(folder, name), { recursive: true });
  }
  await Promise.all(Object.entries(files).map(([name, content]) => writeFile(join(folder, name), content)));
}
