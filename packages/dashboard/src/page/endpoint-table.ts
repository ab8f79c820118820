import type { EndpointState, ServiceState } from "../state.ts";
import { make, setAttribute, setText } from "./elements.ts";
import { EndpointRow } from "./endpoint-row.ts";
import { formatCount } from "./format.ts";
import { judgeEndpoint } from "./judgement.ts";
import type { Store } from "./store.ts";

/** So many rows are there at once: a table of thousands is of no use to anybody. */
const pageSizes = { narrow: 10, wide: 25 };

type Entry = readonly [id: string, endpoint: EndpointState];

/** A column, and by what it is sorted; larger comes first unless it is text. */
interface Column {
  readonly key: string;
  readonly label: string;
  readonly by: (endpoint: EndpointState) => number | string;
  /** What is shown grows from the top down, at first. */
  readonly grows?: boolean;
}

const rank = { bad: 3, warn: 2, plain: 1, good: 0 };
const columns: readonly Column[] = [
  { key: "endpoint", label: "Endpoint", by: ({ about }) => about.address, grows: true },
  { key: "state", label: "State", by: (endpoint) => rank[judgeEndpoint(endpoint).tone] },
  { key: "share", label: "Share", by: ({ figures: [, , , , share] }) => share },
  { key: "latency", label: "Latency", by: ({ figures: [, , latencyMs] }) => latencyMs ?? -1 },
  { key: "success", label: "Success", by: ({ figures: [, , , successRatio] }) => -successRatio, grows: true },
  { key: "pending", label: "In flight", by: ({ figures: [, pending] }) => pending },
  { key: "cost", label: "Cost", by: ({ figures: [, , , , , cost] }) => cost ?? -1 },
  { key: "weight", label: "Weight", by: ({ figures: [effectiveWeight] }) => effectiveWeight },
];

/** The endpoints of a service: filtered, sorted, a page at a time. */
export class EndpointTable {
  readonly element: HTMLElement;
  readonly #filter = make("input", { type: "search", placeholder: "address, zone, version, reason" });
  readonly #only = make("select", {}, ...["all", "open", "not open"].map((text) => make("option", {}, text)));
  readonly #heads: readonly HTMLTableCellElement[];
  readonly #body = make("tbody");
  readonly #rows: EndpointRow[] = [];
  readonly #count = make("p", { class: "count", role: "status" });
  readonly #back = make("button", { type: "button" }, "Previous");
  readonly #forth = make("button", { type: "button" }, "Next");
  #sort = "state";
  #isReversed = false;
  #page = 0;
  #shown: readonly [Store, string, ServiceState] | undefined;

  constructor() {
    this.#heads = columns.map(({ key, label }) => this.#head(key, label));
    const table = make("table", {}, make("thead", {}, make("tr", {}, ...this.#heads)), this.#body);
    setAttribute(table, "aria-labelledby", "endpoints-title");
    const again = (): void => {
      this.#page = 0;
      this.#refresh();
    };
    this.#filter.addEventListener("input", again);
    this.#only.addEventListener("change", again);
    this.#back.addEventListener("click", () => {
      this.#turn(-1);
    });
    this.#forth.addEventListener("click", () => {
      this.#turn(1);
    });
    const tools = make(
      "div",
      { class: "tools" },
      make("label", {}, make("span", {}, "Filter"), this.#filter),
      make("label", {}, make("span", {}, "Show"), this.#only),
    );
    this.element = make(
      "section",
      { class: "panel endpoints", "aria-labelledby": "endpoints-title" },
      make("div", { class: "panel-head" }, make("h3", { id: "endpoints-title" }, "Endpoints"), tools),
      make("div", { class: "scroll" }, table),
      make("div", { class: "pager" }, this.#count, this.#back, this.#forth),
    );
  }

  /** For another service. */
  reset(): void {
    this.#page = 0;
    this.#filter.value = "";
    this.#only.value = "all";
  }

  update(store: Store, name: string, service: ServiceState): void {
    this.#shown = [store, name, service];
    this.#refresh();
  }

  #refresh(): void {
    if (this.#shown === undefined) return;
    const [store, name, service] = this.#shown;
    const entries = this.#wanted(Object.entries(service.endpoints));
    const pageSize = pageSizes[matchMedia("(max-width: 720px)").matches ? "narrow" : "wide"];
    const pages = Math.max(1, Math.ceil(entries.length / pageSize));
    this.#page = Math.min(this.#page, pages - 1);
    const first = this.#page * pageSize;
    const visible = entries.slice(first, first + pageSize);
    while (this.#rows.length < visible.length) this.#rows.push(new EndpointRow());
    for (const [i, row] of this.#rows.entries()) {
      const entry = visible[i];
      if (entry === undefined) row.element.remove();
      else {
        row.update(entry[1], store.latencies(name, entry[0]));
        if (this.#body.children[i] !== row.element) this.#body.append(row.element);
      }
    }
    const last = first + visible.length;
    setText(
      this.#count,
      entries.length === 0
        ? "No endpoint"
        : `${formatCount(first + 1)}–${formatCount(last)} of ${formatCount(entries.length)}`,
    );
    this.#back.disabled = this.#page === 0;
    this.#forth.disabled = this.#page >= pages - 1;
    setAttribute(this.#back, "hidden", pages === 1);
    setAttribute(this.#forth, "hidden", pages === 1);
    for (const [i, head] of this.#heads.entries()) {
      const isSorted = columns[i]?.key === this.#sort;
      const way = (columns[i]?.grows === true) === this.#isReversed ? "descending" : "ascending";
      setAttribute(head, "aria-sort", isSorted ? way : undefined);
    }
  }

  #wanted(all: readonly Entry[]): readonly Entry[] {
    const words = this.#filter.value.trim().toLowerCase();
    const only = this.#only.value;
    const fitting = all.filter(
      ([, endpoint]) =>
        (only === "all" || (only === "open") === (endpoint.gate.length === 0)) &&
        (words === "" || wordsOf(endpoint).includes(words)),
    );
    const by = columns.find(({ key }) => key === this.#sort)?.by ?? ((): string => "");
    const sign = this.#isReversed ? -1 : 1;
    return fitting.toSorted(
      ([, a], [, b]) => sign * compare(by(a), by(b)) || collator.compare(a.about.address, b.about.address),
    );
  }

  #head(key: string, label: string): HTMLTableCellElement {
    const button = make("button", { type: "button" }, label);
    button.addEventListener("click", () => {
      this.#isReversed = this.#sort === key && !this.#isReversed;
      this.#sort = key;
      this.#page = 0;
      this.#refresh();
    });
    return make("th", { scope: "col", class: key }, button);
  }

  #turn(by: number): void {
    this.#page += by;
    this.#refresh();
    // A button that is off loses the focus.
    const [here, other] = by > 0 ? [this.#forth, this.#back] : [this.#back, this.#forth];
    if (here.disabled) other.focus();
  }
}

function wordsOf({ about: { address, health, version, zone }, gate }: EndpointState): string {
  const reasons = gate.map(({ kind, text }) => `${kind} ${text}`);
  return [address, health, zone, version, ...reasons].join(" ").toLowerCase();
}

/** Made once: making it is most of what a comparison costs. */
const collator = new Intl.Collator("en", { numeric: true });

/** Text from A to Z, numbers from the largest down. */
function compare(a: number | string, b: number | string): number {
  if (typeof a === "string" && typeof b === "string") return collator.compare(a, b);
  return Number(b) - Number(a);
}
