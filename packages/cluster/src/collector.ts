import { ChildProcess } from "node:child_process";
import cluster from "node:cluster";
import { Worker } from "node:worker_threads";

import { configError } from "@proxyless/core";
import type { FeedSource } from "@proxyless/dashboard/feed";
import type { MetricsSource } from "@proxyless/metrics";

import { ClusterMetrics } from "./cluster-metrics.ts";
import { resolveCollector } from "./collector-options.ts";
import type { CollectorOptions, ResolvedCollector } from "./collector-options.ts";
import { ClusterLink } from "./links/cluster-link.ts";
import { ProcessLink } from "./links/process-link.ts";
import { ThreadLink } from "./links/thread-link.ts";
import { PageSource } from "./page/page-source.ts";
import { Roster } from "./roster.ts";

/**
 * Collects what the workers of this process report: its worker threads and those of `node:cluster`, by themselves, and forked processes
 * that are {@link Collector.add | added}. They are asked when somebody wants to know, and are sent nothing else.
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG` for a bad option
 */
export function collectWorkers(options: CollectorOptions = {}): Collector {
  return new Collector(resolveCollector(options));
}

/** The workers of a process, as one. */
export class Collector implements Disposable {
  readonly #roster: Roster;
  readonly #threads: ThreadLink;
  readonly #children = new Map<ChildProcess, ProcessLink>();
  readonly #metrics: ClusterMetrics;
  readonly #page: PageSource;

  /** @internal */
  constructor(options: ResolvedCollector) {
    const roster = (this.#roster = new Roster(options));
    this.#metrics = new ClusterMetrics(roster, { ...options, own: options.metrics });
    this.#page = new PageSource(roster);
    if (cluster.isPrimary) roster.add(new ClusterLink(roster));
    this.#threads = new ThreadLink(roster);
    roster.add(this.#threads);
  }

  /** Their metrics, added up: for `prometheusEndpoint`, or as `metricProducers` of a reader of OpenTelemetry's SDK. */
  get metrics(): MetricsSource {
    return this.#metrics;
  }

  /** Their meshes as one, for the page: `createDashboard({ mesh: workers.page })`. */
  get page(): FeedSource {
    return this.#page;
  }

  /** Those that report at the moment, by name: `cluster-3`, `thread-7`, `process-4711`. */
  get workers(): readonly string[] {
    return this.#roster.workers;
  }

  /**
   * Adds a process that was forked; or a thread that was started before the collector was made, or by another thread, so that its end is
   * heard of.
   * @throws ProxylessError `ERR_PROXYLESS_CONFIG` for anything else
   */
  add(worker: ChildProcess | Worker): void {
    if (worker instanceof Worker) this.#threads.watch(worker);
    else if (worker instanceof ChildProcess && worker.channel != null) this.#addChild(worker);
    else throw configError("worker", "a Worker, or a process with an IPC channel", worker);
  }

  /** Ends it: nobody is asked any more. Workers go on, and may be collected by another one. */
  close(): void {
    this.#metrics.close();
    this.#roster.close();
    this.#children.clear();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #addChild(child: ChildProcess): void {
    if (this.#children.has(child)) return;
    const link = new ProcessLink(child, this.#roster);
    this.#children.set(child, link);
    this.#roster.add(link);
    child.once("disconnect", () => {
      this.#children.delete(child);
      this.#roster.remove(link);
    });
  }
}
