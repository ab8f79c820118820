import type UPlot from "uplot";

/** The chart library, which stands in a script before this one. */
declare const uPlot: typeof UPlot;

/** The chart library. */
export const Chart: typeof UPlot = uPlot;

/** A colour of the style sheet, as canvases need it. */
export function colour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

/** Calls `listener` when the colours change. */
export function onColours(listener: () => void): void {
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", listener);
}
