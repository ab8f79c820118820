import { policyOrder } from "../policy-order.ts";
import type { Field, GroupField, Json, Need, Section } from "./field.ts";
import { presetNames } from "./presets.ts";
import { sections } from "./sections.ts";
import { text } from "./sections/ranges.ts";

/** A JSON Schema. */
export type JsonSchema = { readonly [keyword: string]: Json };

/**
 * The JSON Schema (draft 2020-12) of a policy document; `#/$defs/service` is that of a service's policy, `#/$defs/route` that
 * of a route's. Whatever it refuses is refused by the mesh too. Two keywords of our own say what the standard ones cannot:
 *
 * - `x-order`: pairs of fields of which the first is not above the second, where both are given; `a.b` is the field `b` of `a`
 * - `x-alone`: a schema that holds besides where nothing is inherited: from a service, a preset, or the policy given in code
 *
 * and `x-check` says in words what is checked besides.
 */
export function policyJsonSchema(): JsonSchema {
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "Policies of a proxyless mesh",
    description: "How calls to services behave, as data. Handed to mesh.configure().",
    type: "object",
    required: ["version", "services"],
    additionalProperties: false,
    properties: {
      $schema: { type: "string" },
      version: {
        description: "Tells documents apart; one whose version is in force changes nothing.",
        ...versionSchema,
      },
      services: {
        description: "Policies by the name of the service; of others, the mesh's own options hold.",
        type: "object",
        propertyNames: { pattern: "^[A-Za-z0-9_](?:[A-Za-z0-9_.\\-]{0,251}[A-Za-z0-9_])?$" },
        additionalProperties: { $ref: "#/$defs/service" },
      },
    },
    $defs: {
      ...Object.fromEntries(
        sections.map((section): [string, Json] => [defOf(section), schemaOf(section.field)]),
      ),
      service: policy("service", {
        routes: {
          description: "What differs for some requests. The first that matches is taken.",
          "x-check": "no route takes the requests of one that comes before it",
          type: "array",
          items: { $ref: "#/$defs/route" },
        },
      }),
      route: policy("route", { match: schemaOf(match) }, ["match"]),
    },
  };
}

const versionSchema = { type: "string", minLength: 1, maxLength: 256 };

const method = text("An HTTP method, in any case.", "^[\\w!#$%&'*+.^`\\|~\\-]{1,40}$");

const match: GroupField = {
  kind: "group",
  description: "Which requests the route is for.",
  required: ["path"],
  fields: {
    method: {
      kind: "union",
      description: "One method or several; every method when absent.",
      of: [method, { kind: "list", description: "Several.", minItems: 1, of: method }],
    },
    path: text(
      "{name} stands for exactly one segment, a final /* for any rest.",
      "^(?=/)(?:/(?:[\\w.~!$&'()+,;=:@%\\-]*|\\{[^\\{\\}/*?#\\s]+\\}))*(?:/\\*)?$",
    ),
  },
};

function policy(
  of: "service" | "route",
  more: Record<string, Json>,
  required: readonly string[] = [],
): JsonSchema {
  const own = sections.filter((section) => section.of === of || section.of === "both");
  return {
    type: "object",
    required,
    additionalProperties: false,
    properties: {
      preset: {
        description: "What the given fields are laid over.",
        enum: presetNames,
      },
      ...Object.fromEntries(
        own.map((section): [string, Json] => [section.key, { $ref: `#/$defs/${defOf(section)}` }]),
      ),
      ...more,
    },
    ...policyRules(own),
  };
}

/** What services and routes have alike is written once. */
function defOf({ key, of }: Section): string {
  return of === "route" ? `${key}OfRoute` : key;
}

function policyRules(own: readonly Section[]): JsonSchema {
  const rules = own.flatMap(({ rules: given = [] }) => given);
  const alone = own.flatMap(({ rulesAlone = [] }) => rulesAlone);
  return {
    ...(rules.length > 0 && { allOf: rules }),
    "x-order": policyOrder,
    ...(alone.length > 0 && { "x-alone": { allOf: alone } }),
  };
}

function schemaOf(field: Field): JsonSchema {
  const { check, description, examples } = field;
  const about = {
    description,
    ...(field.default !== undefined && { default: field.default }),
    ...(examples !== undefined && { examples }),
    ...(check !== undefined && { "x-check": check }),
  };
  const more = [...(field.off === true ? [false] : []), ...(field.on === true ? [true] : [])];
  const own = plainSchemaOf(field);
  return more.length === 0 ? { ...about, ...own } : { ...about, anyOf: [{ enum: more }, own] };
}

function plainSchemaOf(field: Field): JsonSchema {
  switch (field.kind) {
    case "number": {
      const { above, integer, max, min } = field;
      return {
        type: integer === true ? "integer" : "number",
        ...(above === true ? { exclusiveMinimum: min } : { minimum: min }),
        maximum: max,
      };
    }
    case "flag":
      return { type: "boolean" };
    case "choice":
      return { enum: field.of };
    case "text":
      return { type: "string", ...(field.pattern !== undefined && { pattern: field.pattern }) };
    case "list":
      return {
        type: "array",
        items: schemaOf(field.of),
        ...(field.minItems !== undefined && { minItems: field.minItems }),
        ...(field.maxItems !== undefined && { maxItems: field.maxItems }),
      };
    case "map":
      return {
        type: "object",
        additionalProperties: schemaOf(field.of),
        ...(field.names !== undefined && { propertyNames: { pattern: field.names } }),
        ...(field.minEntries !== undefined && { minProperties: field.minEntries }),
      };
    case "group":
      return groupSchemaOf(field);
    case "union":
      return { anyOf: field.of.filter(isData).map(schemaOf) };
    case "json":
    case "code":
      break;
  }
  return {};
}

function groupSchemaOf(field: GroupField): JsonSchema {
  const {
    excludes = [],
    fields,
    needs = [],
    order,
    required,
    requiredAlone = [],
    rules = [],
    rulesAlone = [],
  } = field;
  const all = [...rules, ...excludes.map((pair): Json => ({ not: { required: pair } }))];
  const alone = [
    ...rulesAlone,
    ...(requiredAlone.length > 0 ? [{ required: requiredAlone }] : []),
    ...needs.map(needSchemaOf),
  ];
  return {
    type: "object",
    ...(required !== undefined && { required }),
    additionalProperties: false,
    properties: Object.fromEntries(
      Object.entries(fields)
        .filter(([, child]) => isData(child))
        .map(([key, child]): [string, Json] => [key, schemaOf(child)]),
    ),
    ...(all.length > 0 && { allOf: all }),
    ...(order !== undefined && { "x-order": order }),
    ...(alone.length > 0 && { "x-alone": { allOf: alone } }),
  };
}

function needSchemaOf({ field, of, values }: Need): Json {
  const legal: Json = values === undefined ? { not: { enum: [false, 0] } } : { enum: values };
  return {
    if: { required: [field] },
    // oxlint-disable-next-line unicorn/no-thenable -- a keyword of JSON Schema
    then: { required: [of], properties: { [of]: legal } },
  };
}

function isData(field: Field): boolean {
  return field.kind !== "code";
}
