import type { CircuitStateView } from "../state.ts";
import { make, setAttribute, setText } from "./elements.ts";
import { formatCount, formatMs, formatPercent } from "./format.ts";
import { judgeCircuit } from "./judgement.ts";

/** The modes of a circuit, and what they are called. */
const modes = [
  ["auto", "automatic"],
  ["forced-open", "forced open"],
  ["forced-closed", "forced closed"],
  ["metrics-only", "metrics only"],
] as const;

/** One circuit; who has signed in may switch its mode. */
export class CircuitRow {
  readonly element: HTMLLIElement;
  readonly #service: string;
  readonly #route: string | undefined;
  readonly #verdict = make("span", { class: "verdict" });
  readonly #detail = make("small");
  readonly #form = make("form", { class: "operate" });
  readonly #mode = make("select");
  readonly #answer = make("span", { class: "answer", role: "status" });

  constructor(service: string, route: string | undefined) {
    this.#service = service;
    this.#route = route;
    const name = route ?? "service";
    for (const [value, text] of modes) this.#mode.append(make("option", { value }, text));
    setAttribute(this.#mode, "aria-label", `Mode of the circuit of ${name}`);
    this.#form.append(this.#mode, make("button", { type: "submit" }, "Apply"), this.#answer);
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#apply();
    });
    this.element = make(
      "li",
      { "data-circuit": name },
      make("div", {}, make("b", {}, name), this.#verdict),
      this.#detail,
      this.#form,
    );
  }

  update(circuit: CircuitStateView, mayOperate: boolean): void {
    const { calls, failureRatio, mode, openForMs, refused, slow, state } = circuit;
    const { tone, word } = judgeCircuit(state, mode);
    setAttribute(this.element, "data-state", state);
    setAttribute(this.#verdict, "class", `verdict ${tone}`);
    setText(this.#verdict, word);
    const parts = [`${formatPercent(failureRatio)} of ${formatCount(calls)} failed`];
    if (slow > 0) parts.push(`${formatCount(slow)} slow`);
    if (refused > 0) parts.push(`${formatCount(refused)} refused`);
    if (openForMs > 0) parts.push(`next try in ${formatMs(openForMs)}`);
    setText(this.#detail, parts.join(" · "));
    setAttribute(this.#form, "hidden", !mayOperate);
    if (!this.#form.contains(document.activeElement)) this.#mode.value = mode;
  }

  async #apply(): Promise<void> {
    const query = new URLSearchParams({ service: this.#service, mode: this.#mode.value });
    if (this.#route !== undefined) query.set("route", this.#route);
    try {
      const headers = { "x-requested-with": "page" };
      const response = await fetch(`circuit?${query}`, { method: "POST", headers });
      setText(this.#answer, response.ok ? "done" : await response.text());
    } catch {
      setText(this.#answer, "the server does not answer");
    }
  }
}
