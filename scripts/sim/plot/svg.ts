/** Lines in the order of the policies; middle tones, which can be told apart on white and on black. */
const palette = [
  "#3b82f6",
  "#e8590c",
  "#2f9e44",
  "#d6336c",
  "#9775fa",
  "#0c8599",
  "#b8860b",
  "#868e96",
] as const;

/** The colour of the nth line. */
export function colour(index: number): string {
  return palette[index % palette.length] ?? palette[0];
}

/** A whole picture: its own background, dark where the reader's page is dark. */
export function svg(width: number, height: number, title: string, body: readonly string[]): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">`,
    `<title>${escaped(title)}</title>`,
    "<style>",
    "svg{--paper:#fff;--ink:#1f2328;--dim:#656d76;--rule:#d8dee4;--rest:#8c959f}",
    "@media(prefers-color-scheme:dark){svg{--paper:#14171c;--ink:#e6edf3;--dim:#9198a1;--rule:#30363d;--rest:#6e7681}}",
    "text{font:12px ui-sans-serif,system-ui,sans-serif;fill:var(--ink)}",
    ".title{font-size:15px;font-weight:600}.dim{fill:var(--dim)}",
    ".rule{stroke:var(--rule);fill:none}.rest{stroke:var(--rest);fill:none;opacity:.45}",
    ".line{fill:none;stroke-width:1.8;stroke-linejoin:round}",
    "</style>",
    `<rect width="${width}" height="${height}" fill="var(--paper)"/>`,
    ...body,
    "</svg>",
    "",
  ].join("\n");
}

/** Where a text ends or begins: `start`, `middle` or `end` at `x`. */
export type Anchor = "start" | "middle" | "end";

export function text(x: number, y: number, words: string, anchor: Anchor = "start", kind = ""): string {
  const style = kind === "" ? "" : ` class="${kind}"`;
  return `<text x="${place(x)}" y="${place(y)}" text-anchor="${anchor}"${style}>${escaped(words)}</text>`;
}

export function rule(x1: number, y1: number, x2: number, y2: number): string {
  return `<path class="rule" d="M${place(x1)} ${place(y1)}L${place(x2)} ${place(y2)}"/>`;
}

/** A line through points; it is broken where there is nothing to show. */
export function path(points: readonly (readonly [number, number])[], attributes: string): string {
  let drawn = "";
  let isDown = false;
  for (const [x, y] of points) {
    const isThere = Number.isFinite(y);
    if (isThere) drawn += `${isDown ? "L" : "M"}${place(x)} ${place(y)}`;
    isDown = isThere;
  }
  return `<path d="${drawn}" ${attributes}/>`;
}

function place(value: number): string {
  return String(Number(value.toFixed(1)));
}

function escaped(words: string): string {
  return words.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
