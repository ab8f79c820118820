import type { Mesh } from "@proxyless/core";
import type { Page } from "playwright-core";
import { expect } from "vitest";

import type { Stage } from "./stage.ts";

/** What there is to see, or to say, of a service. */
interface Appearance {
  /** Each endpoint: its address, its state in a word, why in words, success, attempts in flight, and the weight it has now. */
  readonly endpoints: readonly (readonly string[])[];
  /** Each circuit: of what, its state, and what it counted. */
  readonly circuits: readonly (readonly string[])[];
  readonly inFlight: string;
  readonly balancer: string;
  readonly budget: string;
  /** What its bulkhead holds, where it has one. */
  readonly bulkhead: string | undefined;
  /** How many endpoints are open, as the service's own line says it. */
  readonly fleet: string;
}

/**
 * Lets the page look, and holds what it draws against what the mesh says. The page is given time to draw; the clock of the mesh stands
 * still meanwhile.
 */
export async function agree(page: Page, stage: Stage): Promise<Appearance> {
  await stage.look();
  const said = sayOrders(stage.mesh);
  // After five seconds of silence the page would ask for everything anew, and hide what it got wrong.
  await expect.poll(() => readOrders(page), { timeout: 4_000 }).toEqual(said);
  return said;
}

function sayOrders(mesh: Mesh): Appearance {
  const service = mesh.inspect().services.find((each) => each.service === "orders")!;
  const { balancing, budget, calls, circuits, endpoints, limits } = service;
  const bulkhead = limits.find(({ route }) => route === undefined)?.bulkhead;
  const open = endpoints.filter(({ gate }) => gate.length === 0).length;
  const all = `${endpoints.length} ${endpoints.length === 1 ? "endpoint" : "endpoints"}`;
  return {
    endpoints: endpoints
      .map(({ effectiveWeight, endpoint, gate, pending, successRatio }) => {
        const [first] = gate;
        const why = gate.map(({ text }) => text).filter((text) => text !== first?.kind);
        const success = `${Math.round(100 * successRatio)} %`;
        const figures = [success, String(pending), String(effectiveWeight)];
        return [endpoint, first?.kind ?? "open", why.join("; "), ...figures];
      })
      .toSorted(byText),
    circuits: circuits.map(({ calls: counted, failureRatio, mode, refused, route, state }) => {
      const word = `${state.replace("_", "-")}${mode === "auto" ? "" : `, ${mode.replace("-", " ")}`}`;
      const percent = Math.round(1_000 * failureRatio) / 10;
      const shown = percent < 10 ? percent : Math.round(percent);
      const detail = `${shown} % of ${counted} failed${refused > 0 ? ` · ${refused} refused` : ""}`;
      return [route ?? "service", word, detail];
    }),
    inFlight: String(calls),
    balancer: balancing.panic ? `${balancing.balancer}, in panic` : balancing.balancer,
    budget: String(Math.floor(Math.round(10 * budget.balance) / 10)),
    bulkhead: bulkhead && `${bulkhead.inFlight} of ${bulkhead.maxConcurrent} in flight`,
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
  const cells = ["th b", "td.state .verdict", ".reason", "td.success", "td.pending", "td.weight"];
  const endpoints = await rows(cells.map((cell) => `[data-endpoint] ${cell}`));
  const circuits = await rows(["b", ".verdict", "small"].map((cell) => `[data-circuit] ${cell}`));
  const [inFlight = ""] = await texts('[data-fact="in flight"]');
  const [balancer = ""] = await texts('[data-fact="balancer"]');
  const [budget = ""] = await texts(".pairs dd");
  const [bulkhead] = await texts('.pairs div:has(dt:text-is("bulkhead")) dd');
  const [fleet = ""] = await texts('[data-service="orders"] .fleet');
  return {
    endpoints: endpoints.toSorted(byText),
    // A countdown runs on with the clock.
    circuits: circuits.map(([of = "", word = "", detail = ""]) => [
      of,
      word,
      detail.replace(/ · next try.*/, ""),
    ]),
    inFlight,
    balancer,
    budget,
    bulkhead,
    fleet,
  };
}

function byText(a: readonly string[], b: readonly string[]): number {
  return a.join(" ") < b.join(" ") ? -1 : 1;
}
