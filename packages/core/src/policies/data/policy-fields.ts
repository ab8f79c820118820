import type { Field, Json } from "./field.ts";
import { sections } from "./sections.ts";

/** One thing that a policy can say, as a row of a table. */
export interface PolicyField {
  /** `timeout.totalMs`; `[]` stands for any entry of a list, `*` for any name. */
  readonly path: string;
  /** Whose policies have it. */
  readonly of: "service" | "route" | "both";
  readonly type: string;
  /** Legal values, in words; empty where the type says it all. */
  readonly range: string;
  /** Undefined where it depends on others, or there is none. */
  readonly default: Json | undefined;
  readonly description: string;
}

/** Every field of a policy with its type, range and default. */
export function listPolicyFields(): readonly PolicyField[] {
  return sections.flatMap(({ field, key, of }) => rowsOf(field, key, of));
}

function rowsOf(field: Field, path: string, of: PolicyField["of"]): readonly PolicyField[] {
  const row = {
    path,
    of,
    type: typeOf(field),
    range: rangeOf(field),
    default: field.default,
    description: field.description,
  };
  switch (field.kind) {
    case "group":
      return [
        row,
        ...Object.entries(field.fields).flatMap(([key, child]) => rowsOf(child, `${path}.${key}`, of)),
      ];
    case "list":
      return [row, ...below(field.of, `${path}[]`, of)];
    case "map":
      return [row, ...below(field.of, `${path}.*`, of)];
    case "union":
      return [row, ...field.of.flatMap((child) => below(child, path, of))];
    case "number":
    case "flag":
    case "choice":
    case "text":
    case "json":
    case "code":
      break;
  }
  return [row];
}

/** What a row of its own says already need not be said again. */
function below(field: Field, path: string, of: PolicyField["of"]): readonly PolicyField[] {
  if (field.kind !== "group") return [];
  return Object.entries(field.fields).flatMap(([key, child]) => rowsOf(child, `${path}.${key}`, of));
}

function typeOf(field: Field): string {
  const own = plainTypeOf(field);
  return [own, ...(field.off === true ? ["false"] : []), ...(field.on === true ? ["true"] : [])].join(" | ");
}

function plainTypeOf(field: Field): string {
  switch (field.kind) {
    case "number":
      return field.integer === true ? "whole number" : "number";
    case "flag":
      return "true | false";
    case "choice":
      return field.of.map((value) => JSON.stringify(value)).join(" | ");
    case "text":
      return "string";
    case "list":
      return `array of ${field.of.kind === "group" || field.of.kind === "union" ? "objects" : plainTypeOf(field.of)}`;
    case "map":
    case "group":
      return "object";
    case "union":
      return [...new Set(field.of.map(plainTypeOf))].join(" | ");
    case "json":
      return "any JSON";
    case "code":
      break;
  }
  return "code";
}

function rangeOf(field: Field): string {
  if (field.kind === "list" && field.of.kind === "number") return rangeOf(field.of);
  const number = field.kind === "union" ? field.of.find(({ kind }) => kind === "number") : undefined;
  if (number !== undefined) return rangeOf(number);
  if (field.kind !== "number") return field.check ?? "";
  const { above, check, max, min } = field;
  const range = above === true ? `above ${min}, at most ${max}` : `${min} to ${max}`;
  return check === undefined ? range : `${range}; ${check}`;
}
