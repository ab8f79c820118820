import { expect, it } from "vitest";

import { promtool } from "../../scripts/servers/index.ts";
import { sumOf } from "../metrics/support/scraped.ts";
import { Stage } from "./support/stage.ts";

const calls = "proxyless_client_calls_total";
const durations = "http_client_request_duration_seconds";

it("adds up what threads, cluster workers and forked processes count", { timeout: 120_000 }, async () => {
  await using stage = await Stage.start();
  const names = await stage.add("cluster", "cluster", "thread", "thread", "process");
  let at = 0;
  for (const worker of names) {
    await stage.tell(worker, { op: "call", path: "/200", times: ++at });
    await stage.tell(worker, { op: "call", path: "/404", times: 2 });
  }
  const counts = await Promise.all(names.map((worker) => stage.tell(worker, { op: "count" })));
  expect(counts.map((each) => each.calls)).toEqual([3, 4, 5, 6, 7]);
  const text = await stage.scrapeText();
  const scraped = await stage.scrape();
  expect(sumOf(scraped, calls)).toBe(25);
  expect(sumOf(scraped, `${durations}_count`, { http_response_status_code: "200" })).toBe(15);
  expect(sumOf(scraped, `${durations}_count`, { http_response_status_code: "404" })).toBe(10);
  expect(sumOf(scraped, `${durations}_bucket`, { le: "+Inf" })).toBe(25);
  const seconds = counts.reduce((sum, each) => sum + each.seconds, 0);
  expect(sumOf(scraped, `${durations}_sum`)).toBeCloseTo(seconds, 9);
  // All of them know the same one endpoint, and each has a loop of its own.
  expect(sumOf(scraped, "proxyless_lb_endpoints")).toBe(1);
  const loops = [...scraped.keys()].filter((key) => key.startsWith("nodejs_eventloop_delay_max_seconds"));
  expect(new Set(loops.map((key) => /worker_id="([^"]*)"/.exec(key)?.[1]))).toEqual(new Set(names));
  expect(await promtool(["check", "metrics"], text)).toEqual({ code: 0, output: "" });
  expect(await stage.lines()).toMatchObject({ problems: [], strange: [] });
});
