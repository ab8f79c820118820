// Writes the tables of docs/events.md from the union of events in packages/core/src/events.ts. With --check it fails when they are
// stale, or when a type of event has no doc comment that says when it is told.
import { readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";

import { readEventUnion } from "./event-union.ts";
import type { EventType } from "./event-union.ts";
import { markdownTable } from "./markdown-table.ts";

const path = resolve(import.meta.dirname, "../docs/events.md");
/** A table stands between `<!-- events: name -->` and `<!-- /events -->`. */
const tables = /<!-- events: (?<name>\w+) -->\n[^]*?<!-- \/events -->/g;

const makers: Readonly<Record<string, (events: readonly EventType[]) => string>> = {
  types: (events) =>
    markdownTable([
      ["type", "when", "fields"],
      ...events.map(({ about, fields, type }) => [
        code(type),
        sentence(about),
        fields.map(({ name }) => code(name)).join(", "),
      ]),
    ]),
  fields: (events) => events.map((event) => section(event)).join("\n\n"),
};

/** One type by itself: when it is told, and what it says. */
function section({ about, fields, type }: EventType): string {
  const rows = fields.map((field) => [code(field.name), code(field.type), cell(field.about)]);
  return `### ${type}\n\n${about}\n\n${markdownTable([["field", "type", "what"], ...rows])}`;
}

function code(text: string): string {
  return `\`${cell(text)}\``;
}

function cell(text: string): string {
  return text.replaceAll("|", String.raw`\|`);
}

/** In a table a sentence has no full stop. */
function sentence(text: string): string {
  return cell(text.replace(/\.$/, ""));
}

function main(isCheck: boolean): number {
  const events = readEventUnion();
  const silent = events.filter(({ about }) => about === "").map(({ type }) => type);
  if (silent.length > 0) {
    console.error(`packages/core/src/events.ts does not say when these are told: ${silent.join(", ")}`);
    return 1;
  }
  const text = readFileSync(path, "utf8");
  const fresh = text.replaceAll(tables, (_, name: string) => {
    const maker = makers[name];
    if (maker === undefined) throw new Error(`there is no table ${name}`);
    return `<!-- events: ${name} -->\n\n${maker(events)}\n\n<!-- /events -->`;
  });
  if (!isCheck) writeFileSync(path, fresh);
  else if (fresh !== text) {
    console.error("docs/events.md is stale; run: pnpm events:docs");
    return 1;
  }
  return 0;
}

process.exitCode = main(process.argv.includes("--check"));
