import { createMesh, memorySource } from "@proxyless/core";
import { createMetrics, registerWithPromClient } from "@proxyless/metrics";
import type { BoardOptions } from "@proxyless/monitoring/grafana";
import { grafanaBoard } from "@proxyless/monitoring/grafana";
import { Registry } from "prom-client";
import { expect, it } from "vitest";

import { startPrometheus, until } from "../../scripts/servers/index.ts";
import type { PrometheusServer } from "../../scripts/servers/index.ts";
import { ForkedShop } from "./support/forked-shop.ts";

/** What is looked at of a board, as it is after JSON. */
interface Board {
  readonly panels: readonly {
    readonly id: number;
    readonly title: string;
    readonly targets?: readonly { readonly expr: string }[];
  }[];
  readonly templating: { readonly list: readonly { readonly name: string; readonly definition?: string }[] };
}

function boardOf(options: BoardOptions = {}): Board {
  return JSON.parse(JSON.stringify(grafanaBoard(options)));
}

/** As Grafana would send it with everything selected. */
function asked(expr: string): string {
  return expr.replaceAll(/\$(job|service)\b/g, ".*");
}

function queriesOf({ panels }: Board): readonly string[] {
  return panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => asked(expr)));
}

/** What a variable may be set to. */
async function valuesOf(prometheus: PrometheusServer, definition: string): Promise<readonly string[]> {
  const [, selector = "", label = ""] = /^label_values\((.*), (\w+)\)$/.exec(asked(definition)) ?? [];
  const path = `/api/v1/label/${label}/values?match[]=${encodeURIComponent(selector)}`;
  return (await prometheus.get<{ readonly data: readonly string[] }>(path)).data;
}

it("every query of the board has a series in a real Prometheus", { timeout: 180_000 }, async () => {
  const board = boardOf({ window: "20s" });
  const queries = queriesOf(board);
  expect(queries.length).toBeGreaterThan(40);
  await using shop = await ForkedShop.start();
  await using prometheus = await startPrometheus({
    config: {
      global: { scrape_interval: "1s" },
      scrape_configs: [{ job_name: "shop", static_configs: [{ targets: [new URL(shop.metricsUrl).host] }] }],
    },
  });
  await until("the first scrape", 60_000, async () => {
    const calls = await prometheus.query("proxyless_client_calls_total");
    return calls.length > 0 ? true : undefined;
  });
  for (const fault of ["payments", "orders", "registry", "rush"] as const) shop.set({ fault, isOn: true });

  const empty = new Set(queries);
  await until("every query has a series", 90_000, async () => {
    const answers = await Promise.all(
      [...empty].map(async (query) => ({ query, samples: await prometheus.query(query) })),
    );
    for (const { query, samples } of answers) {
      if (samples.some(({ value }) => Number.isFinite(value))) empty.delete(query);
    }
    if (empty.size > 0) throw new Error(`no series: ${[...empty].join("\n")}`);
    return true;
  });
  const variables = board.templating.list.flatMap(({ definition, name }) =>
    definition === undefined ? [] : [[name, definition] as const],
  );
  const values = await Promise.all(
    variables.map(async ([name, definition]) => [name, await valuesOf(prometheus, definition)] as const),
  );
  expect(Object.fromEntries(values)).toEqual({
    job: ["shop"],
    service: ["orders", "payments", "search", "stock"],
  });
});

it("the board reads metrics that there are, and shows every one of them", async () => {
  await using mesh = createMesh({ discovery: memorySource({}) });
  using metrics = createMetrics(mesh);
  const registry = new Registry();
  registerWithPromClient(registry, metrics);
  const known = new Set(registry.getMetricsAsArray().map(({ name }) => name));
  const text = queriesOf(boardOf()).join("\n");
  const read = new Set([...text.matchAll(/(\w+?)(?:_bucket)?\{/g)].map(([, name = ""]) => name));
  expect([...read].filter((name) => !known.has(name))).toEqual([]);
  const unseen = [...known].filter((name) => !read.has(name) && !name.startsWith("proxyless_endpoint_"));
  expect(unseen).toEqual(["nodejs_eventloop_delay_mean_seconds", "nodejs_eventloop_delay_p90_seconds"]);
});

it("the board has its panels side by side and each its own id", () => {
  const { panels } = boardOf();
  expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
  expect(panels[0]).toMatchObject({ type: "row", title: "Golden signals" });
  const titles = panels.slice(1, 5).map(({ title }) => title);
  expect(titles).toEqual(["Duration of calls", "Calls", "Errors", "Saturation"]);
});

it.each<[object, RegExp]>([
  [{ uid: "a b" }, /uid must be 1 to 40 letters, digits, - and _/],
  [{ title: "" }, /title must be a non-empty string/],
  [{ windows: "1m" }, /windows must be absent \(known: title, uid, window\)/],
])("a board of %j is refused", (options, message) => {
  expect(() => grafanaBoard({ ...options })).toThrow(message);
});
