import type { Mesh } from "@proxyless/core";

import type { AttemptStats, EndpointStats } from "./endpoint-stats.ts";
import type { Fleet } from "./fleet.ts";
import { columns, count, ms, percent } from "./format.ts";
import type { Meter } from "./meter.ts";

/** An endpoint as the mesh sees it, and what was done to it. */
export interface EndpointRow extends EndpointStats {
  readonly name: string;
  readonly address: string;
  /** Moving, 0 to 1. */
  readonly success: number;
  /** `open`, or why the mesh may not pick it. */
  readonly gate: string;
  readonly condition: string;
}

/** The state of the demo at one moment. */
export interface View {
  readonly elapsed: number;
  readonly seconds: number;
  readonly calls: number;
  readonly failed: number;
  readonly retries: number;
  readonly baselineFailed: number;
  readonly endpoints: readonly EndpointRow[];
}

/** What a view is made from. */
export interface Scene {
  readonly startedAt: number;
  readonly seconds: number;
  readonly mesh: Mesh;
  readonly stats: AttemptStats;
  readonly fleet: Fleet;
  readonly proxyless: Meter;
  readonly baseline: Meter;
}

export function look({ startedAt, seconds, mesh, stats, fleet, proxyless, baseline }: Scene): View {
  const recent = stats.recent();
  const endpoints = mesh.inspect().services.flatMap((service) => service.endpoints);
  return {
    elapsed: Math.min(seconds, (performance.now() - startedAt) / 1000),
    seconds,
    calls: proxyless.calls,
    failed: proxyless.failed,
    retries: stats.retries,
    baselineFailed: baseline.failed,
    endpoints: endpoints
      .map(({ endpoint, gate, successRatio }) => {
        const instance = fleet.instances.find(({ address }) => address === endpoint);
        const { share, p50Ms, p99Ms } = recent(endpoint);
        return {
          share,
          p50Ms,
          p99Ms,
          name: instance?.name ?? "(gone)",
          address: endpoint,
          success: successRatio,
          gate: gate.length === 0 ? "open" : gate.map(({ text }) => text).join(", "),
          condition: instance?.condition ?? "",
        };
      })
      .toSorted((a, b) => a.name.localeCompare(b.name)),
  };
}

/** The picture that is redrawn in place: a progress line and a table of endpoints. */
export function picture(view: View): readonly string[] {
  const width = 24;
  const filled = Math.round((view.elapsed / view.seconds) * width);
  const bar = "█".repeat(filled) + "░".repeat(width - filled);
  const progress = `${view.elapsed.toFixed(1)} of ${view.seconds} s  ${bar}  ${count(view.calls)} calls`;
  const head = ["instance", "endpoint", "share", "p50", "p99", "success", "gate", ""];
  const rows = view.endpoints.map((row) => [
    row.name,
    row.address,
    percent(row.share),
    ms(row.p50Ms),
    ms(row.p99Ms),
    percent(row.success),
    row.gate,
    row.condition,
  ]);
  return [
    "",
    `${progress}   failed: proxyless ${count(view.failed)}, fetch ${count(view.baselineFailed)}`,
    "",
    ...columns([head, ...rows], "llrrrrll"),
  ];
}

/** The same in one line, for logs. */
export function line(view: View): string {
  const shares = view.endpoints.map(({ name, share, p50Ms, condition }) => {
    const extra = condition === "" ? "" : `, ${condition}`;
    return `${name} ${percent(share)} (${ms(p50Ms)}${extra})`;
  });
  const failed = `failed: proxyless ${count(view.failed)}, fetch ${count(view.baselineFailed)}`;
  return `${view.elapsed.toFixed(0).padStart(3)} s  ${count(view.calls)} calls  ${failed}  ${shares.join("  ")}`;
}
