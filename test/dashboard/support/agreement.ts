import type { MeshView } from "@proxyless/core";
import type { Page } from "playwright-core";
import { expect } from "vitest";

import type { Appearance } from "./appearance.ts";
import { byText, readOrders } from "./drawn.ts";
import { sayGuards } from "./guards.ts";
import type { Stage } from "./stage.ts";
import { inMs, nearly, percent, threeDigits } from "./texts.ts";
import type { Second } from "./witness.ts";

type Service = MeshView["services"][number];

/** Reasons for which an endpoint is ill; for others it is kept out by choice. */
const ill = new Set(["ejected", "probing", "unhealthy", "health check", "retry-after"]);

/**
 * Lets the page look, and holds what it draws against what the mesh says. The page is given time to draw; the clock of the mesh stands
 * still meanwhile.
 */
export async function agree(page: Page, stage: Stage): Promise<Appearance> {
  await stage.look();
  const said = sayOrders(stage);
  // After five seconds of silence the page would ask for everything anew, and hide what it got wrong.
  await expect.poll(() => readOrders(page), { timeout: 4_000 }).toEqual(said);
  return said;
}

function sayOrders(stage: Stage): Appearance {
  const { mesh, witness } = stage;
  const { registrations, services } = mesh.inspect();
  const service = services.find((each) => each.service === "orders")!;
  const { balancing, budget, calls, circuits, endpoints } = service;
  const second = witness.second();
  const perCall = (count: number): number => (second.calls === 0 ? 0 : count / second.calls);
  const [rate, failed] = [`${second.calls}/s`, percent(perCall(second.failed))];
  const [p50, p90, p99] = [50, 90, 99].map((each) => nearly(second.percentile(each)));
  return {
    endpoints: endpoints
      .map(({ cost, effectiveWeight, endpoint, gate, latencyMs, pending, successRatio }) => {
        const [first] = gate;
        const why = gate.map(({ text }) => text).filter((text) => text !== first?.kind);
        const success = `${Math.round(100 * successRatio)} %`;
        const figures = [success, String(pending), String(effectiveWeight), percent(witness.share(endpoint))];
        const dear = cost === undefined ? "–" : threeDigits(Math.round(10 * cost) / 10);
        return [endpoint, first?.kind ?? "open", why.join("; "), ...figures, inMs(latencyMs), dear];
      })
      .toSorted(byText),
    sparklines: endpoints
      .map(({ endpoint, latencyMs }) => [endpoint, nearly(latencyMs) ?? null, true] as const)
      .toSorted(byText),
    circuits: circuits.map(({ route, ...circuit }) => {
      const word = `${circuit.state.replace("_", "-")}${circuit.mode === "auto" ? "" : `, ${circuit.mode.replace("-", " ")}`}`;
      return [route ?? "service", word, circuitDetail(circuit)];
    }),
    inFlight: String(calls),
    balancer: balancing.panic ? `${balancing.balancer}, in panic` : balancing.balancer,
    budget: String(Math.floor(Math.round(10 * budget.balance) / 10)),
    traffic: [rate, failed, percent(perCall(second.extra))],
    latency: [p50, p99],
    legend: {
      p50,
      p90,
      p99,
      rate: String(second.calls),
      failed: String(second.failed),
      extra: String(second.extra),
    },
    charts: sayCharts(stage),
    guards: sayGuards(service, second),
    upstream: { rate, failed: `${failed} failed`, p99, ...sayUpstream(service, second) },
    self: [
      "this process",
      ...registrations.map(({ registry, service: name, state }) => `${name}: ${state} (${registry})`),
    ].join("\n"),
  };
}

function circuitDetail(circuit: Omit<Service["circuits"][number], "route">): string {
  const { calls, failureRatio, openForMs, refused, slow } = circuit;
  const parts = [`${percent(Math.round(1_000 * failureRatio) / 1_000)} of ${calls} failed`];
  if (slow > 0) parts.push(`${slow} slow`);
  if (refused > 0) parts.push(`${refused} refused`);
  // Forced open it tries nothing by itself.
  if (openForMs > 0 && Number.isFinite(openForMs)) parts.push(`next try in ${inMs(Math.round(openForMs))}`);
  return parts.join(" · ");
}

/** The page has watched since the clock began, and looked every second. */
function sayCharts({ begunAt, clock, witness }: Stage): Appearance["charts"] {
  const ends = Array.from(
    { length: Math.floor((clock.now() - begunAt) / 1_000) },
    (_, i) => begunAt + 1_000 * (i + 1),
  ).slice(-180);
  const rows = ends.map((end) => {
    const { calls, extra, failed, percentile } = witness.second(end);
    const at = (clock.wallNow() - (clock.now() - end)) / 1_000;
    const percentiles = [99, 90, 50].map((each) => nearly(percentile(each)) ?? null);
    return [
      [at, ...percentiles],
      [at, calls, failed, extra],
    ] as const;
  });
  return [rows.map(([latencies]) => latencies), rows.map(([, counts]) => counts)];
}

function sayUpstream(
  service: Service,
  second: Second,
): Pick<Appearance["upstream"], "fleet" | "bar" | "edge"> {
  const { endpoints } = service;
  const open = endpoints.filter(({ gate }) => gate.length === 0).length;
  const sick = endpoints.filter(({ gate: [first] }) => first !== undefined && ill.has(first.kind)).length;
  const all = `${endpoints.length} ${endpoints.length === 1 ? "endpoint" : "endpoints"}`;
  const width = 1 + Math.min(5, 1.6 * Math.log10(1 + second.calls));
  return {
    fleet: open === endpoints.length ? all : `${open} of ${all} open`,
    bar: [open, endpoints.length - open - sick, sick].map(String),
    edge: [width.toFixed(1), toneOf(service, second)],
  };
}

function toneOf({ balancing, circuits }: Service, { calls, failed }: Second): string {
  if (circuits.some(({ mode, state }) => state === "open" && mode !== "metrics-only")) return "bad";
  if (balancing.panic) return "bad";
  if (circuits.some(({ state }) => state === "half_open")) return "warn";
  if (failed > 0.05 * calls) return "bad";
  return balancing.ejected > 0 ? "warn" : "good";
}
