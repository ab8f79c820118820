import type { EndpointState } from "../state.ts";
import { make, setAttribute, setText } from "./elements.ts";
import { digits, formatCount, formatMs, formatPercent } from "./format.ts";
import { judgeEndpoint } from "./judgement.ts";
import { Sparkline } from "./sparkline.ts";

/** One endpoint. Rows are used again for others: only what differs is changed. */
export class EndpointRow {
  readonly element: HTMLTableRowElement;
  readonly #address = make("b");
  readonly #about = make("small");
  readonly #state = make("span", { class: "verdict" });
  readonly #reason = make("small", { class: "reason" });
  readonly #shareBar = make("i");
  readonly #share = make("span");
  readonly #latency = make("span");
  readonly #spark = new Sparkline();
  readonly #success = make("td", { class: "success" });
  readonly #pending = make("td", { class: "pending" });
  readonly #cost = make("td", { class: "cost" });
  readonly #weight = make("td", { class: "weight" });

  constructor() {
    const bar = make("span", { class: "share-bar", "aria-hidden": "true" }, this.#shareBar);
    this.element = make(
      "tr",
      {},
      make("th", { scope: "row", class: "endpoint" }, this.#address, this.#about),
      make("td", { class: "state" }, this.#state, this.#reason),
      make("td", { class: "share" }, this.#share, bar),
      make("td", { class: "latency" }, this.#latency, this.#spark.element),
      this.#success,
      this.#pending,
      this.#cost,
      this.#weight,
    );
  }

  update(endpoint: EndpointState, latencies: readonly (number | null)[]): void {
    const { about, figures, gate } = endpoint;
    const { address, priority, version, weight, zone } = about;
    const [effectiveWeight, pending, latencyMs, successRatio, share, cost] = figures;
    const { tone, word } = judgeEndpoint(endpoint);
    setAttribute(this.element, "data-endpoint", address);
    setAttribute(this.element, "data-state", word);
    setText(this.#address, address);
    const parts = [zone, version, priority === 0 ? undefined : `priority ${priority}`];
    setText(this.#about, parts.filter((each) => each !== undefined).join(" · "));
    setAttribute(this.#state, "class", `verdict ${tone}`);
    setText(this.#state, word);
    setText(
      this.#reason,
      gate
        .map(({ text }) => text)
        .filter((text) => text !== word)
        .join("; "),
    );
    setText(this.#share, formatPercent(share));
    this.#shareBar.style.setProperty("width", `${Math.min(100, 100 * share)}%`);
    setText(this.#latency, formatMs(latencyMs));
    this.#spark.update(latencies);
    setText(this.#success, formatPercent(successRatio));
    setText(this.#pending, formatCount(pending));
    setText(this.#cost, cost === null ? "–" : digits(cost));
    setText(
      this.#weight,
      effectiveWeight === weight ? digits(weight) : `${digits(effectiveWeight)} of ${digits(weight)}`,
    );
  }
}
