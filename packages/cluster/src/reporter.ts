import { configError } from "@proxyless/core";
import type { Mesh } from "@proxyless/core";
import { knownKeys, record } from "@proxyless/core/discovery";
import { metricsReport } from "@proxyless/metrics";
import type { MetricsSource } from "@proxyless/metrics";

import { openPrimary } from "./links/primary.ts";
import type { Primary } from "./links/primary.ts";
import { marked, readToWorkers } from "./messages.ts";
import type { ToPrimary, ToWorkers } from "./messages.ts";
import { WorkerPage } from "./page/worker-page.ts";

/** What a worker reports. */
export interface ReporterOptions {
  /** What `createMetrics` made in this worker, for the metrics of all. Default: none. */
  readonly metrics?: MetricsSource | undefined;
  /** The mesh of this worker, for the page of all. Default: none. */
  readonly mesh?: Mesh | undefined;
}

/** A worker's reports to its primary. */
export interface Reporter extends AsyncDisposable {
  /** Whether there is a primary: not in a process of its own. */
  readonly hasPrimary: boolean;
  /**
   * Says the last numbers, and ends it; resolves when they are on their way. Call it when the last call is over, before the metrics are
   * closed: of a worker that goes without it the primary has the numbers that it asked for last.
   */
  close(): Promise<void>;
}

/**
 * Answers what the primary asks, in a worker thread, a worker of `node:cluster` or a forked process. While nobody asks, nothing is sent;
 * where there is no primary, nothing is done. Keeps nothing alive.
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG` for a bad option
 */
export function reportToPrimary(options: ReporterOptions): Reporter {
  knownKeys("", record("options", options), ["metrics", "mesh"]);
  const { mesh, metrics } = options;
  if (metrics === undefined && mesh === undefined) {
    throw configError("metrics", "there, or mesh", metrics);
  }
  const topics = new Map<string, Topic>();
  if (metrics !== undefined) {
    if (typeof metrics.collect !== "function")
      throw configError("metrics", "what createMetrics has made", metrics);
    topics.set("metrics", { answer: async () => metricsReport(await metrics.collect()) });
  }
  if (mesh !== undefined) {
    if (typeof mesh.inspect !== "function") throw configError("mesh", "a mesh", mesh);
    topics.set("page", new WorkerPage(mesh));
  }
  return new WorkerReporter(topics);
}

/** Something that a worker can be asked of. */
interface Topic {
  answer(): Promise<unknown>;
  close?(): void;
}

type Body = ToPrimary extends infer M
  ? M extends ToPrimary
    ? Omit<M, "reporter" | "thread">
    : never
  : never;

let reporters = 0;

class WorkerReporter implements Reporter {
  readonly #topics: ReadonlyMap<string, Topic>;
  readonly #number = ++reporters;
  readonly #primary: Primary | undefined;
  /** What was asked in this turn of the loop: who was blocked answers only the last of each. */
  readonly #asked = new Map<string, ToWorkers & { readonly kind: "ask" }>();
  #isClosed = false;

  constructor(topics: ReadonlyMap<string, Topic>) {
    this.#topics = topics;
    this.#primary = openPrimary((message) => {
      this.#hear(readToWorkers(message));
    });
    void this.#send({ kind: "hello" });
  }

  get hasPrimary(): boolean {
    return this.#primary !== undefined;
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const words: Record<string, unknown> = {};
    if (this.#primary !== undefined) {
      const metrics = await this.#topics.get("metrics")?.answer();
      if (metrics !== undefined) words["metrics"] = metrics;
    }
    await this.#send({ kind: "bye", words });
    this.#primary?.close();
    for (const topic of this.#topics.values()) topic.close?.();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #hear(message: ToWorkers | undefined): void {
    if (message === undefined || this.#isClosed) return;
    if (message.kind === "who") {
      void this.#send({ kind: "hello" });
      return;
    }
    const key = `${message.collector} ${message.topic}`;
    const isFirst = !this.#asked.has(key);
    this.#asked.set(key, message);
    if (isFirst) setImmediate(() => void this.#answer(key));
  }

  async #answer(key: string): Promise<void> {
    const asked = this.#asked.get(key);
    this.#asked.delete(key);
    if (asked === undefined || this.#isClosed) return;
    const { collector, number, topic } = asked;
    const content = await this.#topics.get(topic)?.answer();
    await this.#send({ kind: "answer", collector, number, topic, content });
  }

  async #send(body: Body): Promise<void> {
    const primary = this.#primary;
    if (primary === undefined) return;
    const from = { reporter: this.#number, ...(primary.thread !== undefined && { thread: primary.thread }) };
    await primary.send(marked({ ...from, ...body }));
  }
}
