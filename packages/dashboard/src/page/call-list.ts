import type { CallItem } from "../state.ts";
import { keepChildren, make, setText } from "./elements.ts";
import { explanation } from "./explanation.ts";
import { formatMs, formatTime } from "./format.ts";
import type { Store } from "./store.ts";

const maxShown = 12;

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
        "One ordinary call a second, and some of those that failed, were tried again or went another way. Open one to see why its endpoint was picked.",
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
  const isRefused = error === "ERR_PROXYLESS_CIRCUIT_OPEN" || error === "ERR_PROXYLESS_SHED";
  const tone = outcome === "success" ? "good" : outcome === "ignored" && !isRefused ? "plain" : "bad";
  const result = make("span", { class: `verdict ${tone}` });
  setText(
    result,
    status === undefined
      ? (error?.replace("ERR_PROXYLESS_", "").replaceAll("_", " ").toLowerCase() ?? outcome)
      : String(status),
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
