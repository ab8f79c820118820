import type UPlot from "uplot";

import type { Point } from "../state.ts";
import { make, setAttribute, setText } from "./elements.ts";
import { formatMs, formatRate, formatTime } from "./format.ts";
import { Chart, colour, onColours } from "./library.ts";

/** A line of a chart. */
interface Line {
  readonly key: "p50" | "p90" | "p99" | "rate" | "failed" | "extra";
  readonly label: string;
  /** The name of a colour of the style sheet. */
  readonly colour: string;
  readonly isFilled?: boolean;
}

const chartHeight = 168;
/** Points that are further apart than looks ever are have a gap between them. */
const gapSeconds = 6;
/** So much time is shown, in seconds: as much as there is, within these. */
const minSpanSeconds = 30;
const maxSpanSeconds = 180;

/** Lines over the last minutes, drawn by uPlot, with their present values as text. */
export class TimeChart {
  readonly element: HTMLElement;
  readonly #lines: readonly Line[];
  readonly #format: (value: number | null | undefined) => string;
  readonly #canvas: HTMLElement;
  readonly #values: readonly HTMLElement[];
  readonly #title: string;
  #chart: UPlot | undefined;
  #points: readonly Point[] = [];

  constructor(title: string, lines: readonly Line[], format: (value: number | null | undefined) => string) {
    this.#title = title;
    this.#lines = lines;
    this.#format = format;
    this.#canvas = make("div", { class: "canvas", role: "img", "aria-label": title });
    this.#values = lines.map(() => make("b"));
    const legend = lines.map((line, i) => {
      const key = make("i", { class: "key", "aria-hidden": "true" });
      key.style.setProperty("background", `var(--${line.colour})`);
      return make("span", { "data-line": line.key }, key, `${line.label} `, this.#values[i]!);
    });
    const head = make("div", { class: "chart-head" }, make("h3", {}, title), make("p", {}, ...legend));
    this.element = make("figure", { class: "panel chart" }, head, this.#canvas);
    onColours(() => {
      this.#rebuild();
    });
    new ResizeObserver(() => {
      this.#chart?.setSize({ width: this.#canvas.clientWidth, height: chartHeight });
    }).observe(this.#canvas);
  }

  update(points: readonly Point[]): void {
    this.#points = points;
    const latest = points.at(-1);
    const spoken = this.#lines.map((line, i) => {
      const text = this.#format(latest?.[line.key]);
      setText(this.#values[i]!, text);
      return `${line.label} ${text}`;
    });
    setAttribute(this.#canvas, "aria-label", `${this.#title}: now ${spoken.join(", ")}`);
    if (this.#chart === undefined) this.#rebuild();
    else this.#chart.setData(this.#data());
  }

  #rebuild(): void {
    this.#chart?.destroy();
    this.#chart = new Chart(this.#options(), this.#data(), this.#canvas);
  }

  /** What was not watched is a gap. */
  #data(): UPlot.AlignedData {
    const rows: (Point | number)[] = [];
    for (const point of this.#points) {
      const last = rows.at(-1);
      if (typeof last === "object" && point.at - last.at > gapSeconds) rows.push(last.at + 1);
      rows.push(point);
    }
    const at = rows.map((row) => (typeof row === "number" ? row : row.at));
    const values = this.#lines.map(({ key }) =>
      rows.map((row) => (typeof row === "number" ? null : row[key])),
    );
    return [at, ...values];
  }

  #options(): UPlot.Options {
    const axis = {
      stroke: colour("muted"),
      grid: { stroke: colour("line"), width: 1 },
      ticks: { show: false },
      font: "11px system-ui, sans-serif",
    };
    return {
      width: Math.max(this.#canvas.clientWidth, 100),
      height: chartHeight,
      legend: { show: false },
      cursor: { y: false, points: { size: 6 } },
      padding: [8, 8, 0, 0],
      scales: {
        x: { time: true, range: (_chart, min, max) => [max - spanOf(min, max), max] },
        y: { range: (_chart, _min, max) => [0, Number.isFinite(max) && max > 0 ? max * 1.1 : 1] },
      },
      axes: [
        {
          ...axis,
          size: 24,
          gap: 4,
          space: 70,
          values: (chart, ticks) =>
            ticks.map((tick) => (isAtEdge(chart, tick) ? "" : formatTime(tick * 1000))),
        },
        { ...axis, size: 58, values: (_chart, ticks) => ticks.map((tick) => this.#format(tick)) },
      ],
      series: [{}, ...this.#lines.map(seriesOf)],
      hooks: {
        setCursor: [
          (chart): void => {
            this.#showAt(chart);
          },
        ],
      },
    };
  }

  /** Under the pointer the values of that time stand in the legend. */
  #showAt({ cursor: { idx }, data }: UPlot): void {
    for (const [i, value] of this.#values.entries()) {
      const line = this.#lines[i]!;
      const under = typeof idx === "number" ? data[i + 1]?.[idx] : this.#points.at(-1)?.[line.key];
      setText(value, this.#format(under));
    }
  }
}

/** Whether half of the time's label would be cut off. */
function isAtEdge(chart: UPlot, tick: number): boolean {
  return chart.valToPos(tick, "x") > chart.bbox.width / devicePixelRatio - 20;
}

function spanOf(min: number, max: number): number {
  return Math.min(maxSpanSeconds, Math.max(minSpanSeconds, max - min));
}

function seriesOf({ colour: name, isFilled, label }: Line): UPlot.Series {
  const stroke = colour(name);
  return {
    label,
    stroke,
    width: 1.5,
    points: { show: false },
    ...(isFilled === true ? { fill: colour(`${name}-soft`) } : undefined),
  };
}

/** How long calls take. */
export function latencyChart(): TimeChart {
  return new TimeChart(
    "Latency",
    [
      { key: "p99", label: "p99", colour: "line-3" },
      { key: "p90", label: "p90", colour: "line-2" },
      { key: "p50", label: "p50", colour: "line-1", isFilled: true },
    ],
    formatMs,
  );
}

/** How many calls there are. */
export function callsChart(): TimeChart {
  return new TimeChart(
    "Calls per second",
    [
      { key: "rate", label: "all", colour: "line-1", isFilled: true },
      { key: "failed", label: "failed", colour: "bad", isFilled: true },
      { key: "extra", label: "retries and hedges", colour: "line-4" },
    ],
    (value) => (value === null || value === undefined ? "–" : formatRate(value)),
  );
}
