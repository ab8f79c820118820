import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";

import { PrometheusExporter } from "@opentelemetry/exporter-prometheus";
import { emptyResource } from "@opentelemetry/resources";
import type { Resource } from "@opentelemetry/resources";
import { MeterProvider } from "@opentelemetry/sdk-metrics";
import type { CollectionResult, MetricProducer } from "@opentelemetry/sdk-metrics";
import { configError } from "@proxyless/core";
import { knownKeys, record, text, wholeNumber } from "@proxyless/core/discovery";

import { explicitOnes } from "../metrics-source.ts";
import type { MetricsSource } from "../metrics-source.ts";
import { forPrometheus } from "./prometheus-names.ts";

/** What a Prometheus endpoint tells besides the metrics. */
export interface PrometheusOptions {
  /** What the process is, as `target_info`. Default: nothing. */
  readonly resource?: Resource | undefined;
}

/** Where a server of its own listens. */
export interface ListenOptions {
  /** Default: `127.0.0.1`; `0.0.0.0` for a Prometheus on another machine. */
  readonly host?: string | undefined;
  /** 0 for any that is free. Default: 9464. */
  readonly port?: number | undefined;
  /** Default: `/metrics`. */
  readonly path?: string | undefined;
}

/** Metrics in Prometheus' text format, written by OpenTelemetry's exporter. */
export class PrometheusEndpoint implements AsyncDisposable {
  readonly #exporter: PrometheusExporter;
  readonly #provider: MeterProvider;
  #server: Server | undefined;

  /** @internal */
  constructor(metrics: readonly MetricsSource[], resource: Resource | undefined) {
    this.#exporter = new PrometheusExporter({
      preventServerStart: true,
      withoutScopeInfo: true,
      withoutTargetInfo: resource === undefined,
      metricProducers: metrics.map(named),
    });
    this.#provider = new MeterProvider({
      readers: [this.#exporter],
      resource: resource ?? emptyResource(),
    });
  }

  /** Answers a scrape, for a server of yours; also as a middleware of Express. Needs no `this`. */
  readonly handler = (request: IncomingMessage, response: ServerResponse): void => {
    this.#exporter.getMetricsRequestHandler(request, response);
  };

  /**
   * Listens with a server of its own, that does not keep the process alive.
   * @returns its address, as a URL
   * @throws ProxylessError `ERR_PROXYLESS_CONFIG` for a bad option, or where it listens already; what `listen` of Node throws
   */
  async listen(options: ListenOptions = {}): Promise<string> {
    knownKeys("", record("options", options), ["host", "port", "path"]);
    const host = text("host", options.host ?? "127.0.0.1");
    const port = wholeNumber("port", options.port, 9464, 0, 65_535);
    const path = text("path", options.path ?? "/metrics");
    if (!path.startsWith("/")) throw configError("path", "a path that begins with /", path);
    if (this.#server !== undefined) throw configError("listen", "called once", options);
    const server = (this.#server = createServer((request, response) => {
      if (request.url?.split("?")[0] === path) this.handler(request, response);
      else response.writeHead(404).end();
    }));
    server.unref();
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(port, host, resolve);
    }).catch((error: unknown) => {
      this.#server = undefined;
      throw error;
    });
    const address = server.address();
    const bound = typeof address === "object" && address !== null ? address.port : port;
    return `http://${host.includes(":") ? `[${host}]` : host}:${bound}${path}`;
  }

  /** Stops listening and ends every connection. The metrics themselves go on. */
  async close(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server !== undefined) {
      const closed = new Promise((resolve) => {
        server.close(resolve);
      });
      server.closeAllConnections();
      await closed;
    }
    await this.#provider.shutdown();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/**
 * A Prometheus endpoint of one or several meshes; give these different `attributes`, or their series cannot be told apart.
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG` for metrics whose histograms are exponential: the exporter has none
 */
export function prometheusEndpoint(
  metrics: MetricsSource | readonly MetricsSource[],
  options: PrometheusOptions = {},
): PrometheusEndpoint {
  knownKeys("", record("options", options), ["resource"]);
  return new PrometheusEndpoint(explicitOnes(metrics), options.resource);
}

/** The same metrics under the names that Prometheus shall see. */
function named(producer: MetricProducer): MetricProducer {
  return {
    collect: async (options): Promise<CollectionResult> => {
      const { errors, resourceMetrics } = await producer.collect(options);
      const scopeMetrics = resourceMetrics.scopeMetrics.map(({ metrics, scope }) => ({
        scope,
        metrics: metrics.map(forPrometheus),
      }));
      return { errors, resourceMetrics: { ...resourceMetrics, scopeMetrics } };
    },
  };
}
