import type UPlot from "uplot";

import { make } from "./elements.ts";
import { Chart, colour, onColours } from "./library.ts";

const sparkWidth = 88;
const sparkHeight = 22;

/** The last minute of one number, drawn by uPlot; the number itself stands beside it. */
export class Sparkline {
  readonly element: HTMLElement = make("span", { class: "spark", "aria-hidden": "true" });
  #chart: UPlot | undefined;
  #data: UPlot.AlignedData = [[], []];

  constructor() {
    onColours(() => {
      this.#rebuild();
    });
  }

  update(values: readonly (number | null)[]): void {
    this.#data = [values.map((_, i) => i - values.length), [...values]];
    if (this.#chart === undefined) this.#rebuild();
    else this.#chart.setData(this.#data);
  }

  #rebuild(): void {
    this.#chart?.destroy();
    this.#chart = new Chart(
      {
        width: sparkWidth,
        height: sparkHeight,
        legend: { show: false },
        cursor: { show: false },
        padding: [2, 1, 2, 1],
        axes: [{ show: false }, { show: false }],
        scales: {
          x: { time: false, range: () => [-60, -1] },
          y: { range: (_chart, _min, max) => [0, Number.isFinite(max) && max > 0 ? max * 1.1 : 1] },
        },
        series: [
          {},
          { stroke: colour("line-1"), fill: colour("line-1-soft"), width: 1.25, points: { show: false } },
        ],
      },
      this.#data,
      this.element,
    );
  }
}
