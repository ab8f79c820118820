import { readFileSync } from "node:fs";
import { join } from "node:path";

import { expect, it } from "vitest";

import { allDefinitions } from "../src/definitions.ts";
import { promNameOf } from "../src/prometheus/prometheus-names.ts";

const page = join(import.meta.dirname, "../../../docs/metrics.md");

/** The cells of each row of the table under a heading. */
function rowsUnder(text: string, heading: string): readonly (readonly string[])[] {
  const section = text.split(/^## /m).find((one) => one.startsWith(`${heading}\n`)) ?? "";
  return section
    .split("\n")
    .filter((line) => line.startsWith("| `"))
    .map((line) => line.split("|").map((cell) => cell.trim()));
}

it("are the table of docs/metrics.md, each of them and no other", () => {
  const rows = rowsUnder(readFileSync(page, "utf8"), "Instruments");
  const expected = allDefinitions.map((definition) => {
    const { attributes, description, kind, name, unit, workers = "sum" } = definition;
    const { name: prometheus } = promNameOf(definition);
    const list = attributes.map((attribute) => `\`${attribute}\``).join(", ");
    return ["", `\`${name}\``, `\`${prometheus}\``, kind, `\`${unit}\``, list, workers, description, ""];
  });
  expect(rows).toEqual(expected);
});

it("have names of their own, in OpenTelemetry and in Prometheus", () => {
  const names = allDefinitions.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  const prometheus = allDefinitions.map((definition) => promNameOf(definition).name);
  expect(new Set(prometheus).size).toBe(prometheus.length);
  for (const name of names) expect(name).toMatch(/^(http\.client|nodejs\.eventloop|proxyless)\.[a-z0-9_.]+$/);
});
