import fc from "fast-check";

import type { JsonSchema } from "../../../src/policies/data/json-schema.ts";
import { asList, asSchema, isObject, valueAt } from "./schema-check.ts";
import type { SchemaCheck } from "./schema-check.ts";

/** Strings of every kind that some pattern asks for. */
const words = [
  "a",
  "x-a",
  "Orders_2",
  "GET",
  "post",
  "/",
  "/a",
  "/health",
  "/a/{id}",
  "/a/*",
  "/a*",
  "text with spaces",
  "zone-a",
  "ümlaut",
  "*",
];

/** Values that a schema accepts, also where nothing is inherited. */
export function valuesOf(given: JsonSchema, check: SchemaCheck): fc.Arbitrary<unknown> {
  const schema = check.deref(given);
  const { anyOf, enum: list, examples, type } = schema;
  if (examples !== undefined) return fc.constantFrom(...asList(examples));
  if (list !== undefined) return fc.constantFrom(...asList(list));
  if (anyOf !== undefined) return fc.oneof(...asList(anyOf).map((one) => valuesOf(asSchema(one), check)));
  if (type === "boolean") return fc.boolean();
  if (type === "integer" || type === "number") return numbersOf(schema, type === "integer");
  if (type === "string") return fc.constantFrom(...words.filter((word) => check.accepts(schema, word)));
  if (type === "array") return listsOf(schema, check);
  return type === "object" ? objectsOf(schema, check) : fc.jsonValue({ maxDepth: 1 });
}

function numbersOf(schema: JsonSchema, isInteger: boolean): fc.Arbitrary<number> {
  const above = schema["exclusiveMinimum"];
  const max = Number(schema["maximum"]);
  const min = above === undefined ? Number(schema["minimum"]) : Number(above) + (isInteger ? 1 : 1e-6);
  const any = isInteger
    ? fc.integer({ min, max })
    : fc.double({ min, max, noNaN: true }).map((value) => (Object.is(value, -0) ? 0 : value));
  return fc.oneof(fc.constantFrom(min, max), any);
}

function listsOf(schema: JsonSchema, check: SchemaCheck): fc.Arbitrary<unknown> {
  const minLength = Number(schema["minItems"] ?? 0);
  const maxLength = Math.min(Number(schema["maxItems"] ?? 3), 3);
  return fc.array(valuesOf(asSchema(schema["items"]), check), { minLength, maxLength });
}

function objectsOf(schema: JsonSchema, check: SchemaCheck): fc.Arbitrary<unknown> {
  const { additionalProperties, minProperties, properties, propertyNames } = schema;
  if (properties === undefined) {
    const names = propertyNames === undefined ? {} : asSchema(propertyNames);
    const key = fc.constantFrom(...words.filter((word) => check.accepts(names, word)));
    const value = valuesOf(asSchema(additionalProperties), check);
    return fc.dictionary(key, value, {
      minKeys: Number(minProperties ?? 0),
      maxKeys: 3,
      noNullPrototype: true,
    });
  }
  const required = asList(schema["required"] ?? []);
  const fields = Object.entries(asSchema(properties)).map(([key, own]) => {
    const value = valuesOf(asSchema(own), check).map((one): readonly [string, unknown][] => [[key, one]]);
    return required.includes(key) ? value : fc.oneof({ arbitrary: fc.constant([]), weight: 3 }, value);
  });
  return fc
    .tuple(...fields)
    .map((parts) => ordered(schema, Object.fromEntries(parts.flat())))
    .filter((value) => check.accepts(schema, value));
}

/** Numbers that came in the wrong order are exchanged, or hardly any would be in the right one. */
function ordered(
  schema: JsonSchema,
  value: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  let result = value;
  const pairs = asList(schema["x-order"] ?? []);
  for (let round = 0; round < pairs.length; round++) {
    for (const pair of pairs) {
      const [least = "", most = ""] = asList(pair).map(String);
      const [low, high] = [valueAt(result, least), valueAt(result, most)];
      if (typeof low === "number" && typeof high === "number" && low > high) {
        result = withNumber(withNumber(result, least, high), most, low);
      }
    }
  }
  return result;
}

function withNumber(
  value: Readonly<Record<string, unknown>>,
  path: string,
  to: number,
): Readonly<Record<string, unknown>> {
  const [key = "", field] = path.split(".");
  const own = value[key];
  return { ...value, [key]: field === undefined || !isObject(own) ? to : { ...own, [field]: to } };
}

/** Values of which one somewhere inside a policy is surely wrong, or right for another field only. */
const odd: readonly unknown[] = [
  -1,
  0,
  0.5,
  1e15,
  "",
  "nonsense",
  "a\nb",
  null,
  true,
  false,
  [],
  [null],
  ["nonsense"],
  {},
  { bogus: 1 },
];

/** The same value with something odd in one place of it. */
export function spoilt(value: unknown): fc.Arbitrary<unknown> {
  const places = [...placesOf(value, [])];
  return fc
    .tuple(fc.constantFrom(...places), fc.constantFrom(...odd))
    .map(([path, put]) => replaced(value, path, put));
}

function* placesOf(
  value: unknown,
  path: readonly (string | number)[],
): Generator<readonly (string | number)[]> {
  if (path.length > 0) yield path;
  if (Array.isArray(value)) {
    for (const [index, entry] of value.entries()) yield* placesOf(entry, [...path, index]);
  } else if (isObject(value)) {
    yield [...path, "bogus"];
    for (const [key, own] of Object.entries(value)) yield* placesOf(own, [...path, key]);
  }
}

function replaced(value: unknown, [key, ...rest]: readonly (string | number)[], put: unknown): unknown {
  if (key === undefined) return put;
  if (Array.isArray(value))
    return value.map((entry: unknown, index) => (index === key ? replaced(entry, rest, put) : entry));
  return isObject(value) ? { ...value, [key]: replaced(value[key], rest, put) } : put;
}
