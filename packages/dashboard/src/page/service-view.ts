import { CallList } from "./call-list.ts";
import { callsChart, latencyChart } from "./charts.ts";
import { make, setAttribute, setText } from "./elements.ts";
import { EndpointTable } from "./endpoint-table.ts";
import { formatCount, formatMs, formatPercent, formatRate } from "./format.ts";
import { GuardPanels } from "./guard-panels.ts";
import { judgeService } from "./judgement.ts";
import type { Store } from "./store.ts";

/** All of one service. */
export class ServiceView {
  readonly #root: HTMLElement;
  readonly #title = make("h2", { id: "service-title" });
  readonly #verdict = make("span", { class: "verdict" });
  readonly #facts = make("dl", { class: "facts" });
  readonly #factTexts = new Map<string, HTMLElement>();
  readonly #latency = latencyChart();
  readonly #calls = callsChart();
  readonly #guards: GuardPanels;
  readonly #endpoints = new EndpointTable();
  readonly #list = new CallList();
  #shown: string | undefined;

  constructor(root: HTMLElement) {
    this.#root = root;
    this.#guards = new GuardPanels();
    root.append(
      make("div", { class: "service-head" }, this.#title, this.#verdict, this.#facts),
      make("div", { class: "charts" }, this.#latency.element, this.#calls.element),
      this.#guards.element,
      this.#endpoints.element,
      this.#list.element,
    );
  }

  update(store: Store, name: string | undefined): void {
    const service = name === undefined ? undefined : store.state.services[name];
    setAttribute(this.#root, "hidden", service === undefined);
    if (name === undefined || service === undefined) return;
    if (this.#shown !== name) {
      this.#shown = name;
      this.#endpoints.reset();
    }
    const points = store.points(name);
    const latest = points.at(-1);
    const { tone, word } = judgeService(service, latest);
    setText(this.#title, name);
    setAttribute(this.#verdict, "class", `verdict ${tone}`);
    setText(this.#verdict, word);
    const { extra = 0, failed = 0, p50 = null, p99 = null, rate = 0 } = latest ?? {};
    this.#fact("calls", `${formatRate(rate)}/s`);
    this.#fact("failed", formatPercent(rate === 0 ? 0 : failed / rate));
    this.#fact("in flight", formatCount(service.calls));
    this.#fact("p50", formatMs(p50));
    this.#fact("p99", formatMs(p99));
    this.#fact("extra load", formatPercent(rate === 0 ? 0 : extra / rate));
    this.#fact("balancer", service.panic ? `${service.balancer}, in panic` : service.balancer);
    this.#fact("found by", foundBy(service));
    if (service.policyVersion !== undefined) this.#fact("policy", service.policyVersion);
    this.#latency.update(points);
    this.#calls.update(points);
    this.#guards.update(store, name, service);
    this.#endpoints.update(store, name, service);
    this.#list.update(store, name);
  }

  #fact(name: string, text: string): void {
    let value = this.#factTexts.get(name);
    if (value === undefined) {
      value = make("dd", { "data-fact": name });
      this.#factTexts.set(name, value);
      this.#facts.append(make("div", {}, make("dt", {}, name), value));
    }
    setText(value, text);
  }
}

function foundBy({ from, source, stale, status, trouble }: Store["state"]["services"][string]): string {
  const where = source === undefined ? status : from === "disk" ? `${source}, from disk` : source;
  if (trouble !== undefined) return `${where}: ${trouble}`;
  return stale ? `${where}, stale` : where;
}
