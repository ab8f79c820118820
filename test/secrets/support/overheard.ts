import diagnostics from "node:diagnostics_channel";

import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from "@opentelemetry/sdk-metrics";
import { AlwaysOnSampler } from "@opentelemetry/sdk-trace";
import type { Mesh, MeshEventType } from "@proxyless/core";
import { accessLog, envoyFormat, jsonFormat, logEvents } from "@proxyless/logs";
import type { FieldsFirstLogger } from "@proxyless/logs";
import {
  createMetrics,
  instrumentMesh,
  prometheusEndpoint,
  registerWithPromClient,
} from "@proxyless/metrics";
import { Registry } from "prom-client";
import type { OpenMetricsContentType } from "prom-client";

import { samples } from "../../../packages/logs/test/support/samples.ts";
import { Sdk } from "../../telemetry/support/sdk.ts";
import type { Planted } from "./planted.ts";

// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the keys of a record that has one for each
const types = Object.keys(samples) as MeshEventType[];

/** Writes down everything that a mesh says of itself, in every way that there is. */
export class Overheard {
  readonly #planted: Planted;
  readonly #sdk = new Sdk(new AlwaysOnSampler());
  readonly #meshes: { readonly mesh: Mesh; readonly end: () => Promise<void> }[] = [];
  readonly #onWarning = (warning: Error): void => {
    this.#planted.value("warnings", warning);
  };
  readonly #onMessage = (message: unknown): void => {
    this.#planted.value("diagnostics channels", message);
  };

  constructor(planted: Planted) {
    this.#planted = planted;
    process.on("warning", this.#onWarning);
    for (const type of types) diagnostics.subscribe(`proxyless:${type}`, this.#onMessage);
  }

  listenTo(mesh: Mesh): Mesh {
    const planted = this.#planted;
    for (const type of types) {
      mesh.on(type, (event) => {
        planted.value("events", event);
        planted.text("event types", type);
      });
    }
    const say = (fields: object, message: string): void => {
      planted.text("event log", `${message} ${JSON.stringify(fields)}`);
    };
    const logger: FieldsFirstLogger = { trace: say, debug: say, info: say, warn: say, error: say };
    const levels = Object.fromEntries(types.map((type) => [type, "info"] as const));
    const events = logEvents(mesh, logger, { repeats: false, levels });
    const formats = [envoyFormat, jsonFormat, "%REQ(X-API-KEY)% %RESP(X-TOKEN)% %PATH(WQ)%\n"];
    const lines = formats.map((format) =>
      accessLog(
        mesh,
        (line) => {
          planted.text("access log", line);
        },
        { format },
      ),
    );
    const metrics = createMetrics(mesh, { endpoints: true });
    const pages = prometheusEndpoint(metrics);
    const registry = new Registry<OpenMetricsContentType>();
    registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
    registerWithPromClient(registry, metrics);
    const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
    const reader = new PeriodicExportingMetricReader({ exporter, metricProducers: [metrics] });
    const provider = new MeterProvider({ readers: [reader] });
    const instruments = instrumentMesh(mesh, { meter: provider.getMeter("overheard") });
    const end = async (): Promise<void> => {
      const url = await pages.listen({ port: 0 });
      const accept = "application/openmetrics-text; version=1.0.0";
      for (const headers of [{}, { accept }]) {
        planted.text("metrics page", await (await fetch(url, { headers })).text());
      }
      planted.text("prom-client", await registry.metrics());
      await provider.forceFlush();
      planted.value("metrics", exporter.getMetrics());
      planted.value("dumps", mesh.inspect());
      planted.value("dumps", mesh.read({ endpoints: true }));
      planted.text("dumps", JSON.stringify(mesh));
      await pages.close();
      await provider.shutdown();
      instruments.close();
      metrics.close();
      events.stop();
      await Promise.all(lines.map((log) => log.stop()));
    };
    this.#meshes.push({ mesh, end });
    return mesh;
  }

  /** Reads what is to be read at the end, and listens no more. */
  async end(): Promise<void> {
    for (const { end, mesh } of this.#meshes) {
      await end();
      await mesh.close();
    }
    for (const span of this.#sdk.spans) {
      const { attributes, events, links, name, resource, status } = span;
      this.#planted.value("spans", {
        name,
        attributes,
        events,
        links,
        status,
        resource: resource.attributes,
      });
    }
    this.#sdk.end();
    for (const type of types) diagnostics.unsubscribe(`proxyless:${type}`, this.#onMessage);
    // Warnings come a turn later.
    await new Promise(setImmediate);
    process.off("warning", this.#onWarning);
  }
}
