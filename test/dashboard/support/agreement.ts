import type { Page } from "playwright-core";
import { expect } from "vitest";

import type { Stage } from "./stage.ts";

/** What there is to see, or to say, of a service. */
interface Appearance {
  /**
   * Each endpoint: its address, its state in a word, why in words, success, attempts in flight, the weight it has now, its share of the
   * attempts, its latency and its cost.
   */
  readonly endpoints: readonly (readonly string[])[];
  /** Each circuit: of what, its state, and what it counted. */
  readonly circuits: readonly (readonly string[])[];
  readonly inFlight: string;
  /** Of the last second: calls, the share that failed, what retries and hedges added. */
  readonly traffic: readonly string[];
  /** p50 and p99, in milliseconds; `undefined` where nothing was sent. The page is right to within 4 %. */
  readonly latency: readonly unknown[];
  readonly balancer: string;
  readonly budget: string;
  /** What its bulkhead holds, what it throttles and how it hedges, by what the page calls it. */
  readonly guards: unknown;
  /** How many endpoints are open, as the service's own line says it. */
  readonly fleet: string;
}

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

function sayOrders({ mesh, witness }: Stage): Appearance {
  const service = mesh.inspect().services.find((each) => each.service === "orders")!;
  const { balancing, budget, calls, circuits, endpoints, hedging, limits } = service;
  const { adaptiveThrottling, bulkhead } = limits.find(({ route }) => route === undefined) ?? {};
  const open = endpoints.filter(({ gate }) => gate.length === 0).length;
  const all = `${endpoints.length} ${endpoints.length === 1 ? "endpoint" : "endpoints"}`;
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
    circuits: circuits.map(({ calls: counted, failureRatio, mode, refused, route, state }) => {
      const word = `${state.replace("_", "-")}${mode === "auto" ? "" : `, ${mode.replace("-", " ")}`}`;
      const detail = `${percent(Math.round(1_000 * failureRatio) / 1_000)} of ${counted} failed${refused > 0 ? ` · ${refused} refused` : ""}`;
      return [route ?? "service", word, detail];
    }),
    inFlight: String(calls),
    balancer: balancing.panic ? `${balancing.balancer}, in panic` : balancing.balancer,
    budget: String(Math.floor(Math.round(10 * budget.balance) / 10)),
    traffic: [`${witness.calls}/s`, percent(witness.failed), percent(witness.extra)],
    latency: [50, 99].map((each) => nearly(witness.percentile(each))),
    guards: {
      ...(bulkhead && { bulkhead: `${bulkhead.inFlight} of ${bulkhead.maxConcurrent} in flight` }),
      ...Object.fromEntries(
        Object.entries(adaptiveThrottling?.levels ?? {}).map(([level, { rejection }]) => [
          `throttled, ${level.replaceAll("_", " ")}`,
          percent(Math.round(100 * rejection) / 100),
        ]),
      ),
      ...Object.fromEntries(
        hedging.flatMap(({ delayMs, hedges, isServiceSlow, late }) => [
          ["hedge after", isServiceSlow ? "off: the whole service is slow" : inMs(delayMs)],
          ["hedges lately", `${hedges}, ${late} too late`],
        ]),
      ),
    },
    fleet: open === endpoints.length ? all : `${open} of ${all} open`,
  };
}

/** Reads what is drawn: the text of the page, not what it was told. */
async function readOrders(page: Page): Promise<Appearance> {
  const texts = async (selector: string): Promise<readonly string[]> =>
    (await page.locator(selector).allInnerTexts()).map((text) => text.trim());
  const rows = async (selectors: readonly string[]): Promise<readonly string[][]> => {
    const columns = await Promise.all(selectors.map(texts));
    return columns[0]!.map((_, row) => columns.map((column) => column[row] ?? ""));
  };
  const cells = [
    "th b",
    "td.state .verdict",
    ".reason",
    "td.success",
    "td.pending",
    "td.weight",
    "td.share > span:first-child",
    "td.latency > span:first-child",
    "td.cost",
  ];
  const endpoints = await rows(cells.map((cell) => `[data-endpoint] ${cell}`));
  const circuits = await rows(["b", ".verdict", "small"].map((cell) => `[data-circuit] ${cell}`));
  const fact = async (name: string): Promise<string> => (await texts(`[data-fact="${name}"]`))[0] ?? "";
  const [budget = ""] = await texts(".pairs dd");
  const pairs = await rows([".pairs dt", ".pairs dd"]);
  const guards = pairs.filter(([name = ""]) => /^(?:bulkhead|throttled|hedge)/u.test(name));
  const [fleet = ""] = await texts('[data-service="orders"] .fleet');
  return {
    endpoints: endpoints.toSorted(byText),
    // A countdown runs on with the clock.
    circuits: circuits.map(([of = "", word = "", detail = ""]) => [
      of,
      word,
      detail.replace(/ · next try.*/, ""),
    ]),
    inFlight: await fact("in flight"),
    traffic: [await fact("calls"), await fact("failed"), await fact("extra load")],
    latency: [msOf(await fact("p50")), msOf(await fact("p99"))],
    balancer: await fact("balancer"),
    budget,
    guards: Object.fromEntries(pairs.length === 0 ? [] : guards),
    fleet,
  };
}

/** As the page writes it. */
function percent(ratio: number): string {
  const value = 100 * ratio;
  return `${value > 0 && value < 10 ? Math.round(10 * value) / 10 : Math.round(value)} %`;
}

function threeDigits(value: number): string {
  return value >= 100 ? String(Math.round(value)) : String(Number(value.toPrecision(value >= 10 ? 3 : 2)));
}

function inMs(ms: number | undefined): string {
  if (ms === undefined) return "–";
  const shown = Math.round((ms < 10 ? 100 : 10) * ms) / (ms < 10 ? 100 : 10);
  return shown >= 1_000 ? `${threeDigits(shown / 1_000)} s` : `${threeDigits(shown)} ms`;
}

function msOf(text: string): number | undefined {
  const [number = "", unit] = text.split(" ");
  return unit === undefined ? undefined : Number(number) * (unit === "s" ? 1_000 : 1);
}

/** What takes no time is in the lowest of the page's buckets. */
function nearly(ms: number | undefined): unknown {
  if (ms === undefined) return undefined;
  return expect.toSatisfy(
    (seen: number) => Math.abs(seen - ms) <= Math.max(0.05, 0.04 * ms),
    `about ${ms} ms`,
  );
}

function byText(a: readonly string[], b: readonly string[]): number {
  return a.join(" ") < b.join(" ") ? -1 : 1;
}
