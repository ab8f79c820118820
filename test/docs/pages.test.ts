import { existsSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";

import { errorCodes } from "@proxyless/core";
import { describe, expect, it } from "vitest";

import { readPages, root } from "./markdown.ts";

const pages = readPages();
const eventsSource = readFileSync(join(root, "packages/core/src/events.ts"), "utf8");
const errorsSource = readFileSync(join(root, "packages/core/src/errors.ts"), "utf8");

function page(path: string): string {
  const found = pages.find((one) => one.path === path);
  if (found === undefined) throw new Error(`there is no ${path}`);
  return found.text;
}

/** The first cells, in back-ticks, of the table rows under a heading. */
function rowsUnder(text: string, heading: string): readonly string[] {
  return [...section(text, heading).matchAll(/^\| *`([^`]+)`/gm)].map((match) => match[1] ?? "");
}

function section(text: string, heading: string): string {
  const lines = text.split("\n");
  const start = lines.findIndex((line) => /^#+ /.test(line) && line.replace(/^#+ /, "") === heading);
  if (start === -1) throw new Error(`there is no heading "${heading}"`);
  const depth = (lines[start] ?? "").indexOf(" ");
  const length = lines.slice(start + 1).findIndex((line) => /^#+ /.test(line) && line.indexOf(" ") <= depth);
  return lines.slice(start, length === -1 ? undefined : start + 1 + length).join("\n");
}

/** The members of a union of strings, out of the source: types are gone when tests run. */
function unionOf(source: string, name: string): readonly string[] {
  const declared = new RegExp(`export type ${name} =([^;]+);`).exec(source)?.[1] ?? "";
  return [...declared.matchAll(/"([^"]+)"/g)].map((match) => match[1] ?? "");
}

/** Every event with its fields, out of the source. */
function eventsOf(source: string): ReadonlyMap<string, readonly string[]> {
  const start = source.indexOf("export type MeshEvent =");
  const union = source.slice(start, source.indexOf("export type MeshEventType"));
  const events = new Map<string, readonly string[]>();
  for (const [member] of union.matchAll(/\| \{[^}]+\}/g)) {
    const type = /readonly type: "([^"]+)"/.exec(member)?.[1] ?? "";
    const fields = [...member.matchAll(/readonly (\w+):/g)].map((match) => match[1] ?? "");
    events.set(
      type,
      fields.filter((field) => field !== "type"),
    );
  }
  return events;
}

/** GitHub's way to make an anchor of a heading. */
function anchorsOf(text: string): readonly string[] {
  return [...text.matchAll(/^#+ (.+)$/gm)].map((match) =>
    (match[1] ?? "")
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-"),
  );
}

describe("docs/errors.md", () => {
  const text = page("docs/errors.md");

  it("has one row for each code, and no other", () => {
    expect(rowsUnder(text, "Codes").toSorted()).toEqual([...errorCodes].toSorted());
  });

  it("explains each reason flag and each phase", () => {
    expect(rowsUnder(text, "Reason flags").toSorted()).toEqual(
      unionOf(errorsSource, "ReasonFlag").toSorted(),
    );
    expect(rowsUnder(text, "Phases").toSorted()).toEqual(unionOf(errorsSource, "Phase").toSorted());
  });
});

describe("docs/events.md", () => {
  const text = page("docs/events.md");
  const events = eventsOf(eventsSource);

  it("has one row for each type of event, and no other", () => {
    expect(events.size).toBeGreaterThan(10);
    expect(rowsUnder(text, "Types").toSorted()).toEqual([...events.keys()].toSorted());
  });

  it.each([...events])("names the fields of %s", (type, fields) => {
    const row = text.split("\n").find((line) => line.startsWith(`| \`${type}\``)) ?? "";
    const told = [...(row.split("|")[3] ?? "").matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? "");
    expect(told.toSorted()).toEqual(fields.toSorted());
  });
});

describe("the pages", () => {
  it.each(pages.map(({ path, text }) => [path, text] as const))(
    "of %s link to what is there",
    (path, text) => {
      const prose = text.replaceAll(/^```.*?^```$/gms, "");
      const broken: string[] = [];
      for (const [, target = ""] of prose.matchAll(/\]\(([^)\s]+)\)/g)) {
        if (/^[a-z]+:/.test(target)) continue;
        const [file = "", anchor] = target.split("#", 2);
        const linked = file === "" ? path : relative(root, join(root, dirname(path), file));
        if (!existsSync(join(root, linked))) broken.push(target);
        else if (anchor !== undefined && linked.endsWith(".md")) {
          if (!anchorsOf(readFileSync(join(root, linked), "utf8")).includes(anchor)) broken.push(target);
        }
      }
      expect(broken).toEqual([]);
    },
  );

  it.each(pages.map(({ path, text }) => [path, text] as const))("of %s name no machine", (_, text) => {
    const machine =
      /(?:^|[\s"'`(=])\/(?:home|root|work|tmp|Users)\/|\bregistry\.npm|\bnpmjs\.|\bdeb\.debian\.org/m;
    expect(machine.exec(text)?.[0]).toBeUndefined();
  });

  it("keep the README within 150 lines", () => {
    expect(page("README.md").trimEnd().split("\n").length).toBeLessThanOrEqual(150);
  });

  it("are all reachable from the README or the page on the design", () => {
    const linked = page("README.md") + page("docs/design.md").replaceAll("](", "](docs/");
    const lost = pages.filter(({ path }) => path.startsWith("docs/") && !linked.includes(`](${path})`));
    expect(lost.map(({ path }) => path)).toEqual([]);
  });
});
