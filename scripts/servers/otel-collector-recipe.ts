import { join } from "node:path";

import { unpackGo } from "./go-toolchain.ts";
import type { Recipe } from "./recipe.ts";

/**
 * The OpenTelemetry Collector, compiled from `otel-collector.go` and the sources that Debian's development packages hold (sid: exact
 * versions move). Takes some minutes and 3 GB on the way.
 */
export const otelCollectorRecipe: Recipe = {
  name: "otel-collector",
  version: "0.152",
  variable: "PROXYLESS_OTEL_COLLECTOR_BIN",
  command: "otelcol",
  binary: "bin/otel-collector",
  install: async (tree, scratch) => {
    const wanted = { names: ["golang-opentelemetry-collector-dev"], withDependencies: true };
    const go = await unpackGo(wanted, "PROXYLESS_OTEL_COLLECTOR_BIN", scratch);
    const output = join(tree, "bin/otel-collector");
    await go.buildFile(join(import.meta.dirname, "otel-collector.go"), output);
  },
};
