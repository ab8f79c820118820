import { readFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";

/** The imports that the page's modules may have: names out of a neighbour, as they are called there. */
const importLine = /^import \{([^{}]*)\} from "\.\/([a-z-]+)\.[jt]s";\n/gm;

/**
 * The page's modules as one script: each after those that it imports, without `import` and `export`. Their top-level names are
 * different, which the browser checks: a module with the same name twice is a syntax error.
 * @param main the name of the module that begins
 */
export function linkScript(main: string): string {
  const linked = new Map<string, string>();
  link(main, linked);
  return [...linked.values()].join("\n");
}

function link(name: string, linked: Map<string, string>): void {
  if (linked.has(name)) return;
  // Holds the place against circles, which are refused by lint.
  linked.set(name, "");
  const code = read(name);
  for (const [line, names = "", from = ""] of code.matchAll(importLine)) {
    if (/\bas\b/.test(names)) throw new Error(`${name} renames what it imports: ${line}`);
    link(from, linked);
  }
  const bare = code
    .replaceAll(importLine, "")
    .replaceAll(/^export (?=(?:async )?function |const |class |let )/gm, "")
    .replaceAll(/^\/\/# sourceMappingURL=.*$/gm, "");
  if (/^(?:import|export)\b/m.test(bare))
    throw new Error(`${name} has an import or export that cannot be linked`);
  // Now it comes after what it imports.
  linked.delete(name);
  linked.set(name, bare);
}

/** The compiled module, or the source of it, without its types, where this one is a source as well. */
function read(name: string): string {
  const isSource = import.meta.url.endsWith(".ts");
  const code = readFileSync(new URL(`./page/${name}.${isSource ? "ts" : "js"}`, import.meta.url), "utf8");
  return isSource ? stripTypeScriptTypes(code) : code;
}
