import type { CircuitStateView, ServiceState } from "../state.ts";
import { CircuitRow } from "./circuit-row.ts";
import { keepChildren, make, setAttribute, setText } from "./elements.ts";
import { digits, formatCount, formatMs, formatPercent, formatRate } from "./format.ts";
import type { Store } from "./store.ts";

/** What stands between the callers and a service: circuits, the budget of retries and hedges, limits. */
export class GuardPanels {
  readonly element: HTMLElement;
  readonly #circuits = make("ul", { class: "circuits" });
  readonly #rows = new Map<string, CircuitRow>();
  readonly #items = new Map<string, HTMLLIElement>();
  readonly #none = make("p", { class: "none" }, "No circuit.");
  readonly #budget = make("dl", { class: "pairs" });
  readonly #limits = make("dl", { class: "pairs" });
  readonly #noLimits = make("p", { class: "none" }, "Nothing is limited.");

  constructor() {
    this.element = make(
      "div",
      { class: "guards" },
      panel("Circuits", this.#circuits, this.#none),
      panel("Budget and hedging", this.#budget),
      panel("Limits", this.#limits, this.#noLimits),
    );
  }

  update(store: Store, name: string, service: ServiceState): void {
    const byKey = new Map(
      service.circuits.map((circuit, i) => [`${name} ${circuit.route ?? ""} ${i}`, circuit]),
    );
    for (const key of this.#rows.keys()) if (!byKey.has(key)) this.#rows.delete(key);
    keepChildren(this.#circuits, this.#items, [...byKey.keys()], (key) =>
      this.#row(key, name, byKey.get(key)),
    );
    for (const [key, circuit] of byKey) this.#rows.get(key)?.update(circuit, store.mayOperate);
    setAttribute(this.#none, "hidden", byKey.size > 0);
    setPairs(this.#budget, budgetPairs(store, name, service));
    const limits = service.limits.flatMap(limitPairs);
    setPairs(this.#limits, limits);
    setAttribute(this.#noLimits, "hidden", limits.length > 0);
  }

  #row(key: string, service: string, circuit: CircuitStateView | undefined): HTMLLIElement {
    const row = new CircuitRow(service, circuit?.route);
    this.#rows.set(key, row);
    return row.element;
  }
}

type Pair = readonly [name: string, value: string];

function budgetPairs(store: Store, name: string, { budget, hedging }: ServiceState): readonly Pair[] {
  const { extra = 0, rate = 0 } = store.points(name).at(-1) ?? {};
  const share = rate === 0 ? "" : `, ${formatPercent(extra / rate)} of calls`;
  return [
    ["retries left in the budget", formatCount(Math.floor(budget))],
    ["retries and hedges", `${formatRate(extra)}/s${share}`],
    ...hedging.flatMap(({ delayMs, hedges, isServiceSlow, late, route }): readonly Pair[] => [
      [of("hedge after", route), isServiceSlow ? "off: the whole service is slow" : formatMs(delayMs)],
      [of("hedges lately", route), `${formatCount(hedges)}, ${formatCount(late)} too late`],
    ]),
  ];
}

function limitPairs(limits: ServiceState["limits"][number]): readonly Pair[] {
  const { adaptiveConcurrency: adaptive, adaptiveThrottling, bulkhead, rateLimit: rate, route } = limits;
  const pairs: Pair[] = [];
  if (rate !== undefined) {
    const left =
      rate.tokens === undefined ? `${formatCount(rate.keys)} keys` : `${digits(rate.tokens)} tokens left`;
    pairs.push([of("rate", route), `${digits(rate.tokensPerSecond)}/s, ${left}${waiting(rate.queued)}`]);
  }
  if (bulkhead !== undefined) {
    const { inFlight, maxConcurrent, queued } = bulkhead;
    pairs.push([
      of("bulkhead", route),
      `${formatCount(inFlight)} of ${formatCount(maxConcurrent)} in flight${waiting(queued)}`,
    ]);
  }
  if (adaptive !== undefined) {
    const { algorithm, inFlight, limit, pressure, queued } = adaptive;
    const text = `${formatCount(inFlight)} of ${digits(limit)} in flight${waiting(queued)}, pressure ${formatPercent(pressure)}`;
    pairs.push([of(`concurrency, ${algorithm}`, route), text]);
  }
  for (const [level, { rejection }] of Object.entries(adaptiveThrottling?.levels ?? {})) {
    pairs.push([of(`throttled, ${level.replaceAll("_", " ")}`, route), formatPercent(rejection)]);
  }
  return pairs;
}

function waiting(queued: number): string {
  return queued === 0 ? "" : `, ${formatCount(queued)} waiting`;
}

function of(name: string, route: string | undefined): string {
  return route === undefined ? name : `${name} (${route})`;
}

function setPairs(list: HTMLElement, pairs: readonly Pair[]): void {
  while (list.children.length > pairs.length) list.lastElementChild?.remove();
  for (const [i, [name, value]] of pairs.entries()) {
    const item = list.children[i] ?? list.appendChild(make("div", {}, make("dt"), make("dd")));
    setText(item.children[0]!, name);
    setText(item.children[1]!, value);
  }
}

function panel(title: string, ...children: readonly HTMLElement[]): HTMLElement {
  return make("section", { class: "panel" }, make("h3", {}, title), ...children);
}
