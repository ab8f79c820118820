import { expect, it } from "vitest";

import { startPrometheus, until } from "../../scripts/servers/index.ts";
import { sumOf } from "../metrics/support/scraped.ts";
import { Stage } from "./support/stage.ts";

const calls = "proxyless_client_calls_total";
const durations = "http_client_request_duration_seconds";

it("a Prometheus sees the sum, and no counter begin anew when workers do", { timeout: 240_000 }, async () => {
  await using stage = await Stage.start();
  const [first = "", second = "", thread = ""] = await stage.add("cluster", "cluster", "thread");
  const { port } = await stage.tell(first, { op: "count" });
  const server = `http://127.0.0.1:${port}/200`;
  // The workers of node:cluster share the port: who gets which request is nobody's choice.
  const load = (times: number): Promise<unknown> =>
    Promise.all(Array.from({ length: times }, async () => (await fetch(server)).text()));
  await using prometheus = await startPrometheus({
    config: {
      global: { scrape_interval: "1s" },
      scrape_configs: [{ job_name: "all", static_configs: [{ targets: [new URL(stage.url).host] }] }],
    },
  });
  const sees = async (count: number): Promise<void> => {
    await until(`Prometheus sees ${count} calls`, 60_000, async () => {
      const samples = await prometheus.query(`sum(${calls})`);
      return samples[0]?.value === count ? true : undefined;
    });
  };
  await load(60);
  await stage.tell(thread, { op: "call", path: "/200", times: 5 });
  const own = await Promise.all([first, second, thread].map((name) => stage.tell(name, { op: "count" })));
  expect(own.map((each) => each.calls).reduce((sum, each) => sum + each)).toBe(65);
  expect(Math.min(...own.map((each) => each.calls))).toBeGreaterThan(0);
  await sees(65);
  await stage.ask({ op: "kill", worker: first });
  await stage.ask({ op: "kill", worker: thread });
  await stage.add("cluster", "thread");
  await load(40);
  await sees(105);
  expect(sumOf(await stage.scrape(), calls)).toBe(105);
  for (const name of [calls, `${durations}_count`, `${durations}_bucket`, `${durations}_sum`]) {
    const resets = await prometheus.query(`resets(${name}[10m])`);
    expect(resets.length).toBeGreaterThan(0);
    expect(resets.filter(({ value }) => value > 0)).toEqual([]);
  }
});
