import type { PageState, ServiceState } from "../state.ts";
import { keepChildren, make, makeSvg, setAttribute, setText } from "./elements.ts";
import { formatCount, formatMs, formatPercent, formatRate, plural } from "./format.ts";
import { countTones, judgeService } from "./judgement.ts";
import type { Tone } from "./judgement.ts";
import type { Store } from "./store.ts";

/** As in the style sheet. */
const rowHeight = 52;
const edgeWidth = 72;
/** With more services than these the edges begin in the middle of the first so many, which are in sight. */
const maxCentred = 6;
/** Signs beside the colours, for those who do not tell them apart. */
const signs: Readonly<Record<Tone, string>> = { good: "●", warn: "▲", bad: "■", plain: "○" };

interface Row {
  readonly element: HTMLLIElement;
  readonly button: HTMLButtonElement;
  readonly verdict: HTMLElement;
  readonly figures: readonly HTMLElement[];
  readonly bar: HTMLElement;
  readonly endpoints: HTMLElement;
}

/** This process, the services that it calls, and how the calls to each fare. Chooses the service that is looked at. */
export class Topology {
  readonly #graph = make("div", { class: "graph" });
  readonly #list = make("ul", { class: "services" });
  readonly #edges = makeSvg("svg", { class: "edges", "aria-hidden": "true" });
  readonly #self = make("div", { class: "self" });
  readonly #none = make("p", { class: "none" }, "No service has been asked for yet.");
  readonly #items = new Map<string, HTMLLIElement>();
  readonly #rows = new Map<string, Row>();
  readonly #paths = new Map<string, SVGPathElement>();
  readonly #choose: (service: string) => void;

  constructor(section: HTMLElement, choose: (service: string) => void) {
    this.#choose = choose;
    const services = make("div", {}, this.#none, this.#list);
    this.#graph.append(this.#self, this.#edges, services);
    section.append(make("h2", { id: "upstreams-title", class: "unseen" }, "Upstreams"), this.#graph);
  }

  update(store: Store, chosen: string | undefined): void {
    const names = Object.keys(store.state.services).toSorted();
    keepChildren(this.#list, this.#items, names, (name) => this.#row(name).element);
    for (const name of this.#rows.keys()) if (!names.includes(name)) this.#rows.delete(name);
    for (const name of names) {
      const row = this.#rows.get(name);
      if (row !== undefined) updateRow(row, name, store, name === chosen);
    }
    setAttribute(this.#none, "hidden", names.length > 0);
    this.#updateSelf(store.state);
    this.#updateEdges(names, store);
  }

  #row(name: string): Row {
    const verdict = make("span", { class: "verdict" });
    const figures = ["rate", "failed", "p99"].map((key) => make("span", { class: `figure ${key}` }));
    const bar = make("span", { class: "bar", "aria-hidden": "true" });
    const endpoints = make("span", { class: "figure endpoints" });
    const button = make(
      "button",
      { type: "button", "data-service": name },
      make("span", { class: "name", title: name }, name),
      verdict,
      ...figures,
      make("span", { class: "fleet" }, bar, endpoints),
    );
    button.addEventListener("click", () => {
      this.#choose(name);
    });
    const row = { element: make("li", {}, button), button, verdict, figures, bar, endpoints };
    this.#rows.set(name, row);
    return row;
  }

  #updateSelf({ registrations }: PageState): void {
    const lines = registrations.map(({ registry, service, state }) => `${service}: ${state} (${registry})`);
    const text = ["this process", ...lines].join("\n");
    setText(this.#self, text);
  }

  /** As wide as there are calls, as dark as they fail. */
  #updateEdges(names: readonly string[], store: Store): void {
    const height = Math.max(names.length * rowHeight, rowHeight);
    setAttribute(this.#edges, "viewBox", `0 0 ${edgeWidth} ${height}`);
    setAttribute(this.#edges, "height", String(height));
    const isMany = names.length > maxCentred;
    setAttribute(this.#graph, "data-many", isMany);
    const middle = isMany ? (maxCentred * rowHeight) / 2 : height / 2;
    const paths = keepChildren(this.#edges, this.#paths, names, () => makeSvg("path"));
    for (const [i, path] of paths.entries()) {
      const name = names[i]!;
      const latest = store.points(name).at(-1);
      const y = i * rowHeight + rowHeight / 2;
      const half = edgeWidth / 2;
      setAttribute(path, "d", `M0 ${middle} C${half} ${middle} ${half} ${y} ${edgeWidth} ${y}`);
      setAttribute(
        path,
        "stroke-width",
        (1 + Math.min(5, Math.log10(1 + (latest?.rate ?? 0)) * 1.6)).toFixed(1),
      );
      setAttribute(path, "class", judgeService(store.state.services[name]!, latest).tone);
    }
  }
}

function updateRow(row: Row, name: string, store: Store, isChosen: boolean): void {
  const service = store.state.services[name]!;
  const latest = store.points(name).at(-1);
  const { tone, word } = judgeService(service, latest);
  setAttribute(row.button, "aria-current", isChosen ? "true" : undefined);
  setAttribute(row.verdict, "class", `verdict ${tone}`);
  setText(row.verdict, `${signs[tone]} ${word}`);
  const { failed = 0, p99 = null, rate = 0 } = latest ?? {};
  const texts = [
    `${formatRate(rate)}/s`,
    `${formatPercent(rate === 0 ? 0 : failed / rate)} failed`,
    `p99 ${formatMs(p99)}`,
  ];
  for (const [i, text] of texts.entries()) setText(row.figures[i]!, text);
  setText(row.endpoints, fleetText(service));
  updateBar(row.bar, service);
}

function fleetText(service: ServiceState): string {
  const all = Object.keys(service.endpoints).length;
  const open = countTones(service).good;
  return open === all ? plural(all, "endpoint") : `${formatCount(open)} of ${plural(all, "endpoint")} open`;
}

/** The endpoints by how they stand, side by side. */
function updateBar(bar: HTMLElement, service: ServiceState): void {
  const tones = countTones(service);
  for (const [i, tone] of (["good", "warn", "bad"] as const).entries()) {
    const part = bar.children[i] ?? bar.appendChild(make("i", { class: tone }));
    if (part instanceof HTMLElement) part.style.setProperty("flex-grow", String(tones[tone]));
  }
}
