import type { Page } from "playwright-core";

import type { Appearance } from "./appearance.ts";
import { readCharts, readSparklines } from "./charts.ts";

/** A line is painted where it belongs, to so many pixels: it is 1.25 wide. */
const paintedWithin = 2;

/** Reads what is drawn: the text of the page, and what its charts were handed; not what the page was told. */
export async function readOrders(page: Page): Promise<Appearance> {
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
  const guards = pairs.filter(([name = ""]) => !name.startsWith("retries left"));
  const legend = Object.fromEntries(await page.evaluate<[string, string][]>(legendTexts));
  const sparklines = await readSparklines(page);
  const [charts, upstream] = [await readCharts(page), await page.evaluate<Upstream>(upstreamOfOrders)];
  return {
    endpoints: endpoints.toSorted(byText),
    sparklines: sparklines
      .map(({ address, last, offBy }) => [address, last, offBy <= paintedWithin] as const)
      .toSorted(byText),
    circuits,
    inFlight: await fact("in flight"),
    traffic: [await fact("calls"), await fact("failed"), await fact("extra load")],
    latency: [msOf(await fact("p50")), msOf(await fact("p99"))],
    legend: {
      ...legend,
      ...Object.fromEntries(["p50", "p90", "p99"].map((name) => [name, msOf(legend[name] ?? "")])),
    },
    charts: charts.map((columns) => columns[0]!.map((_, row) => columns.map((column) => column[row]))),
    balancer: await fact("balancer"),
    budget,
    guards: Object.fromEntries(guards),
    upstream: { ...upstream, p99: msOf(upstream.p99) },
    self: (await texts(".self"))[0] ?? "",
  };
}

/** As the page has it, all of it in words. */
type Upstream = Appearance["upstream"] & { readonly p99: string };

/** Runs in the page. */
const upstreamOfOrders = `(() => {
  const buttons = [...document.querySelectorAll("[data-service]")];
  const row = buttons.find((button) => button.dataset.service === "orders");
  const edge = document.querySelectorAll(".edges path")[buttons.indexOf(row)];
  const text = (selector) => row.querySelector(selector).innerText.trim();
  return {
    rate: text(".rate"),
    failed: text(".failed"),
    p99: text(".p99").replace(/^p99 /, ""),
    fleet: text(".fleet"),
    bar: [...row.querySelectorAll(".bar i")].map((part) => part.style.flexGrow),
    edge: [edge.getAttribute("stroke-width"), edge.getAttribute("class")],
  };
})()`;

/** Runs in the page. */
const legendTexts = `[...document.querySelectorAll("[data-line]")].map((line) => [
  line.dataset.line,
  line.querySelector("b").innerText,
])`;

/** A text of the page in milliseconds; undefined where it says that nothing is known. */
function msOf(text: string): number | undefined {
  const [number = "", unit] = text.split(" ");
  return unit === undefined ? undefined : Number(number) * (unit === "s" ? 1_000 : 1);
}

export function byText(a: readonly unknown[], b: readonly unknown[]): number {
  return a.join(" ") < b.join(" ") ? -1 : 1;
}
