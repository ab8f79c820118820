import type { CallItem, Candidate } from "../state.ts";
import { closedText, lookText } from "./choice-text.ts";
import { make } from "./elements.ts";
import { digits, formatCount, formatMs } from "./format.ts";

/** How the endpoint of an attempt is chosen, by its flag. */
const picks: Readonly<Record<string, string>> = {
  LB: "chosen by the balancer",
  PR: "as a probe after an ejection",
  PA: "in panic, because nothing better was open",
  SS: "by the session",
  OH: "asked for by the caller",
};

/** What balancers take, by their names; users may have others. */
const ways: Readonly<Record<string, string>> = {
  "success-aware-ewma": ", which takes the cheaper of two that it draws",
  "least-response-time": ", which takes the cheaper of two that it draws",
  "peak-ewma": ", which takes the cheaper of two that it draws",
  "least-request": ", which takes the one with the fewest calls in flight of those that it draws",
  "round-robin": ", which takes each in turn",
  random: ", which takes any",
  "weighted-round-robin": ", which takes each in turn, in proportion to its weight",
  "weighted-random": ", which takes any, in proportion to its weight",
  "client-side-weighted-round-robin": ", which takes each in turn, in proportion to the load that it reports",
  prequal: ", which takes the fastest of those that said that they are not busy",
  "ring-hash": ", which takes the same one for the same key",
  maglev: ", which takes the same one for the same key",
};

/** Why the endpoint of a call was picked, and what else there was. */
export function explanation({ attempts, choice, endpoint, flag, pick }: CallItem): HTMLElement {
  const { balancer, chosen, closed, closedInAll, others } = choice;
  const lines: HTMLElement[] = [];
  if (endpoint === undefined) {
    lines.push(make("p", {}, `Nothing was sent${flag === undefined ? "" : ` (${flag})`}.`));
  } else {
    const how = picks[pick ?? ""] ?? "chosen";
    const last = attempts > 1 ? `The last of ${attempts} attempts went to ` : "It went to ";
    const by = pick === "LB" ? ` ${balancer}${ways[balancer] ?? ""}` : "";
    lines.push(make("p", {}, last, make("b", {}, endpoint), `, ${how}${by}. ${lookText(choice)}`));
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
    lines.push(make("p", {}, closedText(choice)), make("ul", {}, ...items));
  }
  lines.push(
    make(
      "p",
      { class: "hint" },
      "All of this is as it stood at the look after the call, no longer as it was compared.",
    ),
  );
  return make("div", { class: "explanation" }, ...lines);
}

function candidateRow({ address, cost, latencyMs, pending }: Candidate, isChosen: boolean): HTMLElement {
  const name = make("th", { scope: "row" }, isChosen ? `${address} (called)` : address);
  const cells = [cost === undefined ? "–" : digits(cost), formatCount(pending), formatMs(latencyMs)];
  return make("tr", isChosen ? { class: "chosen" } : {}, name, ...cells.map((text) => make("td", {}, text)));
}
