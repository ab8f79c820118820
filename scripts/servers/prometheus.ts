import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";

import { freePorts } from "./ports.ts";
import { PrometheusServer } from "./prometheus-server.ts";
import { installServer } from "./recipes.ts";
import { ServerProcess } from "./server-process.ts";
import { retried, startedOrStopped } from "./starting.ts";
import { guard, release } from "./watchdog.ts";

/** What to start a Prometheus with. */
export interface PrometheusOptions {
  /** The whole of `prometheus.yml` as an object; `rule_files` name {@link PrometheusOptions.files}. */
  readonly config: object;
  /** Files beside it, by name (without a folder): rules, say. An object is written as JSON, which YAML is a part of. */
  readonly files?: Readonly<Record<string, string | object>>;
  /** More flags of Prometheus' own. */
  readonly flags?: readonly string[];
}

/** What to start an Alertmanager with: the whole of `alertmanager.yml` as an object, and more flags of its own. */
export interface AlertmanagerOptions {
  readonly config: object;
  readonly flags?: readonly string[];
}

/**
 * Starts a Prometheus on a free port of 127.0.0.1, with exemplars, and waits until it is ready; installs it if need be. Its first scrape
 * comes some 5 s later, whatever `scrape_interval` says.
 */
export function startPrometheus(options: PrometheusOptions): Promise<PrometheusServer> {
  return started("prometheus", options, (folder, address) => [
    `--config.file=${join(folder, "prometheus.yml")}`,
    `--storage.tsdb.path=${join(folder, "data")}`,
    `--web.listen-address=${address}`,
    "--web.enable-lifecycle",
    "--enable-feature=exemplar-storage",
    "--log.level=warn",
  ]);
}

/** Starts an Alertmanager on a free port of 127.0.0.1 and waits until it is ready; installs it if need be. */
export function startAlertmanager(options: AlertmanagerOptions): Promise<PrometheusServer> {
  return started("alertmanager", options, (folder, address) => [
    `--config.file=${join(folder, "alertmanager.yml")}`,
    `--storage.path=${join(folder, "data")}`,
    `--web.listen-address=${address}`,
    "--cluster.listen-address=",
    "--log.level=warn",
  ]);
}

async function started(
  name: "prometheus" | "alertmanager",
  { config, files = {}, flags = [] }: PrometheusOptions,
  flagsOf: (folder: string, address: string) => readonly string[],
): Promise<PrometheusServer> {
  const binary = await installServer(name);
  return retried(async () => {
    const folder = await mkdtemp(join(tmpdir(), `proxyless-${name}-`));
    guard(folder);
    const configFile = `${name}.yml`;
    await Promise.all(
      Object.entries({ ...files, [configFile]: config }).map(([file, content]) =>
        writeFile(join(folder, basename(file)), textOf(content)),
      ),
    );
    const [port = 0] = await freePorts(1);
    const address = `127.0.0.1:${port}`;
    const process = new ServerProcess({
      name: `${name} ${address}`,
      binary,
      args: [...flagsOf(folder, address), ...flags],
      logFile: join(folder, "server.log"),
    });
    const dispose = async (): Promise<void> => {
      await rm(folder, { recursive: true, force: true });
      release(folder);
    };
    const server = new PrometheusServer({ name, process, folder, address, dispose });
    return startedOrStopped([server], async () => {
      await process.start();
      return server.ready();
    });
  });
}

function textOf(content: string | object): string {
  return typeof content === "string" ? content : JSON.stringify(content, undefined, 2);
}
