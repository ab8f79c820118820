import type { Page } from "playwright-core";

/**
 * Runs in a page before its scripts: keeps each chart that the chart library makes beside its element. So it can be asked for what it was
 * handed, which a canvas does not tell.
 */
export const keepCharts = `{
  let library;
  Object.defineProperty(window, "uPlot", {
    configurable: true,
    get: () => library,
    set: (plain) => {
      library = new Proxy(plain, {
        construct: (target, given) => {
          const chart = new target(...given);
          chart.root.chart = chart;
          return chart;
        },
      });
    },
  });
}`;

/** One chart's columns: seconds since 1970, then each of its lines. */
export type Columns = readonly (readonly (number | null)[])[];

/** What the charts of a service were handed, in the order of the page. */
export async function readCharts(page: Page): Promise<readonly Columns[]> {
  return page.evaluate(
    `[...document.querySelectorAll(".chart .uplot")].map(({ chart }) => chart.data.map((column) => [...column]))`,
  );
}

/** What is drawn beside an endpoint's latency. */
export interface DrawnSparkline {
  readonly address: string;
  /** The last of the values that it was handed. */
  readonly last: number | null;
  /** How far the topmost paint is from where the values are at most, in pixels. */
  readonly offBy: number;
}

/**
 * The sparklines of the endpoints that are shown: what they were handed, and whether that is what is painted. At a second's place the line
 * may be anywhere between that value and the ones beside it, for a second is hardly wider than the line.
 */
export async function readSparklines(page: Page): Promise<readonly DrawnSparkline[]> {
  return page.evaluate(`[...document.querySelectorAll("[data-endpoint]")].map((row) => {
    const { chart } = row.querySelector(".spark .uplot");
    const [at, values] = chart.data;
    // Of a copy: the browser complains of canvases that are read often.
    const { height, width } = chart.ctx.canvas;
    const copy = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
    copy.drawImage(chart.ctx.canvas, 0, 0);
    let offBy = 0;
    for (let i = 1; i + 1 < values.length; i++) {
      const near = values.slice(i - 1, i + 2);
      if (near.includes(null)) continue;
      const x = Math.round(chart.valToPos(at[i], "x", true));
      const { data } = copy.getImageData(x, 0, 1, height);
      const alphas = Array.from({ length: height }, (_, y) => data[4 * y + 3]);
      const top = alphas.findIndex((alpha) => alpha > 0);
      const [highest, lowest] = [Math.max(...near), Math.min(...near)].map((ms) => chart.valToPos(ms, "y", true));
      const over = top === -1 ? height : Math.max(highest - top, top - lowest);
      offBy = Math.max(offBy, over / devicePixelRatio);
    }
    return { address: row.dataset.endpoint, last: values.at(-1) ?? null, offBy };
  })`);
}
