import { readFileSync } from "node:fs";

import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { ProxylessError } from "../../../src/errors.ts";
import type { Field, NumberField } from "../../../src/policies/data/field.ts";
import { policyJsonSchema } from "../../../src/policies/data/json-schema.ts";
import { listPolicyFields } from "../../../src/policies/data/policy-fields.ts";
import { sections, sectionsOf } from "../../../src/policies/data/sections.ts";
import { resolvePolicy, servicePolicyKeys } from "../../../src/policies/resolve-policy.ts";
import { spoilt, valuesOf } from "./documents.ts";
import { asSchema, isObject, SchemaCheck } from "./schema-check.ts";

const schema = policyJsonSchema();
const lenient = new SchemaCheck(schema, false);
const strict = new SchemaCheck(schema, true);
const servicePolicy = asSchema(asSchema(schema["$defs"])["service"]);
const caller = { locality: { region: "r", zone: "zone-a" }, ordinal: { index: 0, total: 3 } };

/** Policies that the schema accepts, with routes that ask nothing of what they inherit. */
const policies = valuesOf(servicePolicy, strict).map((policy) => {
  if (!isObject(policy) || !Array.isArray(policy["routes"])) return policy;
  const list: readonly unknown[] = policy["routes"];
  const routes = list.map((route, index) => modest(route, index, policy));
  return Object.assign({}, policy, { routes });
});

/** A route without what contradicts its service, at a path of its own. */
function modest(route: unknown, index: number, service: Readonly<Record<string, unknown>>): unknown {
  if (!isObject(route) || !isObject(route["match"])) return route;
  const isLimited = service["bulkhead"] !== undefined || service["adaptiveConcurrency"] !== undefined;
  const left = new Set([
    ...(service["circuit"] === undefined ? [] : ["circuit"]),
    ...(isLimited ? ["bulkhead", "adaptiveConcurrency"] : []),
  ]);
  const own = Object.entries(route).filter(([key]) => !left.has(key));
  return {
    ...Object.fromEntries(own),
    match: { ...route["match"], path: `/r${index}${String(route["match"]["path"])}` },
  };
}

describe("the JSON Schema of policies", () => {
  it("is the file that the package ships", () => {
    const file = new URL("../../../policy.schema.json", import.meta.url);
    expect(JSON.parse(readFileSync(file, "utf8"))).toEqual(schema);
  });

  it("accepts what the resolvers accept: they take every policy that it describes", () => {
    fc.assert(
      fc.property(policies, (policy) => {
        expect(strict.accepts(servicePolicy, policy)).toBe(true);
        expect(() => resolvePolicy(policy, "orders", caller)).not.toThrow();
      }),
      { seed: 4, numRuns: 600 },
    );
  });

  it("refuses nothing that the resolvers accept: what is wrong to it is wrong to them", () => {
    let refused = 0;
    fc.assert(
      fc.property(policies.chain(spoilt), (policy) => {
        fc.pre(!lenient.accepts(servicePolicy, policy));
        refused++;
        expect(() => resolvePolicy(policy, "orders", caller)).toThrow(ProxylessError);
      }),
      { seed: 5, numRuns: 1_500, maxSkipsPerRun: 20 },
    );
    expect(refused).toBeGreaterThan(500);
  });

  it.each([...numbersIn("service"), ...numbersIn("route")])(
    "bounds %s where the resolvers do",
    (path, field, policyWith) => {
      const step = field.integer === true ? 1 : 1e-3;
      const outside = [field.above === true ? field.min : field.min - step, field.max + step];
      for (const value of [...outside, ...(field.integer === true ? [field.min + 0.5] : [])]) {
        expect(refusalOf(policyWith(value))).toBe(path);
      }
      const inside = [field.above === true ? field.min + step : field.min, field.max];
      for (const value of inside) {
        // Beside the others' defaults it may be a contradiction, but it is in its range.
        expect(refusalOf(policyWith(value), "a (?:whole )?number (?:from|above)")).not.toBe(path);
      }
    },
  );

  it("knows every section that a policy can have, and no other", () => {
    const known = [...sectionsOf("service").keys(), "preset", "routes"].toSorted((one, other) =>
      one.localeCompare(other),
    );
    expect(known).toEqual([...servicePolicyKeys].toSorted((one, other) => one.localeCompare(other)));
  });

  it("describes and bounds every field", () => {
    const fields = listPolicyFields();
    expect(fields.filter(({ description }) => !/^\S.*\S$/s.test(description))).toEqual([]);
    const numbers = fields.filter(({ type }) => /^(?:whole )?number/.test(type));
    expect(numbers.filter(({ range }) => range === "")).toEqual([]);
    expect(listPolicyFields().find(({ path }) => path === "circuit.failureRatio")).toEqual({
      path: "circuit.failureRatio",
      of: "both",
      type: "number | false",
      range: "above 0, at most 1",
      default: 0.5,
      description: "Opens when at least this share of the window's calls failed.",
    });
    expect(sections.length).toBeGreaterThan(15);
  });
});

type Row = readonly [path: string, field: NumberField, policyWith: (value: number) => unknown];

/** Every number of a policy, with a policy that has it and no more than it must. */
function* numbersIn(kind: "service" | "route"): Generator<Row> {
  for (const [key, { field }] of sectionsOf(kind)) {
    const prefix = kind === "service" ? "" : "routes[0].";
    const put = (value: unknown): unknown =>
      kind === "service" ? { [key]: value } : { routes: [{ match: { path: "/" }, [key]: value }] };
    yield* numbersOf(field, `${prefix}${key}`, put);
  }
}

function* numbersOf(field: Field, path: string, put: (value: unknown) => unknown): Generator<Row> {
  if (field.kind === "number") yield [path, field, put];
  if (field.kind === "union") for (const one of field.of) yield* numbersOf(one, path, put);
  if (field.kind === "list") yield* numbersOf(field.of, `${path}[0]`, (value) => put([value]));
  if (field.kind === "map") yield* numbersOf(field.of, `${path}.zone`, (value) => put({ zone: value }));
  if (field.kind !== "group") return;
  for (const [key, child] of Object.entries(field.fields)) {
    const must = [...(field.required ?? []), ...(field.requiredAlone ?? [])].filter((name) => name !== key);
    const rest = Object.fromEntries(must.map((name) => [name, least(field.fields[name])]));
    yield* numbersOf(child, `${path}.${key}`, (value) =>
      put({ ...rest, ...beside[path.replace("routes[0].", "")], [key]: value }),
    );
  }
}

/** What some fields need beside them. */
const beside: Readonly<Record<string, object>> = {
  bulkhead: { maxQueue: 1 },
  rateLimit: { perKey: true },
  circuit: { slowCallMs: 100 },
  adaptiveConcurrency: { algorithm: "vegas" },
  faultInjection: { percent: 1, headers: true },
  fallback: { service: "other" },
};

function least(field: Field | undefined): unknown {
  if (field?.kind === "number") return field.above === true ? field.max : field.min;
  if (field?.kind === "choice") return field.of[0];
  if (field?.kind === "text")
    return ["x", "/x"].find((word) => new RegExp(field.pattern ?? "", "u").test(word));
  if (field?.kind === "map") return { zone: 1 };
  if (field?.kind !== "group") throw new Error(`nothing stands for a ${field?.kind}`);
  return Object.fromEntries((field.requiredAlone ?? []).map((name) => [name, least(field.fields[name])]));
}

/** Which field of a policy is refused, if one is. */
function refusalOf(policy: unknown, because = ""): string | undefined {
  try {
    resolvePolicy(policy, "", caller);
    return undefined;
  } catch (error) {
    if (error instanceof ProxylessError && new RegExp(because).test(error.message)) return error.field;
    return "something else";
  }
}
