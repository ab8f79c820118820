import type { CallItem, Candidate } from "../state.ts";
import { keepChildren, make, setText } from "./elements.ts";
import { digits, formatCount, formatMs, formatTime } from "./format.ts";
import type { Store } from "./store.ts";

const maxShown = 12;
/** How the endpoint of an attempt is chosen, by its flag. */
const picks: Readonly<Record<string, string>> = {
  LB: "chosen by the balancer",
  PR: "as a probe after an ejection",
  PA: "in panic, because nothing better was open",
  SS: "by the session",
  OH: "asked for by the caller",
};

/** The last calls that were kept, each with the choice of its endpoint. */
export class CallList {
  readonly element: HTMLElement;
  readonly #list = make("ol", { class: "calls" });
  readonly #items = new Map<string, HTMLLIElement>();
  readonly #none = make("p", { class: "none" }, "No call has been seen yet.");

  constructor() {
    this.element = make(
      "section",
      { class: "panel", "aria-labelledby": "calls-title" },
      make("h3", { id: "calls-title" }, "Calls"),
      make(
        "p",
        { class: "hint" },
        "One ordinary call each second, and some of those that went otherwise. Choose one to see why its endpoint was picked.",
      ),
      this.#list,
      this.#none,
    );
  }

  update(store: Store, service: string): void {
    const calls = store.calls.filter((call) => call.service === service);
    const byKey = new Map(calls.map((call) => [`${service} ${call.id}`, call]));
    const newest = [...byKey.keys()].slice(-maxShown).toReversed();
    // What is being read stays until it is closed.
    const open = [...this.#items].filter(([key, item]) => isOpen(item) && byKey.has(key)).map(([key]) => key);
    const keys = [...new Set([...newest, ...open])];
    keepChildren(this.#list, this.#items, keys, (key) => callItem(byKey.get(key)!));
    this.#none.hidden = keys.length > 0;
  }
}

function isOpen(item: HTMLElement): boolean {
  const details = item.firstElementChild;
  return details instanceof HTMLDetailsElement && details.open;
}

function callItem(call: CallItem): HTMLLIElement {
  const { at, attempts, durationMs, endpoint, error, method, outcome, route, status } = call;
  const result = make("span", {
    class: `verdict ${outcome === "success" ? "good" : outcome === "ignored" ? "plain" : "bad"}`,
  });
  setText(
    result,
    status === undefined ? (error?.replace("ERR_PROXYLESS_", "").toLowerCase() ?? outcome) : String(status),
  );
  const summary = make(
    "summary",
    {},
    make("time", {}, formatTime(at)),
    make("span", { class: "what" }, route === undefined ? method : `${method} ${route}`),
    result,
    make("span", { class: "figure took" }, formatMs(durationMs)),
    make("span", { class: "figure tries" }, attempts === 1 ? "1 attempt" : `${attempts} attempts`),
    make("span", { class: "where" }, endpoint ?? "nowhere"),
  );
  return make("li", {}, make("details", {}, summary, explanation(call)));
}

function explanation({ attempts, choice, endpoint, flag, pick }: CallItem): HTMLElement {
  const { balancer, chosen, closed, closedInAll, open, others, panic } = choice;
  const lines: HTMLElement[] = [];
  if (endpoint === undefined) {
    lines.push(make("p", {}, `Nothing was sent${flag === undefined ? "" : ` (${flag})`}.`));
  } else {
    const how = picks[pick ?? ""] ?? "chosen";
    const last = attempts > 1 ? `The last of ${attempts} attempts went to ` : "";
    const by = pick === "LB" ? ` ${balancer}` : "";
    lines.push(make("p", {}, last, make("b", {}, endpoint), `, ${how}${by}. ${openText(open, panic)}`));
  }
  if (chosen !== undefined || others.length > 0) {
    const rows = [
      ...(chosen === undefined ? [] : [candidateRow(chosen, true)]),
      ...others.map((each) => candidateRow(each, false)),
    ];
    const head = ["Endpoint", "Cost", "In flight", "Latency"].map((text) =>
      make("th", { scope: "col" }, text),
    );
    lines.push(make("table", {}, make("thead", {}, make("tr", {}, ...head)), make("tbody", {}, ...rows)));
  }
  if (closedInAll > 0) {
    const items = closed.map(({ address, reasons }) => make("li", {}, make("b", {}, address), ` ${reasons}`));
    const more = closedInAll - closed.length;
    if (more > 0) items.push(make("li", {}, `and ${formatCount(more)} more`));
    lines.push(make("p", {}, "Not to be chosen:"), make("ul", {}, ...items));
  }
  lines.push(
    make(
      "p",
      { class: "hint" },
      "Costs and reasons are those of the look after the call, a second later at most.",
    ),
  );
  return make("div", { class: "explanation" }, ...lines);
}

function openText(open: number, panic: boolean): string {
  if (panic) return "So few endpoints are open that closed ones are picked as well.";
  return open === 1 ? "No other was open." : `${formatCount(open)} were open.`;
}

function candidateRow({ address, cost, latencyMs, pending }: Candidate, isChosen: boolean): HTMLElement {
  const name = make("th", { scope: "row" }, isChosen ? `${address} (called)` : address);
  const cells = [cost === undefined ? "–" : digits(cost), formatCount(pending), formatMs(latencyMs)];
  return make("tr", isChosen ? { class: "chosen" } : {}, name, ...cells.map((text) => make("td", {}, text)));
}
