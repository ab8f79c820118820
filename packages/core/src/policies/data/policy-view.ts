import type { ResolvedPolicy, ResolvedRoute } from "../policy.ts";
import type { Field, GroupField, Json } from "./field.ts";
import { isMet, isPlainObject } from "./layers.ts";
import type { LaidPolicy, PolicyOrigin } from "./layers.ts";
import type { LaidService } from "./policy-layers.ts";
import { sectionsOf } from "./sections.ts";

/** Values by name, in the words in which policies are given. */
export type PolicyValues = Readonly<Record<string, Json>>;

/** What is in force for some calls, and where each value comes from. */
export interface PolicyPartView {
  /** In the words of a policy, every default filled in; what may be secret is `[hidden]`, code `[code]`. */
  readonly values: PolicyValues;
  /** By the path of the value: `timeout.totalMs`. */
  readonly origins: Readonly<Record<string, PolicyOrigin>>;
}

/** The policy that is in force for a service. Plain, JSON-serialisable, without secrets. */
export interface PolicyView extends PolicyPartView {
  /** Of the document that is in force; undefined where all is as it was given in code. */
  readonly version: string | undefined;
  readonly routes: readonly (PolicyPartView & {
    readonly match: { readonly methods: readonly string[] | undefined; readonly path: string };
  })[];
}

/** Writes down what is in force, and where it comes from. */
export function viewPolicy(
  policy: ResolvedPolicy,
  laid: LaidService,
  version: string | undefined,
): PolicyView {
  return {
    version,
    ...partView(policy, policy, "service", [laid.service]),
    routes: policy.routes.map((route, index) => {
      const own = laid.routes[index];
      return {
        match: { methods: route.match.methods, path: route.match.path },
        ...partView(route, policy, "route", own === undefined ? [laid.service] : [own, laid.service]),
      };
    }),
  };
}

type Resolved = Readonly<Record<string, unknown>>;

function partView(
  part: ResolvedPolicy | ResolvedRoute,
  service: ResolvedPolicy,
  kind: "service" | "route",
  layers: readonly LaidPolicy[],
): PolicyPartView {
  const resolved = flat(part, service, kind);
  const values: Record<string, Json> = {};
  const origins: Record<string, PolicyOrigin> = {};
  for (const [key, { field, isRestated }] of sectionsOf(kind)) {
    // What is in other words where it is resolved is shown as it was given.
    const given = layers.map((layer) => layer.given[key]).find((value) => value !== undefined);
    const value = isRestated === true ? (given ?? standard(key, field, resolved)) : resolved[key];
    const shown = show(field, value ?? field.default, given, isRestated === true);
    if (shown === undefined) continue;
    values[key] = shown;
    for (const path of leavesOf(shown, [key])) origins[path.join(".")] = originOf(path, layers);
  }
  return { values, origins };
}

function originOf(path: readonly string[], layers: readonly LaidPolicy[]): PolicyOrigin {
  for (const layer of layers) {
    const origin = layer.originOf(path);
    if (origin !== undefined) return origin;
    // Of a section that a layer turned off nothing shines through from below.
    if (path.length > 1 && layer.given[path[0] ?? ""] === false) return "default";
  }
  return "default";
}

/** Sections by their names, as they are given. */
function flat(
  part: ResolvedPolicy | ResolvedRoute,
  service: ResolvedPolicy,
  kind: "service" | "route",
): Resolved {
  const { around, balancing, limits, retry, ...rest } = part;
  const budget = kind === "service" && { budget: service.budget };
  return {
    ...service.limits,
    ...service.around,
    ...limits,
    ...around,
    ...balancing,
    ...rest,
    retry: retry === false ? false : { ...retry, ...budget },
  };
}

/** What holds where nothing is given, where that depends on the mesh. */
function standard(key: string, field: Field, resolved: Resolved): unknown {
  const value = resolved[key];
  if (key === "balancer" && isPlainObject(value)) return value["name"];
  if (key === "locality" && isPlainObject(value))
    return value["mode"] === "none" ? false : { mode: value["mode"] };
  return field.default ?? (field.kind === "group" && field.off === true ? {} : undefined);
}

/** A value as JSON; undefined where there is nothing to show. */
function show(field: Field, value: unknown, given: unknown, isGiven: boolean): Json | undefined {
  if (value === undefined || value === null || value === Infinity) return undefined;
  if (typeof value === "function" || field.kind === "code") return "[code]";
  if (field.hidden === true) return "[hidden]";
  if (field.kind === "group") return showGroup(field, value === true ? {} : value, given, isGiven);
  if (field.kind === "union") {
    if (isPlainObject(value) && typeof value["build"] === "function") return "[code]";
    const fits = field.of.find((one) => one.kind === "group" && isOfGroup(one.fields, value));
    return fits === undefined ? json(value) : show(fits, value, value, isGiven);
  }
  return json(value);
}

function showGroup(
  { excludes = [], fields, needs = [] }: GroupField,
  value: unknown,
  given: unknown,
  isGiven: boolean,
): Json | undefined {
  if (!isPlainObject(value)) return json(value);
  const shown: Record<string, Json> = {};
  for (const [key, field] of Object.entries(fields)) {
    const own =
      value[key] ?? (isGiven && field.kind !== "code" ? (field.default ?? emptyGroup(field)) : undefined);
    const leaf = show(field, own, isPlainObject(given) ? given[key] : undefined, isGiven);
    if (leaf !== undefined) shown[key] = leaf;
  }
  // What another field makes meaningless is not in force.
  for (const [first, second] of excludes) if (first in shown) delete shown[second];
  for (const need of needs) if (!isMet(need, shown[need.of])) delete shown[need.field];
  return shown;
}

function emptyGroup(field: Field): unknown {
  if (field.kind !== "group") return undefined;
  return Object.values(field.fields).some((child) => child.default !== undefined) ? {} : undefined;
}

/** A group is known by those of its fields that can have one value only. */
function isOfGroup(fields: Readonly<Record<string, Field>>, value: unknown): boolean {
  if (!isPlainObject(value)) return false;
  return Object.keys(value).every((key) => {
    const field = fields[key];
    return field !== undefined && (field.kind !== "choice" || field.of.some((legal) => legal === value[key]));
  });
}

/** Only what JSON can write, and nothing that behaves. */
function json(value: unknown): Json | undefined {
  if (value === null || typeof value === "string" || typeof value === "boolean") return value;
  if (typeof value === "number") return Number.isFinite(value) ? value : undefined;
  if (Array.isArray(value)) return value.map((entry) => json(entry) ?? null);
  if (typeof value === "function") return "[code]";
  if (!isPlainObject(value)) return typeof value === "object" ? "[code]" : undefined;
  const entries = Object.entries(value).map(([key, own]): [string, Json | undefined] => [key, json(own)]);
  return Object.fromEntries(entries.filter((entry): entry is [string, Json] => entry[1] !== undefined));
}

function* leavesOf(value: Json, path: readonly string[]): Generator<readonly string[]> {
  const isLeaf = typeof value !== "object" || value === null || Array.isArray(value);
  const entries = isLeaf ? [] : Object.entries(value);
  if (entries.length === 0) yield path;
  else for (const [key, child] of entries) yield* leavesOf(child, [...path, key]);
}
