import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import type { ServerProcess } from "./server-process.ts";
import { until } from "./until.ts";

/** What a server is made of. */
export interface PrometheusParts {
  readonly name: "prometheus" | "alertmanager";
  readonly process: ServerProcess;
  readonly folder: string;
  /** `127.0.0.1:20090` */
  readonly address: string;
  readonly dispose: () => Promise<void>;
}

/** One result of a query. */
export interface PrometheusSample {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: number;
}

/** A Prometheus or an Alertmanager of this tool, for one test. */
export class PrometheusServer {
  readonly #parts: PrometheusParts;

  constructor(parts: PrometheusParts) {
    this.#parts = parts;
  }

  get address(): string {
    return this.#parts.address;
  }

  get url(): string {
    return `http://${this.address}`;
  }

  get pid(): number | undefined {
    return this.#parts.process.pid;
  }

  get isRunning(): boolean {
    return this.#parts.process.isRunning;
  }

  /** The folder its files are in. */
  get folder(): string {
    return this.#parts.folder;
  }

  async ready(timeoutMs = 30_000): Promise<this> {
    try {
      await until(`${this.#parts.name} at ${this.address} is ready`, timeoutMs, async () => {
        // Nobody brings it back: waiting on would be for nothing.
        if (!this.isRunning) return "ended";
        const { status } = await this.#fetch("/-/ready");
        return status === 200 ? "ready" : undefined;
      });
      if (!this.isRunning) throw new Error("the process ended");
    } catch (error) {
      const log = await this.#parts.process.logTail();
      throw new Error(
        `${this.#parts.name} at ${this.address} did not get ready; its log ends with:\n${log}`,
        {
          cause: error,
        },
      );
    }
    return this;
  }

  /** The samples that a query of PromQL has now. */
  async query(promql: string): Promise<readonly PrometheusSample[]> {
    const { data } = await this.get<{
      readonly data: {
        readonly result: readonly { metric: Record<string, string>; value: [number, string] }[];
      };
    }>(`/api/v1/query?query=${encodeURIComponent(promql)}`);
    return data.result.map(({ metric, value: [, value] }) => ({ metric, value: Number(value) }));
  }

  /**
   * What a path of its API answers, as JSON: `/api/v1/alerts`, `/api/v1/targets`; of an Alertmanager `/api/v2/alerts`.
   * @throws Error for any status but 200
   */
  async get<T>(path: string): Promise<T> {
    const response = await this.#fetch(path);
    const text = await response.text();
    if (response.status !== 200) throw new Error(`GET ${path}: ${response.status} ${text.slice(0, 300)}`);
    const answer: T = JSON.parse(text);
    return answer;
  }

  /** Takes another configuration, or other files beside it. */
  async reload(config: object): Promise<void> {
    const { folder, name } = this.#parts;
    await writeFile(join(folder, `${name}.yml`), JSON.stringify(config, undefined, 2));
    const response = await this.#fetch("/-/reload", "POST");
    if (response.status !== 200) throw new Error(`reload: ${response.status} ${await response.text()}`);
  }

  /** Stops it for good and removes its files. */
  async stop(): Promise<void> {
    // It has nothing to save that outlives its folder.
    await this.#parts.process.kill();
    await this.#parts.dispose();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #fetch(path: string, method = "GET"): Promise<Response> {
    return fetch(`${this.url}${path}`, { method, signal: AbortSignal.timeout(15_000) });
  }
}
