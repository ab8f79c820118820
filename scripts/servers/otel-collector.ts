import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { freePorts } from "./ports.ts";
import { installServer } from "./recipes.ts";
import { ServerProcess } from "./server-process.ts";
import { retried, startedOrStopped } from "./starting.ts";
import { until } from "./until.ts";
import { guard, release } from "./watchdog.ts";

/** An OpenTelemetry Collector that takes traces, metrics and logs by OTLP over HTTP and hands them on in the JSON of OTLP. */
export class OtelCollector {
  readonly #process: ServerProcess;
  readonly #folder: string;
  /** Where exporters send to: `http://127.0.0.1:24318`. */
  readonly url: string;

  constructor(process: ServerProcess, folder: string, port: number) {
    this.#process = process;
    this.#folder = folder;
    this.url = `http://127.0.0.1:${port}`;
  }

  async ready(timeoutMs = 30_000): Promise<this> {
    try {
      await until(`the collector at ${this.url} is ready`, timeoutMs, async () => {
        if (!this.#process.isRunning) throw new Error("the process ended");
        const empty = { method: "POST", headers: { "content-type": "application/json" }, body: "{}" };
        const { status } = await fetch(`${this.url}/v1/traces`, empty);
        return status === 200 ? "ready" : undefined;
      });
    } catch (error) {
      const log = await this.#process.logTail();
      throw new Error(`the collector at ${this.url} did not get ready; its log ends with:\n${log}`, {
        cause: error,
      });
    }
    return this;
  }

  /** Stops it for good, after it has handed on what it has. */
  async stop(): Promise<void> {
    await this.#process.stop();
    await rm(this.#folder, { recursive: true, force: true });
    release(this.#folder);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

/**
 * Starts a collector on a free port of 127.0.0.1 and waits until it is ready; compiles it if need be.
 * @param sink where it posts what it got: `/v1/traces`, `/v1/metrics` and `/v1/logs` below that URL
 */
export async function startOtelCollector(sink: string): Promise<OtelCollector> {
  const binary = await installServer("otel-collector");
  return retried(async () => {
    const [port = 0] = await freePorts(1);
    const folder = await mkdtemp(join(tmpdir(), "proxyless-otel-"));
    guard(folder);
    const pipeline = { receivers: ["otlp"], exporters: ["otlphttp"] };
    const config = {
      receivers: { otlp: { protocols: { http: { endpoint: `127.0.0.1:${port}` } } } },
      exporters: { otlphttp: { endpoint: sink, encoding: "json", compression: "none" } },
      service: {
        telemetry: { metrics: { level: "none" } },
        pipelines: { traces: pipeline, metrics: pipeline, logs: pipeline },
      },
    };
    // JSON is YAML too.
    await writeFile(join(folder, "config.yaml"), JSON.stringify(config, undefined, 2));
    const process = new ServerProcess({
      name: `otel-collector 127.0.0.1:${port}`,
      binary,
      args: ["--config", join(folder, "config.yaml")],
      logFile: join(folder, "collector.log"),
    });
    const server = new OtelCollector(process, folder, port);
    return startedOrStopped([server], async () => {
      await process.start();
      return server.ready();
    });
  });
}
