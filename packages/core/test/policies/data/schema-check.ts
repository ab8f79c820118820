import type { JsonSchema } from "../../../src/policies/data/json-schema.ts";

const annotations = new Set(["$schema", "$defs", "title", "description", "default", "examples", "x-check"]);

/** Whether a schema accepts a value: the part of JSON Schema that the policies' schema is written in, and no other. */
export class SchemaCheck {
  readonly #root: JsonSchema;
  readonly #alone: boolean;

  /** @param alone nothing is inherited: `x-alone` holds as well */
  constructor(root: JsonSchema, alone: boolean) {
    this.#root = root;
    this.#alone = alone;
  }

  accepts(schema: JsonSchema, value: unknown): boolean {
    return Object.entries(schema).every(([keyword, rule]) => this.#holds(keyword, rule, value, schema));
  }

  /** What a reference stands for. */
  deref(schema: JsonSchema): JsonSchema {
    const { $ref } = schema;
    if (typeof $ref !== "string") return schema;
    return $ref
      .slice(2)
      .split("/")
      .reduce<JsonSchema>((at, key) => asSchema(at[key]), this.#root);
  }

  #holds(keyword: string, rule: unknown, value: unknown, schema: JsonSchema): boolean {
    if (annotations.has(keyword)) return true;
    switch (keyword) {
      case "$ref":
        return this.accepts(this.deref(schema), value);
      case "type":
        return isOfType(rule, value);
      case "enum":
        return asList(rule).includes(value);
      case "const":
        return rule === value;
      case "minimum":
        return typeof value !== "number" || value >= Number(rule);
      case "exclusiveMinimum":
        return typeof value !== "number" || value > Number(rule);
      case "maximum":
        return typeof value !== "number" || value <= Number(rule);
      case "minLength":
        return typeof value !== "string" || value.length >= Number(rule);
      case "maxLength":
        return typeof value !== "string" || value.length <= Number(rule);
      case "pattern":
        return typeof value !== "string" || new RegExp(String(rule), "u").test(value);
      case "minItems":
        return !Array.isArray(value) || value.length >= Number(rule);
      case "maxItems":
        return !Array.isArray(value) || value.length <= Number(rule);
      case "items":
        return !Array.isArray(value) || value.every((item) => this.accepts(asSchema(rule), item));
      case "required":
        return !isObject(value) || asList(rule).every((key) => Object.hasOwn(value, String(key)));
      case "minProperties":
        return !isObject(value) || Object.keys(value).length >= Number(rule);
      case "propertyNames":
        return !isObject(value) || Object.keys(value).every((key) => this.accepts(asSchema(rule), key));
      case "properties":
        return !isObject(value) || this.#propertiesHold(asSchema(rule), value);
      case "additionalProperties":
        return !isObject(value) || this.#othersHold(rule, value, schema);
      case "anyOf":
        return asList(rule).some((one) => this.accepts(asSchema(one), value));
      case "allOf":
        return asList(rule).every((one) => this.accepts(asSchema(one), value));
      case "not":
        return !this.accepts(asSchema(rule), value);
      case "if":
        return !this.accepts(asSchema(rule), value) || this.accepts(asSchema(schema["then"]), value);
      case "then":
        return true;
      case "x-alone":
        return !this.#alone || this.accepts(asSchema(rule), value);
      case "x-order":
        return !isObject(value) || isInOrder(asList(rule), value);
      default:
        throw new Error(`the schema has a keyword that is not known here: ${keyword}`);
    }
  }

  #propertiesHold(properties: JsonSchema, value: Readonly<Record<string, unknown>>): boolean {
    return Object.entries(properties).every(
      ([key, own]) => !Object.hasOwn(value, key) || this.accepts(asSchema(own), value[key]),
    );
  }

  #othersHold(rule: unknown, value: Readonly<Record<string, unknown>>, schema: JsonSchema): boolean {
    const known = schema["properties"] === undefined ? {} : asSchema(schema["properties"]);
    const others = Object.keys(value).filter((key) => !Object.hasOwn(known, key));
    return others.every((key) => rule !== false && this.accepts(asSchema(rule), value[key]));
  }
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function asSchema(value: unknown): JsonSchema {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the schema is our own, and JSON
  if (isObject(value)) return value as JsonSchema;
  throw new Error(`not a schema: ${JSON.stringify(value)}`);
}

export function asList(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw new Error(`not a list: ${JSON.stringify(value)}`);
}

function isOfType(type: unknown, value: unknown): boolean {
  switch (type) {
    case "object":
      return isObject(value);
    case "array":
      return Array.isArray(value);
    case "integer":
      return Number.isInteger(value);
    default:
      return typeof value === type;
  }
}

/** The value of a field, or of a field of a field: `timeout.totalMs`. */
export function valueAt(value: unknown, path: string): unknown {
  return path
    .split(".")
    .reduce<unknown>((at, key) => (isObject(at) && Object.hasOwn(at, key) ? at[key] : undefined), value);
}

function isInOrder(pairs: readonly unknown[], value: Readonly<Record<string, unknown>>): boolean {
  return pairs.every((pair) => {
    const [least, most] = asList(pair).map((path) => valueAt(value, String(path)));
    return typeof least !== "number" || typeof most !== "number" || least <= most;
  });
}
