import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

import { linkScript } from "./link-script.ts";

/** The page as it is sent: one file that needs no other. */
export interface PageFile {
  readonly html: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** In the order in which later rules win. */
const styles = ["base", "topology", "service", "endpoints", "lists", "narrow"];

let made: PageFile | undefined;

/** The page. It is the same for everybody, whatever they may see: what is shown comes later, over the event stream. */
export function pageFile(): PageFile {
  made ??= makePage();
  return made;
}

function makePage(): PageFile {
  const require = createRequire(import.meta.url);
  const library = readFileSync(require.resolve("uplot/dist/uPlot.iife.min.js"), "utf8");
  const script = linkScript("main");
  const ownStyle = styles.map((name) => read(`${name}.css`));
  const style = [readFileSync(require.resolve("uplot/dist/uPlot.min.css"), "utf8"), ...ownStyle].join("\n");
  const parts: Readonly<Record<string, string>> = {
    "<!--style-->": `<style>${style}</style>`,
    "<!--library-->": `<script>${library}</script>`,
    "<!--script-->": `<script type="module">${script}</script>`,
  };
  for (const [name, text] of Object.entries({ style, library, script })) {
    if (/<\/(script|style)|<!--/i.test(text)) throw new Error(`the page's ${name} would end its own element`);
  }
  const html = read("page.html").replaceAll(/<!--\w+-->/g, (mark) => parts[mark] ?? mark);
  const policy = [
    "default-src 'none'",
    `script-src ${hashOf(library)} ${hashOf(script)}`,
    `style-src ${hashOf(style)}`,
    "img-src data:",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join("; ");
  return {
    html,
    headers: {
      "content-type": "text/html; charset=utf-8",
      "content-length": String(Buffer.byteLength(html)),
      "content-security-policy": policy,
      "cache-control": "no-store",
      "cross-origin-opener-policy": "same-origin",
      "cross-origin-resource-policy": "same-origin",
      "referrer-policy": "no-referrer",
      "x-content-type-options": "nosniff",
      "x-frame-options": "DENY",
    },
  };
}

/** A file that is the same beside sources and compiled modules. */
function read(name: string): string {
  return readFileSync(new URL(`../src/page/${name}`, import.meta.url), "utf8");
}

function hashOf(text: string): string {
  return `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
}
